// Whether a lease reaches to the longest time that its blueprint allows: no renewal goes beyond it.

import type { LeaseRecord } from "../machines/record.js"

export function isAtLongest({ context }: LeaseRecord): boolean {
  const { activatedAt, until, bounds } = context
  if (activatedAt === null || until === null || bounds.longestMs === null) return false
  return Date.parse(until) >= Date.parse(activatedAt) + bounds.longestMs
}

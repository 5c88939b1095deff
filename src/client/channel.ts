// What every part of the client shares: the connection, who speaks to which yard, and the holder's clock.

import type { HolderClock } from "./holder-clock.js"
import type { Link } from "./link.js"
import type { Outcomes } from "./outcomes.js"

export interface Channel {
  readonly link: Link
  readonly yard: string
  readonly principal: string
  readonly outcomes: Outcomes
  readonly clock: HolderClock
  /** How long a call may take unless it says otherwise, milliseconds. */
  readonly timeoutMs: number
  /** Aborts when the connection is closed by its owner. */
  readonly closing: AbortSignal
  /** Tells of trouble that belongs to no call. Never throws. */
  readonly trouble: (error: Error) => void
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

// Durations and terms as the caller writes them, brought to what the protocol takes.

import { durationMs, parseDuration } from "../machines/duration.js"
import type { Duration, Term } from "./drydock.js"
import { ClientError } from "./errors.js"

function isDuration(text: string): text is Duration {
  return parseDuration(text) !== undefined
}

/** Checks a text of unknown origin. Throws ClientError `invalid`. */
export function asDuration(text: string): Duration {
  if (isDuration(text)) return text
  throw new ClientError(
    "impossible",
    "invalid",
    `not a duration: ${JSON.stringify(text.slice(0, 40))}`,
    'write a number and a unit, such as "90s", "30m", "2h" or "1d" (at most 366d)',
  )
}

/** Milliseconds of a duration. Throws ClientError `invalid`. */
export function toMs(text: Duration): number {
  return durationMs(asDuration(text))
}

/** An instant as the protocol writes it. Throws ClientError `invalid`. */
export function toInstant(time: string | Date): string {
  const ms = typeof time === "string" ? Date.parse(time) : time.getTime()
  if (!Number.isNaN(ms)) return new Date(ms).toISOString()
  throw new ClientError(
    "impossible",
    "invalid",
    `not a time: ${JSON.stringify(String(time).slice(0, 40))}`,
    'write ISO 8601 in UTC, such as "2026-01-01T12:00:00Z"',
  )
}

/** Body of `renew`, and the part of `request` that speaks of time. */
export function termBody(term: Term): { ttl?: string; until?: string } {
  return {
    ...(term.ttl === undefined ? {} : { ttl: asDuration(term.ttl) }),
    ...(term.until === undefined ? {} : { until: toInstant(term.until) }),
  }
}

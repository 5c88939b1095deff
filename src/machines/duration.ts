import { z } from "zod"
import { LIMITS } from "./limits.js"

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const DURATION = /^(\d{1,12})(ms|s|m|h|d)$/

/** Milliseconds of `"90s"`, `"30m"`, `"2h"`, `"1d"`; undefined when it is none, zero, or over 366 days. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text)
  if (match === null) return undefined
  const unit = match[2]
  if (unit !== "ms" && unit !== "s" && unit !== "m" && unit !== "h" && unit !== "d") return undefined
  const ms = Number(match[1]) * UNIT_MS[unit]
  return ms > 0 && ms <= LIMITS.durationMs ? ms : undefined
}

/** A duration whose text has been checked. Its milliseconds, units last in the name. */
export function durationMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new RangeError(`not a duration: ${text}`)
  return ms
}

export const duration = z
  .string()
  .max(16)
  .refine((text) => parseDuration(text) !== undefined, {
    error: 'not a duration: write a number and a unit, such as "90s", "30m", "2h" or "1d" (at most 366d)',
  })

const INSTANT = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/

/** An ISO 8601 time with its zone, brought to UTC with milliseconds. */
/** Times that are written with a year of four digits, in UTC: only these can be read back from a record. */
const FIRST_MS = Date.UTC(1970, 0, 1)
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

export const instant = z
  .string()
  .max(40)
  .transform((text, context) => {
    const ms = isOfCalendar(text) ? Date.parse(text) : Number.NaN
    if (!(ms >= FIRST_MS && ms <= LAST_MS)) {
      context.addIssue({
        code: "custom",
        message: 'not a time: write ISO 8601 in UTC, such as "2026-01-01T12:00:00Z"',
      })
      return z.NEVER
    }
    return new Date(ms).toISOString()
  })

/** Whether it has the form of a time and its day exists: Date.parse would take 30 February for 2 March. */
function isOfCalendar(text: string): boolean {
  const [, year, month, day] = INSTANT.exec(text) ?? []
  if (year === undefined || month === undefined || day === undefined) return false
  return new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
}

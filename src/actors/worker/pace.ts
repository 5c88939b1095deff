// How a worker divides the time that it may be silent. Counted from when the last word was said that the yard accepted:
// the yard counts from when it got that word, which is later. So all is dead here before the next attempt is ordered.

import type { JobOrder } from "../../machines/job.js"

/** The longest time from TERM to KILL, milliseconds. */
const LONGEST_GRACE_MS = 2_000

export interface Pace {
  /** From one heartbeat to the next. */
  readonly beatMs: number
  /** A word without an outcome is said again after so long. */
  readonly patienceMs: number
  /** After so long without an outcome everything is ended. */
  readonly giveUpMs: number
  /** From TERM to KILL. */
  readonly graceMs: number
}

export function paceOf({ silenceMs }: Pick<JobOrder, "silenceMs">): Pace {
  return {
    beatMs: silenceMs / 3,
    patienceMs: silenceMs / 6,
    giveUpMs: (silenceMs * 2) / 3,
    graceMs: Math.min(LONGEST_GRACE_MS, silenceMs / 6),
  }
}

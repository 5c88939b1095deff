// How long the guard of the commands on a host has patience, as the caller of `connectHost` says it.

import { HostError } from "./errors.js"

export interface GuardPatience {
  /**
   * When the connection is gone, the guard sends SIGTERM at once and SIGKILL after so many milliseconds, rounded up to
   * seconds. Default 10,000; 0 to 600,000.
   */
  readonly graceMs?: number | undefined
  /**
   * When the line is silent for so long, milliseconds, the guard takes the connection for gone; found to within a
   * quarter and a second. Default 120,000; 4,000 to 3,600,000.
   */
  readonly silenceMs?: number | undefined
}

const LIMITS = {
  graceMs: { usual: 10_000, least: 0, most: 600_000 },
  silenceMs: { usual: 120_000, least: 4_000, most: 3_600_000 },
} as const

/** Both times. Throws HostError `bad-command` for one outside its limits. */
export function guardTimes(patience: GuardPatience): {
  readonly graceMs: number
  readonly silenceMs: number
} {
  return { graceMs: within("graceMs", patience), silenceMs: within("silenceMs", patience) }
}

function within(name: keyof typeof LIMITS, patience: GuardPatience): number {
  const { usual, least, most } = LIMITS[name]
  const value = patience[name] ?? usual
  if (value >= least && value <= most) return value
  const limits = `${least.toLocaleString("en")} to ${most.toLocaleString("en")}`
  throw new HostError(
    "bad-command",
    `${name} must be ${limits} milliseconds, not ${value}`,
    `correct ${name}`,
  )
}

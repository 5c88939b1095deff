import type { Clock } from "../hosting/clock.js"

/** Resolves after so long, or as soon as the signal is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      timer.cancel()
      signal.removeEventListener("abort", done)
      resolve()
    }
    const timer = clock.after(Math.max(0, ms), done)
    signal.addEventListener("abort", done, { once: true })
    if (signal.aborted) done()
  })
}

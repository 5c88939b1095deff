// The second port (rule 18). Only elapsed time: what the time *is*, the stream says (rule 14).

export interface Cancellable {
  cancel(): void
}

export interface Clock {
  /** Milliseconds since an arbitrary moment; never goes back, goes on while the process is stopped. */
  monotonicMs(): number
  /** Calls once, no earlier than `delayMs` from now. Does not keep the process alive. */
  after(delayMs: number, call: () => void): Cancellable
}

/** setTimeout overflows above this and would fire at once. */
const LONGEST_DELAY_MS = 2_000_000_000

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  after(delayMs, call) {
    const timer = setTimeout(call, Math.min(Math.max(0, Math.ceil(delayMs)), LONGEST_DELAY_MS))
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}

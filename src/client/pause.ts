// Waiting for a while, and not everybody coming back at the same moment.

/**
 * Resolves after the time or as soon as the signal aborts; never throws. In the background it does not keep the
 * process alive.
 */
export async function pause(ms: number, signal?: AbortSignal, background = false): Promise<void> {
  if (signal?.aborted === true) return
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener("abort", done)
      resolve()
    }
    const timer = setTimeout(done, Math.max(0, ms))
    if (background) timer.unref()
    signal?.addEventListener("abort", done, { once: true })
  })
}

/** Between 0.8 and 1.2 of it. */
export function jittered(ms: number): number {
  return ms * (0.8 + 0.4 * Math.random())
}

/** Doubles from `firstMs` up to `mostMs`, jittered. `attempt` counts from 0. */
export function backOff(attempt: number, firstMs: number, mostMs: number): number {
  return jittered(Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 20)))
}

/** A promise and how to settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
}

export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve: (value) => resolve(value) }
}

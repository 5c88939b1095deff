// Waiting for a while, and not everybody coming back at the same moment.

import { setMaxListeners } from "node:events"

/** setTimeout fires at once above 2^31 ms. */
const LONGEST_MS = 2_000_000_000

/**
 * Resolves after the time (23 days at most) or as soon as the signal aborts; never throws. In the background it does not keep the
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
    const timer = setTimeout(done, Math.min(LONGEST_MS, Math.max(0, ms)))
    if (background) timer.unref()
    signal?.addEventListener("abort", done, { once: true })
  })
}

/** A signal that aborts after the time, however long, unless `settled` aborts before. */
export function timeLimit(ms: number, settled: AbortSignal): AbortSignal {
  const limit = new AbortController()
  const endMs = performance.now() + ms
  const wait = async () => {
    while (!settled.aborted && performance.now() < endMs) await pause(endMs - performance.now(), settled)
    if (!settled.aborted) limit.abort()
  }
  void wait()
  return limit.signal
}

/** Between 0.8 and 1.2 of it. */
export function jittered(ms: number): number {
  return ms * (0.8 + 0.4 * Math.random())
}

/** Doubles from `firstMs` up to `mostMs`, jittered. `attempt` counts from 0. */
export function backOff(attempt: number, firstMs: number, mostMs: number): number {
  return jittered(Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 20)))
}

/** Whose signal any number may listen to: Node warns about more than ten as if they were forgotten. */
export function popularController(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
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

import { setTimeout as delay } from "node:timers/promises"

/** The value, or null when it takes longer. Rejects as the promise does. */
export async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | null> {
  const enough = new AbortController()
  try {
    const late = delay(milliseconds, null, { signal: enough.signal })
    late.catch(() => undefined) // ended by `enough`
    return await Promise.race([promise, late])
  } finally {
    enough.abort()
  }
}

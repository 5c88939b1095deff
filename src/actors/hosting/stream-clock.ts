// What time it is, by the stream (rule 14). Elapsed time is ours, the moment is the stream's: each message that comes
// in says what the time was when it was stored. A message is late by its way, or old, so the greatest difference is
// nearest to the truth. A stream whose clock was set back makes timers fire early, which does nothing.

import type { Clock } from "./clock.js"

/** Stream time that runs ahead of elapsed time by more than this is a jump, not a drift. */
const JUMP_MS = 30_000

export class StreamClock {
  readonly #clock: Clock
  #offset: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes in a message's time. Returns by how much it runs ahead if that is a jump, else undefined. */
  observe(timestampMs: number): number | undefined {
    const offset = timestampMs - this.#clock.monotonicMs()
    if (this.#offset !== undefined && offset - this.#offset > JUMP_MS) return offset - this.#offset
    if (this.#offset === undefined || offset > this.#offset) this.#offset = offset
    return undefined
  }

  /** Milliseconds since 1970 by the stream's clock; undefined before its first message. */
  now(): number | undefined {
    return this.#offset === undefined ? undefined : this.#clock.monotonicMs() + this.#offset
  }
}

// The clock of a process that is too busy to look at its timers: time passes, and what was due is called late.

import type { Cancellable, Clock } from "../../src/actors/hosting/clock.js"

export class LateClock implements Clock {
  #busy = false
  readonly #late = new Set<() => void>()

  constructor(private readonly clock: Clock) {}

  monotonicMs(): number {
    return this.clock.monotonicMs()
  }

  after(delayMs: number, call: () => void): Cancellable {
    const due = () => {
      if (this.#busy) this.#late.add(call)
      else call()
    }
    const timer = this.clock.after(delayMs, due)
    return {
      cancel: () => {
        timer.cancel()
        this.#late.delete(call)
      },
    }
  }

  /** From now on nothing that falls due is called. */
  busy(): void {
    this.#busy = true
  }

  /** Calls everything that has fallen due. */
  free(): void {
    this.#busy = false
    const late = [...this.#late]
    this.#late.clear()
    for (const call of late) call()
  }
}

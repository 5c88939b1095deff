// Time that passes only when a test says so. Between two timers everything that was set off by the first has settled.

import type { Cancellable, Clock } from "../../src/actors/hosting/clock.js"

interface Timer {
  readonly atMs: number
  readonly order: number
  readonly call: () => void
}

export class VirtualClock implements Clock {
  #nowMs = 0
  #order = 0
  #timers: Timer[] = []

  monotonicMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, call: () => void): Cancellable {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, call }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  /** When the next timer is due; undefined when none is armed. */
  nextMs(): number | undefined {
    return this.#due()?.atMs
  }

  /** Lets time pass: every timer that falls due runs at its time, in order, those it arms included. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await settled()
    for (let timer = this.#due(); timer !== undefined && timer.atMs <= endMs; timer = this.#due()) {
      this.#timers = this.#timers.filter((other) => other !== timer)
      this.#nowMs = timer.atMs
      timer.call()
      await settled()
    }
    this.#nowMs = endMs
  }

  #due(): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) {
      if (first === undefined || timer.atMs < first.atMs) first = timer
      else if (timer.atMs === first.atMs && timer.order < first.order) first = timer
    }
    return first
  }
}

/** Resolves when all promises that can settle without a timer have. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

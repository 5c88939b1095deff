// Elapsed time as the holder of a lease must count it: rather too much than too little. The monotonic clock stands
// still while a machine sleeps, and the yard's does not; so whenever the wall clock went on by clearly more than the
// monotonic one since the last look, the wall clock's step counts. A wall clock that is set forward makes a lease
// look older than it is, which is the safe side.

/** Steps of the wall clock below this are adjustments, not sleep. */
const SLEEP_MS = 1_000

export interface TimeSource {
  monotonicMs(): number
  wallMs(): number
}

const system: TimeSource = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }

export class HolderClock {
  #elapsedMs = 0
  #monotonicMs: number
  #wallMs: number
  constructor(private readonly source: TimeSource = system) {
    this.#monotonicMs = source.monotonicMs()
    this.#wallMs = source.wallMs()
  }

  /** Milliseconds since this clock was made; never goes back. */
  nowMs(): number {
    const monotonicMs = this.source.monotonicMs()
    const wallMs = this.source.wallMs()
    const monotonicStep = monotonicMs - this.#monotonicMs
    const wallStep = wallMs - this.#wallMs
    this.#monotonicMs = monotonicMs
    this.#wallMs = wallMs
    this.#elapsedMs += wallStep - monotonicStep > SLEEP_MS ? wallStep : monotonicStep
    return this.#elapsedMs
  }
}

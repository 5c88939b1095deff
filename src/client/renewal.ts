// Renews on its own schedule: every third of the ttl after the last one was confirmed, and when it fails again and
// again, ever more often, until the handle's deadline. It decides nothing: the handle says when the lease is lost.

import { asError, type Channel } from "./channel.js"
import { jittered, pause } from "./pause.js"

export interface RenewalPlan {
  readonly ttlMs: number
  readonly over: AbortSignal
  /** Milliseconds until the lease counts as lost. */
  leftMs(): number
  /** Whether it reaches to its own hard end already. */
  isAtHardEnd(): boolean
  /** Throws when it was not confirmed. */
  renew(timeoutMs: number): Promise<void>
}

const MOST_RETRY_MS = 5_000
/** A hard end that was moved is noticed within this. */
const MOST_REST_MS = 60_000

export class RenewalLoop {
  constructor(
    private readonly channel: Channel,
    private readonly plan: RenewalPlan,
  ) {}

  /** Ends when the lease is over or the connection is closed. */
  async run(): Promise<void> {
    const { ttlMs, over } = this.plan
    const everyMs = ttlMs / 3
    const stop = AbortSignal.any([over, this.channel.closing])
    let waitMs = this.#firstWaitMs(everyMs)
    while (!stop.aborted) {
      await pause(waitMs, stop, true)
      if (stop.aborted) return
      // Somebody renewed it for longer than we would: that is not cut short.
      const spareMs = this.plan.leftMs() - ttlMs
      if (spareMs > 0 || this.plan.isAtHardEnd())
        waitMs = Math.max(0, Math.min(spareMs, MOST_REST_MS)) + everyMs
      else waitMs = (await this.#tried()) ? jittered(everyMs) : Math.min(MOST_RETRY_MS, jittered(everyMs / 8))
    }
  }

  /** What was adopted late in its life is renewed soon. */
  #firstWaitMs(everyMs: number): number {
    return Math.max(0, Math.min(jittered(everyMs), this.plan.leftMs() - 1.5 * everyMs))
  }

  async #tried(): Promise<boolean> {
    try {
      await this.plan.renew(Math.max(1, Math.min(this.plan.leftMs(), this.plan.ttlMs)))
      return true
    } catch (error) {
      // Released meanwhile, or lost: that is told by the handle.
      if (!this.plan.over.aborted) this.channel.trouble(asError(error))
      return false
    }
  }
}

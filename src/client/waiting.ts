// Tells a waiting requester why it waits: asks `why` when the lease begins to wait, at each of its records, and now
// and then (a position moves without a record of one's own), and speaks only when the answer changed.

import type { WhyAnswer } from "./answers.js"
import { asError, type Channel } from "./channel.js"
import type { LeaseOptions } from "./drydock.js"
import { jittered, pause } from "./pause.js"
import { ask } from "./queries.js"

const AGAIN_MS = 2_000
const ASK_MS = 2_000

export class WaitingExplainer {
  #last: string | undefined
  #running = false
  #again = new AbortController()
  readonly #signal: AbortSignal

  constructor(
    private readonly channel: Channel,
    private readonly leaseId: string,
    private readonly tell: NonNullable<LeaseOptions["onWaiting"]>,
    signal: AbortSignal,
  ) {
    this.#signal = signal
  }

  /** It waits, and something about it may have changed. */
  stillWaiting(): void {
    this.#again.abort()
    if (this.#running) return
    this.#running = true
    this.#run().catch((error: unknown) => this.channel.trouble(asError(error)))
  }

  async #run(): Promise<void> {
    while (!this.#signal.aborted) {
      this.#again = new AbortController()
      try {
        this.#explain(
          await ask(this.channel, "why", { id: this.leaseId }, { signal: this.#signal, timeoutMs: ASK_MS }),
        )
      } catch (error) {
        if (!this.#signal.aborted) this.channel.trouble(asError(error))
      }
      await pause(jittered(AGAIN_MS), AbortSignal.any([this.#signal, this.#again.signal]))
    }
  }

  #explain(why: WhyAnswer): void {
    if (why.state !== "pending" || this.#signal.aborted) return
    const { position, ahead, waiting, summary, unblock } = why
    const text = JSON.stringify({ position, ahead, code: waiting?.code, summary, unblock })
    if (text === this.#last) return
    this.#last = text
    this.tell(why)
  }
}

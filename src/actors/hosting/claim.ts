// Which host is active (rule 13). The claim chooses; it protects nothing: that is the fence's business. A host that
// holds the claim renews it; the others watch, and race for it when it has run out.

import type { ClaimState, Log, Reading } from "../log/log.js"
import type { Cancellable, Clock } from "./clock.js"
import type { Reporter } from "./reports.js"

export const CLAIM_TTL_MS = 2_000
const RENEW_MS = 700
const RETRY_MS = 200

export interface ClaimEvents {
  readonly log: Log
  readonly clock: Clock
  readonly host: string
  readonly report: Reporter
  won(): void
  lost(why: string): void
}

export class Claim {
  readonly #events: ClaimEvents
  /** Sequence of the own claim; 0 while another host, or nobody, holds it. */
  #own = 0
  /** When the last renewal that succeeded was sent. */
  #renewedAtMs = Number.NEGATIVE_INFINITY
  #seen: ClaimState = { seq: 0, holder: undefined }
  #watch: Reading | undefined
  #next: Cancellable | undefined
  #trying = false
  #ended = false
  /** Who waits to know whether the claim is still held. */
  #asking: ((held: boolean) => void)[] = []

  constructor(events: ClaimEvents) {
    this.#events = events
  }

  async start(): Promise<void> {
    this.#watch = await this.#events.log.watchClaim((state) => this.#changed(state))
  }

  /** Whether the claim is known to be held: younger than its time to live, counted from before it was sent. */
  isFresh(): boolean {
    return this.#own > 0 && this.#events.clock.monotonicMs() - this.#renewedAtMs < CLAIM_TTL_MS
  }

  /** Resolves when it is known to be held, or known to be lost: whether it is held. */
  untilKnown(): Promise<boolean> {
    if (this.isFresh()) return Promise.resolve(true)
    if (this.#own === 0 || this.#ended) return Promise.resolve(false)
    return new Promise((resolve) => this.#asking.push(resolve))
  }

  get isHeld(): boolean {
    return this.#own > 0
  }

  /** Renews at once and tells whether the claim is still held: before memory that was in doubt is read back (rule 9). */
  async confirm(): Promise<boolean> {
    if (this.#own > 0) await this.#try()
    if (this.#ranOut()) await this.#try()
    return this.#own > 0
  }

  /** Stops renewing; gives the claim back, so that a standby need not wait. */
  async end(): Promise<void> {
    this.#ended = true
    this.#next?.cancel()
    await this.#watch?.stop()
    const own = this.#own
    this.#own = 0
    this.#tellAsking(false)
    if (own === 0) return
    try {
      await this.#events.log.dropClaim(own)
    } catch (fault) {
      // It runs out by itself.
      this.#events.report({ event: "trouble", doing: "giving the claim back", fault })
    }
  }

  /**
   * The own claim ran out and the very next message says so: nobody held it in between. Then it is only taken again. To
   * forget the yard for it would cost a reading back each time that a busy process is late, in which it is late again.
   */
  #ranOut(): boolean {
    return this.#own > 0 && this.#seen.holder === undefined && this.#seen.seq === this.#own + 1
  }

  #changed(state: ClaimState): void {
    this.#seen = state
    if (this.#ended) return
    if (state.holder === undefined && (this.#own === 0 || this.#ranOut())) this.#schedule(0)
    if (this.#own === 0 || state.holder === undefined || state.seq <= this.#own) return
    // Our own renewals come by here too, those whose ack was lost among them. Another's claim ends ours.
    if (state.holder === this.#events.host) this.#own = state.seq
    else this.#lose(`${state.holder} holds the claim`)
  }

  #schedule(delayMs: number): void {
    if (this.#ended || this.#trying) return
    this.#next?.cancel()
    this.#next = this.#events.clock.after(delayMs, () => void this.#try())
  }

  async #try(): Promise<void> {
    if (this.#ended || this.#trying) return
    if (this.#own === 0 && this.#seen.holder !== undefined) return
    this.#trying = true
    const { log, clock, host, report } = this.#events
    const sentAtMs = clock.monotonicMs()
    const again = this.#ranOut()
    const expect = this.#own > 0 && !again ? this.#own : this.#seen.seq
    let retryMs = RENEW_MS
    try {
      const seq = await log.claim(expect, host, CLAIM_TTL_MS)
      if (this.#ended) return
      if (seq !== undefined) {
        const won = this.#own === 0
        this.#own = seq
        this.#renewedAtMs = sentAtMs
        // A renewal that came back too late says nothing about now: the next one will.
        if (this.isFresh()) this.#tellAsking(true)
        if (won) this.#events.won()
      } else if (this.#ranOut() && !again) retryMs = 0
      else if (this.#own > 0) this.#lose("another host was faster, or the claim was lost")
      else retryMs = RETRY_MS
    } catch (fault) {
      retryMs = RETRY_MS
      if (this.#own > 0 && clock.monotonicMs() - this.#renewedAtMs > CLAIM_TTL_MS)
        report({ event: "trouble", doing: "renewing the claim", fault })
    } finally {
      this.#trying = false
    }
    if (this.#own > 0 || this.#seen.holder === undefined) this.#schedule(retryMs)
  }

  #tellAsking(held: boolean): void {
    for (const resolve of this.#asking.splice(0)) resolve(held)
  }

  #lose(why: string): void {
    this.#own = 0
    this.#tellAsking(false)
    this.#events.lost(why)
  }
}

// Which host is active (rule 13). The claim chooses, and says who may answer questions; what protects the journal is the
// fence. A host that holds the claim renews it; the others watch, and race for it when it has run out.
//
// A claim *counts* for its time to live, dated from before it was sent. No two count at once:
//   - whoever writes over a claim that ran out or was given back comes after its end;
//   - an empty stream says nothing about what was claimed before: it may have been lost a moment ago (deleted, or its
//     server restarted). Who finds it empty writes that nobody knows, which runs out like a claim; only then there is a
//     race. Who still holds a claim that counts writes its own over that, at once: nobody else can have one.
//   - where nobody can be answering an empty stream needs no wait: see `nobodyBefore`.
// A holder that was late looks before it renews: what lies there must be its own claim, or the mark of its end.

import { type ClaimState, type ClaimWatching, type Log, LogError } from "../log/log.js"
import type { Cancellable, Clock } from "./clock.js"
import type { Reporter } from "./reports.js"

const CLAIM_TTL_MS = 2_000
const RENEW_MS = 700
const RETRY_MS = 200
/** Who holds the claim of a stream that was found empty. No host has this name. */
const NOBODY_KNOWS = "-"

export interface ClaimEvents {
  readonly log: Log
  readonly clock: Clock
  readonly host: string
  readonly report: Reporter
  /** Whether nobody can hold a claim that an empty stream does not show: then it is claimed at once. */
  nobodyBefore(): Promise<boolean>
  won(): void
  lost(why: string): void
}

export class Claim {
  readonly #events: ClaimEvents
  /** Sequence of the own claim; 0 while another host, or nobody, holds it. */
  #own = 0
  /** When the last renewal that succeeded was sent. */
  #renewedAtMs = Number.NEGATIVE_INFINITY
  /** Whether it was renewed over the connection that stands. */
  #isConfirmed = false
  #seen: ClaimState = { seq: 0, holder: undefined }
  #watch: ClaimWatching | undefined
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

  /** Whether the claim is known to be held, and what is said now can be heard: the connection stands since. */
  isFresh(): boolean {
    return this.#isConfirmed && this.#counts()
  }

  /** Nothing is known until the claim is renewed over the next connection. */
  disconnected(): void {
    this.#isConfirmed = false
  }

  /** Younger than its time to live, counted from before it was sent. */
  #counts(): boolean {
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
  #ranOut(state = this.#seen): boolean {
    return this.#own > 0 && state.holder === undefined && state.seq === this.#own + 1
  }

  #changed(state: ClaimState): void {
    this.#seen = state
    if (this.#ended) return
    if (this.#own === 0) {
      if (state.holder === undefined) this.#schedule(0)
    } else if (state.holder === this.#events.host) {
      // Our own renewals come by here too, those whose ack was lost among them.
      if (state.seq > this.#own) this.#own = state.seq
    } else if (state.holder !== undefined && state.holder !== NOBODY_KNOWS && state.seq > this.#own) {
      this.#lose(`${state.holder} holds the claim`)
    } else if (this.#ranOut() || state.seq < this.#own) {
      // Ran out, or the stream was lost: the answer to a renewal tells.
      this.#schedule(0)
    }
  }

  #schedule(delayMs: number): void {
    if (this.#ended || this.#trying) return
    this.#next?.cancel()
    this.#next = this.#events.clock.after(delayMs, () => void this.#try())
  }

  /** Renews, or races. */
  async #try(): Promise<void> {
    if (this.#ended || this.#trying) return
    this.#trying = true
    let againMs = RETRY_MS
    try {
      againMs = this.#own > 0 ? await this.#renew() : await this.#race()
    } catch (fault) {
      const isLate = this.#own > 0 && !this.#counts()
      if (isLate || !(fault instanceof LogError))
        this.#events.report({ event: "trouble", doing: "renewing the claim", fault })
    } finally {
      this.#trying = false
    }
    if (this.#own > 0 || this.#seen.holder === undefined) this.#schedule(againMs)
  }

  /** Resolves to when to try again. */
  async #renew(): Promise<number> {
    if (!this.#counts()) {
      const state = await this.#look()
      if (state === undefined) return RETRY_MS
      const isOwn = state.seq === this.#own && state.holder === this.#events.host
      if (!isOwn && !this.#ranOut(state)) return await this.#judge(state)
    }
    const sentAtMs = this.#events.clock.monotonicMs()
    const seq = await this.#write(this.#ranOut() ? this.#seen.seq : this.#own)
    if (this.#ended || this.#own === 0) return RETRY_MS
    if (seq !== undefined) {
      this.#renewed(seq, sentAtMs)
      return RENEW_MS
    }
    const state = await this.#look()
    return state === undefined ? RETRY_MS : await this.#judge(state)
  }

  /** What to make of a claim that is not the one that was to be renewed. Resolves to when to try again. */
  async #judge(state: ClaimState): Promise<number> {
    if (this.#ended || this.#own === 0) return RETRY_MS
    const { seq, holder } = state
    if (this.#ranOut(state)) return 0
    if (holder === this.#events.host && seq >= this.#own) {
      this.#own = seq
      return 0
    }
    const isLost = (seq === 0 && holder === undefined) || holder === NOBODY_KNOWS
    if (isLost && this.#counts()) return await this.#claimAgain(seq)
    const isHeld = holder !== undefined && holder !== NOBODY_KNOWS && holder !== this.#events.host
    this.#lose(isHeld ? `${holder} holds the claim` : "the claim was lost")
    return RETRY_MS
  }

  /** The stream was lost while the own claim counts. It goes on if the answer comes while it still does. */
  async #claimAgain(expect: number): Promise<number> {
    const sentAtMs = this.#events.clock.monotonicMs()
    const seq = await this.#write(expect)
    // Somebody who found it empty was faster, or it was lost again: the next try tells.
    if (seq === undefined || this.#ended || this.#own === 0) return 0
    if (this.#counts()) {
      this.#renewed(seq, sentAtMs)
      return RENEW_MS
    }
    // It may have counted for another host in between. What was written runs out.
    this.#lose("the claim was lost, and claimed again too late")
    return RETRY_MS
  }

  async #race(): Promise<number> {
    const { clock, log } = this.#events
    const state = await this.#look()
    if (state === undefined || this.#ended) return RETRY_MS
    const { seq, holder } = state
    if (holder !== undefined && holder !== NOBODY_KNOWS) return RETRY_MS
    const isUnknown = seq === 0 || holder === NOBODY_KNOWS
    if (isUnknown && !(await this.#events.nobodyBefore())) {
      if (seq === 0) await log.claim(seq, NOBODY_KNOWS, CLAIM_TTL_MS)
      return RETRY_MS
    }
    const sentAtMs = clock.monotonicMs()
    const won = await this.#write(seq)
    if (won === undefined || this.#ended) return RETRY_MS
    // Somebody may have begun meanwhile: then this does not count, and runs out.
    if (isUnknown && !(await this.#events.nobodyBefore())) return RETRY_MS
    if (this.#ended) return RETRY_MS
    this.#renewed(won, sentAtMs)
    this.#events.won()
    return RENEW_MS
  }

  /** The sequence of the claim; undefined when it was refused, or there is no stream. */
  async #write(expect: number): Promise<number | undefined> {
    const { log, host } = this.#events
    try {
      return await log.claim(expect, host, CLAIM_TTL_MS)
    } catch (fault) {
      if (fault instanceof LogError && fault.fault === "unavailable" && log.connected()) return undefined
      throw fault
    }
  }

  async #look(): Promise<ClaimState | undefined> {
    return await this.#watch?.look()
  }

  #renewed(seq: number, sentAtMs: number): void {
    this.#own = seq
    this.#renewedAtMs = sentAtMs
    this.#isConfirmed = true
    // A renewal that came back too late says nothing about now: the next one will.
    if (this.isFresh()) this.#tellAsking(true)
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

// Which host is active (rule 13). A claim only chooses; what excludes is the fence. So losing the claim's stream, a
// message of it or the whole connection costs a new race and never more.
//
// What is known comes from two sides: the server repeats every message of the claim's subject, the marker of its
// running out included, and once a second the last message is read, in case one of those was lost.

import { jetstreamManager } from "@nats-io/jetstream"
import { streamName } from "../../machines/subjects.js"
import { ensureStream } from "../../nats/set-up.js"
import { claimedSubject, claimSubject, yardStreams } from "../../nats/streams.js"
import type { Cancellable, Clock } from "../hosting/clock.js"
import { type ClaimState, type ClaimWatching, LogError } from "./log.js"
import { plainHeaders } from "./message-headers.js"
import { storedSequence } from "./pub-ack.js"
import type { Replies } from "./replies.js"
import type { StreamApi } from "./stream-api.js"

const POLL_MS = 1_000
const NOBODY: ClaimState = { seq: 0, holder: undefined }

export class Claim {
  constructor(
    private readonly replies: Replies,
    private readonly api: StreamApi,
    private readonly clock: Clock,
    private readonly yard: string,
    private readonly replicas: number | undefined,
  ) {}

  /** See Log.claim. One message out, one answer. `ttlMs` is at least 1,000: the server knows nothing shorter. */
  async write(expect: number, holder: string, ttlMs: number): Promise<number | undefined> {
    return await this.#publish(expect, holder, { "Nats-TTL": `${ttlMs}ms` })
  }

  /** An empty message that never runs out: nobody holds the claim. */
  async drop(seq: number): Promise<void> {
    await this.#publish(seq, "", {})
  }

  watch(changed: (state: ClaimState) => void): Promise<ClaimWatching> {
    const watch = new ClaimWatch(this.replies, this.clock, this.yard, () => this.#read(), changed)
    return Promise.resolve(watch)
  }

  async #publish(
    expect: number,
    holder: string,
    headers: { readonly [name: string]: string },
  ): Promise<number | undefined> {
    const data = new TextEncoder().encode(holder)
    const answer = await this.replies.ask(claimSubject(this.yard), data, headers, {
      "Nats-Expected-Last-Subject-Sequence": String(expect),
    })
    try {
      return storedSequence(answer, "storage-full")
    } catch (error) {
      if (error instanceof LogError && error.fault === "fenced") return undefined
      throw error
    }
  }

  /** The state as the stream says it; makes a lost stream again. Undefined while the server cannot say. */
  async #read(): Promise<ClaimState | undefined> {
    try {
      const last = await this.api.lastOf(streamName(this.yard, "CLAIM"), claimSubject(this.yard))
      if (last === undefined) return NOBODY
      return { seq: last.seq, holder: holderOf(last.data) }
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      if (error.fault !== "unavailable" || !this.replies.link.connected) return undefined
    }
    return await this.#makeAgain()
  }

  async #makeAgain(): Promise<ClaimState | undefined> {
    try {
      const manager = await jetstreamManager(this.replies.link.nats, { checkAPI: false })
      await ensureStream(manager, "CLAIM", yardStreams(this.yard, this.replicas).CLAIM)
      return NOBODY
    } catch {
      // No JetStream just now, or no connection: the next poll, a second later, tries again.
      return undefined
    }
  }
}

class ClaimWatch implements ClaimWatching {
  #state: ClaimState | undefined
  #stopped = false
  /** Grows with every message that the server repeated: a poll that one overtook says nothing. */
  #heard = 0
  #timer: Cancellable | undefined
  readonly #end: () => void

  constructor(
    replies: Replies,
    private readonly clock: Clock,
    yard: string,
    private readonly read: () => Promise<ClaimState | undefined>,
    private readonly changed: (state: ClaimState) => void,
  ) {
    const subscription = replies.link.nats.subscribe(claimedSubject(yard), {
      callback: (error, message) => {
        if (error !== null) return
        const headers = plainHeaders(message)
        const seq = Number(headers?.["Nats-Sequence"])
        if (!Number.isSafeInteger(seq)) return // Nothing that a stream repeated.
        this.#heard++
        // Behind what a poll already saw; in a stream made again the next poll tells.
        if (this.#state !== undefined && seq <= this.#state.seq) return
        const ended = headers?.["Nats-Marker-Reason"] !== undefined
        this.#tell({ seq, holder: ended ? undefined : holderOf(message.data) })
      },
    })
    const unhook = replies.link.onRegained(() => this.#pollSoon(0))
    this.#end = () => {
      unhook()
      subscription.unsubscribe()
    }
    this.#pollSoon(0)
  }

  stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#end()
    return Promise.resolve()
  }

  #tell(state: ClaimState): void {
    if (this.#stopped) return
    if (this.#state?.seq === state.seq && this.#state.holder === state.holder) return
    this.#state = state
    this.changed(state)
  }

  #pollSoon(delayMs: number): void {
    if (this.#stopped) return
    this.#timer?.cancel()
    this.#timer = this.clock.after(delayMs, () => this.#poll())
  }

  async look(): Promise<ClaimState | undefined> {
    const heard = this.#heard
    const state = await this.read()
    if (state !== undefined && this.#heard === heard) this.#tell(state)
    return state
  }

  #poll(): void {
    void this.look().finally(() => this.#pollSoon(POLL_MS))
  }
}

function holderOf(data: Uint8Array): string | undefined {
  return data.length === 0 ? undefined : new TextDecoder().decode(data)
}

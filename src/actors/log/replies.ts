// Answers to everything that this connection asks the server: one subscription, one token per question, any number of
// questions under way. Each ends in exactly one of: an answer, `unavailable` (never sent, or nobody listens there),
// `uncertain` (sent, then the connection broke or the time ran out). Nothing hangs, and nothing is sent while the
// connection is down: the library would keep it and send it later, when the caller has long read back.

import { randomBytes } from "node:crypto"
import { errors, type Msg, type Subscription } from "nats"
import type { Cancellable, Clock } from "../hosting/clock.js"
import type { Link } from "./link.js"
import { LogError } from "./log.js"
import { encodeHeaders, type PlainHeaders, statusOf } from "./message-headers.js"

const NO_RESPONDERS = 503
const SWEEP_MS = 250

interface Waiting {
  readonly subject: string
  readonly deadlineMs: number
  resolve(answer: Msg): void
  reject(error: Error): void
}

/** A subject that nobody can guess. */
export function secretInbox(): string {
  return `_INBOX.${randomBytes(16).toString("base64url")}`
}

export class Replies {
  readonly #inbox = secretInbox()
  /** In the order of the asking, hence of the deadlines. */
  readonly #waiting = new Map<string, Waiting>()
  readonly #subscription: Subscription
  #lastToken = 0
  #sweep: Cancellable | undefined

  constructor(
    readonly link: Link,
    private readonly clock: Clock,
    private readonly timeoutMs: number,
  ) {
    this.#subscription = link.nats.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#answered(message)
      },
    })
    link.onLost(() => this.#failAll("the connection to the server broke"))
  }

  /** Sends without asking for an answer. Throws LogError `unavailable`, `too-large`. */
  send(subject: string, data: Uint8Array, headers?: PlainHeaders, extra?: PlainHeaders): void {
    this.#publish(subject, data, headers, extra)
  }

  /** Throws LogError `unavailable`, `uncertain`, `too-large`. */
  ask(subject: string, data: Uint8Array, headers?: PlainHeaders, extra?: PlainHeaders): Promise<Msg> {
    return new Promise((resolve, reject) => {
      const token = (++this.#lastToken).toString(36)
      this.#publish(subject, data, headers, extra, `${this.#inbox}.${token}`)
      this.#waiting.set(token, {
        subject,
        deadlineMs: this.clock.monotonicMs() + this.timeoutMs,
        resolve,
        reject,
      })
      this.#sweep ??= this.clock.after(SWEEP_MS, () => this.#sweepOut())
    })
  }

  close(): void {
    this.#sweep?.cancel()
    this.#subscription.unsubscribe()
    this.#failAll("this end closed the connection")
  }

  #publish(
    subject: string,
    data: Uint8Array,
    headers: PlainHeaders | undefined,
    extra: PlainHeaders | undefined,
    reply?: string,
  ): void {
    if (!this.link.connected) throw new LogError("unavailable", "not connected to the server")
    const encoded = headers === undefined ? undefined : encodeHeaders(headers, extra)
    try {
      this.link.nats.publish(subject, data, {
        ...(encoded === undefined ? {} : { headers: encoded }),
        ...(reply === undefined ? {} : { reply }),
      })
    } catch (error) {
      throw publishFailure(error)
    }
  }

  #answered(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1)
    const waiting = this.#waiting.get(token)
    if (waiting === undefined) return // Timed out before: its outcome was already called uncertain.
    this.#waiting.delete(token)
    if (message.data.length === 0 && statusOf(message) === NO_RESPONDERS) {
      waiting.reject(
        new LogError("unavailable", `nobody takes ${waiting.subject}: no stream, or no JetStream`),
      )
    } else {
      waiting.resolve(message)
    }
  }

  #sweepOut(): void {
    this.#sweep = undefined
    const nowMs = this.clock.monotonicMs()
    for (const [token, waiting] of this.#waiting) {
      if (waiting.deadlineMs > nowMs) break
      this.#waiting.delete(token)
      waiting.reject(new LogError("uncertain", `no answer on ${waiting.subject} within ${this.timeoutMs} ms`))
    }
    if (this.#waiting.size > 0) this.#sweep = this.clock.after(SWEEP_MS, () => this.#sweepOut())
  }

  #failAll(why: string): void {
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const waiting of all) waiting.reject(new LogError("uncertain", why))
  }
}

function publishFailure(error: unknown): unknown {
  if (error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError) {
    return new LogError("unavailable", "the connection is closed", { cause: error })
  }
  if (error instanceof errors.InvalidArgumentError && error.message.includes("max_payload")) {
    return new LogError("too-large", "larger than the server's max_payload", { cause: error })
  }
  return error
}

// Reads COMMANDS for ever, in stream order, without a gap (rule 13). The consumer behind it is expendable: whenever
// anything looks wrong (a hole in the delivery numbers, silence, a lost connection, a restarted server) it is thrown
// away and a new one begins after the last message that was delivered. Nothing is remembered on the server.
//
// On the wire: two pulls are kept open, each for up to 500 messages, so one small message out per 500 in. A message is
// handed on in the same turn in which it arrives.

import type { Subscription } from "nats"
import type { Cancellable, Clock } from "../hosting/clock.js"
import { placeOf, remarkOf, type StreamMessage, streamMessage } from "./delivery.js"
import { type CommandMessage, LogError, type Reading } from "./log.js"
import { type Replies, secretInbox } from "./replies.js"
import type { StreamApi } from "./stream-api.js"

const PULL_MESSAGES = 500
/** So that two pulls stay far below what the server lets wait for one connection. */
const PULL_BYTES = 8 * 1024 * 1024
const PULL_EXPIRES_MS = 30_000
const HEARTBEAT_MS = 1_000
const SILENCE_MS = 3 * HEARTBEAT_MS
const IDLE_MS = 60_000
const RETRY_MS = 250
const nanos = (ms: number) => ms * 1_000_000

/** One life of the consumer. */
interface Life {
  readonly inbox: string
  readonly subscription: Subscription
  consumer: string | undefined
  lastDelivery: number
  /** Messages asked for and not yet come. */
  open: number
}

export class CommandReader implements Reading {
  #next: number
  #life: Life | undefined
  #heardMs = 0
  #paused = false
  #stopped = false
  #retry: Cancellable | undefined
  #watch: Cancellable | undefined
  readonly #unhook: readonly (() => void)[]

  private constructor(
    private readonly replies: Replies,
    private readonly api: StreamApi,
    private readonly clock: Clock,
    private readonly stream: string,
    from: number,
    private readonly deliver: (message: CommandMessage) => void,
  ) {
    this.#next = Math.max(1, from)
    const { link } = replies
    this.#unhook = [link.onLost(() => this.#end()), link.onRegained(() => this.#restart())]
  }

  /** Throws LogError when the first consumer cannot be made; later trouble is mended inside. */
  static async start(
    replies: Replies,
    api: StreamApi,
    clock: Clock,
    stream: string,
    from: number,
    deliver: (message: CommandMessage) => void,
  ): Promise<CommandReader> {
    const reader = new CommandReader(replies, api, clock, stream, from, deliver)
    try {
      await reader.#begin()
    } catch (error) {
      await reader.stop()
      throw error
    }
    return reader
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#pull()
  }

  stop(): Promise<void> {
    this.#stopped = true
    for (const unhook of this.#unhook) unhook()
    this.#end()
    return Promise.resolve()
  }

  async #begin(): Promise<void> {
    const inbox = secretInbox()
    const subscription = this.replies.link.nats.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null || this.#life !== life) return
        this.#heardMs = this.clock.monotonicMs()
        if (message.subject === inbox) this.#remarked(remarkOf(message))
        else this.#arrived(life, message)
      },
    })
    const life: Life = { inbox, subscription, consumer: undefined, lastDelivery: 0, open: 0 }
    this.#life = life
    const made = await this.api.createConsumer(this.stream, {
      policy: "by_start_sequence",
      from: this.#next,
      idleMs: IDLE_MS,
    })
    if (this.#life !== life) return this.api.forgetConsumer(this.stream, made.name)
    life.consumer = made.name
    this.#heardMs = this.clock.monotonicMs()
    this.#pull()
    this.#watch = this.clock.after(HEARTBEAT_MS, () => this.#listen())
  }

  #arrived(life: Life, message: Parameters<typeof streamMessage>[0]): void {
    const place = placeOf(message.reply ?? "")
    if (place === undefined) return // Not from the server: somebody guessed the inbox, or it is no delivery at all.
    if (place.deliverySeq !== life.lastDelivery + 1 || place.streamSeq < this.#next) {
      this.#restart()
      return
    }
    life.lastDelivery = place.deliverySeq
    life.open--
    this.#next = place.streamSeq + 1
    this.#hand(streamMessage(message, place))
    this.#pull()
  }

  /** What the receiver throws must end the process, not the library's reading loop, which would only print it. */
  #hand(message: StreamMessage): void {
    try {
      this.deliver(message)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }

  #remarked(remark: ReturnType<typeof remarkOf>): void {
    const life = this.#life
    if (life === undefined || remark.kind === "heartbeat") return
    if (remark.kind === "gone") {
      this.#restart()
    } else {
      life.open = Math.max(0, life.open - remark.missing)
      this.#pull()
    }
  }

  #pull(): void {
    const life = this.#life
    if (life?.consumer === undefined || this.#paused || !this.replies.link.connected) return
    while (life.open <= PULL_MESSAGES) {
      const pull = {
        batch: PULL_MESSAGES,
        max_bytes: PULL_BYTES,
        expires: nanos(PULL_EXPIRES_MS),
        idle_heartbeat: nanos(HEARTBEAT_MS),
      }
      const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.stream}.${life.consumer}`
      this.replies.link.nats.publish(subject, JSON.stringify(pull), { reply: life.inbox })
      life.open += PULL_MESSAGES
    }
  }

  /** With a pull open the server is never silent for longer than its heartbeat. */
  #listen(): void {
    const life = this.#life
    if (life === undefined) return
    if (this.#paused && life.open <= 0) this.#heardMs = this.clock.monotonicMs()
    if (this.clock.monotonicMs() - this.#heardMs > SILENCE_MS) this.#restart()
    else this.#watch = this.clock.after(HEARTBEAT_MS, () => this.#listen())
  }

  #end(): void {
    this.#retry?.cancel()
    this.#watch?.cancel()
    const life = this.#life
    this.#life = undefined
    if (life === undefined) return
    life.subscription.unsubscribe()
    if (life.consumer !== undefined) this.api.forgetConsumer(this.stream, life.consumer)
  }

  #restart(): void {
    this.#end()
    if (this.#stopped || !this.replies.link.connected) return // It begins again when the connection is back.
    this.#begin().catch((error: unknown) => {
      if (!(error instanceof LogError)) throw error
      if (this.#stopped) return
      this.#end()
      this.#retry = this.clock.after(RETRY_MS, () => this.#restart())
    })
  }
}

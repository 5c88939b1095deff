// Takes jobs of one blueprint type out of WORK, through the durable consumer that the host made. The server keeps a pull
// open until it is filled, runs out or its inbox is gone: so who waits costs nothing, and who left gets nothing.
// A consumer that is not there (no host yet, no such blueprint type) answers nothing at all: silence, and asking again.

import type { Msg, Subscription } from "nats"
import type { Cancellable, Clock } from "../hosting/clock.js"
import { remarkOf } from "./delivery.js"
import { type Replies, secretInbox } from "./replies.js"
import type { JobDelivery, JobIntake } from "./work-link.js"

const PULL_EXPIRES_MS = 30_000
const HEARTBEAT_MS = 2_000
const SILENCE_MS = 3 * HEARTBEAT_MS
const RETRY_MS = 500
const nanos = (ms: number) => ms * 1_000_000

export class NatsJobIntake implements JobIntake {
  #wanted = 0
  /** Asked for and not come. */
  #open = 0
  #life: { readonly inbox: string; readonly subscription: Subscription } | undefined
  #heardMs = 0
  #watch: Cancellable | undefined
  #retry: Cancellable | undefined
  #stopped = false
  readonly #unhook: readonly (() => void)[]

  constructor(
    private readonly replies: Replies,
    private readonly clock: Clock,
    private readonly stream: string,
    private readonly type: string,
    private readonly deliver: (delivery: JobDelivery) => void,
  ) {
    const { link } = replies
    this.#unhook = [link.onLost(() => this.#end()), link.onRegained(() => this.#pull())]
  }

  want(count: number): void {
    this.#wanted = count
    this.#pull()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const unhook of this.#unhook) unhook()
    this.#end()
  }

  #pull(): void {
    const missing = this.#wanted - this.#open
    if (this.#stopped || missing <= 0 || this.#retry !== undefined || !this.replies.link.connected) return
    const { inbox } = this.#begun()
    const pull = { batch: missing, expires: nanos(PULL_EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) }
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${this.stream}.${this.type}`
    this.replies.link.nats.publish(subject, JSON.stringify(pull), { reply: inbox })
    this.#open += missing
    if (this.#watch !== undefined) return
    this.#heardMs = this.clock.monotonicMs()
    this.#watch = this.clock.after(HEARTBEAT_MS, () => this.#listen())
  }

  #begun(): { readonly inbox: string } {
    if (this.#life !== undefined) return this.#life
    const inbox = secretInbox()
    const subscription = this.replies.link.nats.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null || this.#life?.inbox !== inbox) return
        this.#heardMs = this.clock.monotonicMs()
        if (message.subject === inbox) this.#remarked(message)
        else this.#arrived(message)
      },
    })
    this.#life = { inbox, subscription }
    return this.#life
  }

  #arrived(message: Msg): void {
    const reply = message.reply ?? ""
    const deliveries = deliveriesOf(reply)
    if (deliveries === undefined) return // Not from the server: somebody guessed the inbox.
    this.#open = Math.max(0, this.#open - 1)
    this.#wanted = Math.max(0, this.#wanted - 1)
    const say = (word: string) => {
      if (this.replies.link.connected) this.replies.link.nats.publish(reply, word)
    }
    try {
      this.deliver({
        subject: message.subject,
        data: message.data,
        deliveries,
        done: () => say("+ACK"),
        giveBack: (afterMs) => say(`-NAK ${JSON.stringify({ delay: nanos(Math.max(1, afterMs)) })}`),
        hold: () => say("+WPI"),
      })
    } catch (error) {
      // What is thrown here would end the client library's reading loop without a word.
      queueMicrotask(() => {
        throw error
      })
    }
  }

  #remarked(message: Msg): void {
    const remark = remarkOf(message)
    if (remark.kind === "heartbeat") return
    if (remark.kind === "over") {
      this.#open = Math.max(0, this.#open - remark.missing)
      this.#pull()
    } else this.#again()
  }

  /** With a pull open the server is never silent for longer than its heartbeat. */
  #listen(): void {
    this.#watch = undefined
    if (this.#open === 0) return
    if (this.clock.monotonicMs() - this.#heardMs > SILENCE_MS) this.#again()
    else this.#watch = this.clock.after(HEARTBEAT_MS, () => this.#listen())
  }

  #again(): void {
    this.#end()
    if (this.#stopped) return
    this.#retry = this.clock.after(RETRY_MS, () => {
      this.#retry = undefined
      this.#pull()
    })
  }

  #end(): void {
    this.#retry?.cancel()
    this.#watch?.cancel()
    this.#retry = undefined
    this.#watch = undefined
    this.#life?.subscription.unsubscribe()
    this.#life = undefined
    this.#open = 0
  }
}

/** `$JS.ACK.<stream>.<consumer>.<delivered>.…`, with the domain and the account before the stream in the longer form. */
function deliveriesOf(reply: string): number | undefined {
  const tokens = reply.split(".")
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined
  const delivered = Number(tokens[tokens.length >= 11 ? 6 : 4])
  return Number.isSafeInteger(delivered) ? delivered : undefined
}

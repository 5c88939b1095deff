// Reads what a stream holds now, up to the end at the time of the call: the whole journal at a recovery, one object's
// history for a query. A consumer in memory lives as long as the reading does. Whoever reads slowly is not flooded:
// the next pull goes out when at most half of the last one is still unread.

import type { Msg } from "nats"
import type { Clock } from "../hosting/clock.js"
import { placeOf, remarkOf, type StreamMessage, streamMessage } from "./delivery.js"
import { Fifo } from "./fifo.js"
import { LogError } from "./log.js"
import { type Replies, secretInbox } from "./replies.js"
import type { ConsumerSettings, StreamApi } from "./stream-api.js"

const PULL_MESSAGES = 1_000
const PULL_BYTES = 16 * 1024 * 1024
const SILENCE_MS = 5_000
const IDLE_MS = 30_000

/** Throws LogError `unavailable` or `uncertain` when the connection breaks on the way. */
export async function* readNow(
  { replies, api, clock }: { replies: Replies; api: StreamApi; clock: Clock },
  stream: string,
  settings: Omit<ConsumerSettings, "idleMs">,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<StreamMessage, void, undefined> {
  const { name, pending } = await api.createConsumer(stream, { ...settings, idleMs: IDLE_MS })
  const inbox = new Inbox(replies, clock)
  try {
    let left = Math.min(pending, limit)
    let lastDelivery = 0
    inbox.wanted = left
    while (left > 0) {
      inbox.pull(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`)
      const message = inbox.queue.shift()
      if (message === undefined) {
        // Purged meanwhile: fewer are there than were counted.
        if (inbox.over) return
        await inbox.more()
        continue
      }
      const place = placeOf(message.reply ?? "")
      if (place === undefined) continue
      if (place.deliverySeq !== ++lastDelivery) {
        throw new LogError("unavailable", `a message of ${stream} was lost on its way`)
      }
      left--
      yield streamMessage(message, place)
    }
  } finally {
    inbox.close()
    api.forgetConsumer(stream, name)
  }
}

class Inbox {
  readonly queue = new Fifo<Msg>()
  /** Messages still to be asked for. */
  wanted = 0
  /** The server said that there is no more. */
  over = false
  #open = 0
  #failure: LogError | undefined
  #wake: (() => void) | undefined
  readonly #subject = secretInbox()
  readonly #close: () => void

  constructor(
    private readonly replies: Replies,
    private readonly clock: Clock,
  ) {
    const subscription = replies.link.nats.subscribe(this.#subject, {
      callback: (error, message) => {
        if (error === null) this.#arrived(message)
        this.#wake?.()
      },
    })
    const unhook = replies.link.onLost(() => this.#fail("the connection broke while reading"))
    this.#close = () => {
      unhook()
      subscription.unsubscribe()
    }
  }

  pull(consumer: string): void {
    if (this.wanted <= 0 || this.#open + this.queue.length > PULL_MESSAGES / 2) return
    if (!this.replies.link.connected) throw new LogError("unavailable", "not connected to the server")
    const batch = Math.min(PULL_MESSAGES, this.wanted)
    const request = { batch, max_bytes: PULL_BYTES, no_wait: true }
    this.replies.link.nats.publish(consumer, JSON.stringify(request), { reply: this.#subject })
    this.#open += batch
    this.wanted -= batch
  }

  /** Resolves at the next arrival. Throws LogError when nothing comes. */
  async more(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const silence = this.clock.after(SILENCE_MS, () => this.#fail(`nothing came for ${SILENCE_MS} ms`))
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    silence.cancel()
    if (this.#failure !== undefined) throw this.#failure
  }

  close(): void {
    this.#close()
  }

  #arrived(message: Msg): void {
    if (message.subject !== this.#subject) {
      this.#open--
      this.queue.push(message)
      return
    }
    const remark = remarkOf(message)
    if (remark.kind === "gone") this.#fail(`the server ended the reading with status ${remark.status}`)
    if (remark.kind !== "over") return
    if (remark.why === "none left") {
      this.over = true
      return
    }
    this.#open -= remark.missing
    this.wanted += remark.missing
  }

  #fail(why: string): void {
    this.#failure ??= new LogError("unavailable", why)
    this.#wake?.()
  }
}

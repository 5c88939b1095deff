// Follow-ups on their way, a bounded number at a time. The server acknowledges what it took in together only after the
// last of it is stored, so ten thousand at once, each an fsync, would all look lost [M]; sent again they would make
// the queue longer still. One message out and one answer back each, in the order of the calls.

import { Fifo } from "./fifo.js"
import { LogError } from "./log.js"
import type { PlainHeaders } from "./message-headers.js"
import { storedSequence } from "./pub-ack.js"
import type { Replies } from "./replies.js"

const UNDER_WAY_LIMIT = 256

export class Sender {
  #underWay = 0
  #waiting = new Fifo<{ go(): void; fail(error: LogError): void }>()

  constructor(private readonly replies: Replies) {
    replies.link.onLost(() => {
      const all = this.#waiting
      this.#waiting = new Fifo()
      for (let next = all.shift(); next !== undefined; next = all.shift()) {
        next.fail(new LogError("unavailable", "the connection broke before this was sent"))
      }
    })
  }

  /** Throws LogError. */
  async send(subject: string, data: Uint8Array, headers: PlainHeaders): Promise<void> {
    if (this.#underWay >= UNDER_WAY_LIMIT) {
      await new Promise<void>((go, fail) => this.#waiting.push({ go, fail }))
    } else {
      this.#underWay++
    }
    try {
      storedSequence(await this.replies.ask(subject, data, headers), "queue-full")
    } finally {
      // The place goes straight to the next one, so that nobody who comes later is faster.
      const next = this.#waiting.shift()
      if (next === undefined) this.#underWay--
      else next.go()
    }
  }
}

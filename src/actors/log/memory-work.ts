// The consumers of WORK in the in-memory server, with the semantics of nats-server's work queue: one consumer per
// blueprint type, a job goes to whoever asked first, is delivered again when nobody spoke of it in time, and is gone
// once it is taken.

import type { Cancellable, Clock } from "../hosting/clock.js"
import type { StreamMessage } from "./delivery.js"
import type { MemoryStream } from "./memory-stream.js"
import { ACK_WAIT_MS } from "./work-link.js"

/** Somebody who asked for jobs. */
export interface MemoryPull {
  /** How many more it takes. */
  open: number
  take(job: MemoryJob): void
}

export interface MemoryJob {
  readonly message: StreamMessage
  readonly deliveries: number
  done(): void
  giveBack(afterMs: number): void
  hold(): void
}

interface Consumer {
  readonly pulls: Set<MemoryPull>
  /** Delivered and not taken: when it is delivered again. */
  readonly pending: Map<number, Cancellable>
  readonly deliveries: Map<number, number>
}

export class MemoryWork {
  readonly #consumers = new Map<string, Consumer>()

  constructor(
    private readonly clock: Clock,
    private readonly stream: () => MemoryStream | undefined,
    private readonly later: (arrive: () => void) => void,
  ) {}

  makeConsumer(type: string): void {
    if (this.#consumers.has(type)) return
    this.#consumers.set(type, { pulls: new Set(), pending: new Map(), deliveries: new Map() })
  }

  /** False when there is no such consumer. */
  enter(type: string, pull: MemoryPull): boolean {
    const consumer = this.#consumers.get(type)
    if (consumer === undefined) return false
    consumer.pulls.add(pull)
    this.look()
    return true
  }

  leave(pull: MemoryPull): void {
    for (const { pulls } of this.#consumers.values()) pulls.delete(pull)
  }

  /** Gives out what can be given out. */
  look(): void {
    for (const [type, consumer] of this.#consumers) {
      for (const message of this.stream()?.from(1) ?? []) {
        if (message.subject.split(".")[3] !== type || consumer.pending.has(message.seq)) continue
        const pull = [...consumer.pulls].find(({ open }) => open > 0)
        if (pull === undefined) break
        pull.open--
        this.#give(consumer, message, pull)
      }
    }
  }

  #give(consumer: Consumer, message: StreamMessage, pull: MemoryPull): void {
    const { seq } = message
    const deliveries = (consumer.deliveries.get(seq) ?? 0) + 1
    consumer.deliveries.set(seq, deliveries)
    const again = (afterMs: number) => {
      consumer.pending.get(seq)?.cancel()
      const alarm = this.clock.after(afterMs, () => {
        consumer.pending.delete(seq)
        this.look()
      })
      consumer.pending.set(seq, alarm)
    }
    again(ACK_WAIT_MS)
    const isMine = () => consumer.deliveries.get(seq) === deliveries && consumer.pending.has(seq)
    const job: MemoryJob = {
      message,
      deliveries,
      done: () => {
        if (this.stream()?.lastOf(message.subject)?.seq !== seq) return
        consumer.pending.get(seq)?.cancel()
        consumer.pending.delete(seq)
        consumer.deliveries.delete(seq)
        this.stream()?.forget(message.subject)
      },
      giveBack: (afterMs) => {
        if (isMine()) again(afterMs)
      },
      hold: () => {
        if (isMine()) again(ACK_WAIT_MS)
      },
    }
    this.later(() => pull.take(job))
  }
}

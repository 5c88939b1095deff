// The port of workers over the in-memory server: one worker's connection to it.

import { LogError } from "./log.js"
import type { MemoryServer } from "./memory-server.js"
import type { MemoryPull } from "./memory-work.js"
import { faultOf } from "./pub-ack.js"
import type { JobDelivery, JobIntake, WorkLink } from "./work-link.js"

const RETRY_MS = 500
const ANSWER_MS = 5_000

export interface MemoryWorkLink extends WorkLink {
  /** Breaks the connection: nothing goes out or comes in any more. */
  disconnect(): void
  reconnect(): void
}

export function openMemoryWorkLink(server: MemoryServer): MemoryWorkLink {
  return new MemoryWorkConnection(server)
}

class MemoryWorkConnection implements MemoryWorkLink {
  #connected = true
  readonly #ends = new Set<() => void>()
  readonly #regained = new Set<() => void>()

  constructor(private readonly server: MemoryServer) {}

  takeJobs(type: string, deliver: (delivery: JobDelivery) => void): JobIntake {
    const { server } = this
    let stopped = false
    let entered = false
    const pull: MemoryPull = {
      open: 0,
      take: ({ message, deliveries, done, giveBack, hold }) => {
        if (stopped || !this.#connected) return
        const up = (say: () => void) => () => {
          if (this.#connected) say()
        }
        const { subject, data } = message
        deliver({
          subject,
          data,
          deliveries,
          done: up(done),
          giveBack: (ms) => up(() => giveBack(ms))(),
          hold: up(hold),
        })
      },
    }
    const enter = () => {
      if (stopped || entered || !this.#connected) return
      entered = server.work.enter(type, pull)
      if (!entered) server.clock.after(RETRY_MS, enter)
    }
    const leave = () => {
      entered = false
      server.work.leave(pull)
    }
    this.#ends.add(leave)
    this.#regained.add(enter)
    return {
      want: (count) => {
        pull.open = count
        enter()
        server.work.look()
      },
      stop: async () => {
        stopped = true
        leave()
        this.#ends.delete(leave)
        this.#regained.delete(enter)
      },
    }
  }

  async send(subject: string, data: Uint8Array, headers: { readonly [name: string]: string }): Promise<void> {
    if (!this.#connected) throw new LogError("unavailable", "not connected to the server")
    const answer = await this.server.publish(subject, data, headers)
    if (answer === undefined) throw new LogError("unavailable", "no stream takes this subject")
    if ("errCode" in answer)
      throw new LogError(faultOf(answer.errCode, answer.description), answer.description)
  }

  ask(subject: string, data: Uint8Array): Promise<Uint8Array> {
    if (!this.#connected) return Promise.reject(new LogError("unavailable", "not connected to the server"))
    return new Promise((resolve, reject) => {
      const late = this.server.clock.after(ANSWER_MS, () =>
        reject(new LogError("uncertain", `no answer on ${subject} within ${ANSWER_MS} ms`)),
      )
      void this.server.request(subject, data).then((answer) => {
        late.cancel()
        resolve(answer)
      })
    })
  }

  listen(pattern: string, hear: (subject: string, data: Uint8Array) => void): () => void {
    return this.server.subscribe(pattern, ({ subject, data }) => {
      if (this.#connected) hear(subject, data)
    })
  }

  connected(): boolean {
    return this.#connected
  }

  async flush(): Promise<void> {
    if (!this.#connected) throw new LogError("unavailable", "not connected to the server")
  }

  async close(): Promise<void> {
    this.disconnect()
  }

  disconnect(): void {
    this.#connected = false
    for (const end of this.#ends) end()
  }

  reconnect(): void {
    this.#connected = true
    for (const call of this.#regained) call()
  }
}

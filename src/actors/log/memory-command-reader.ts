// Reads the in-memory COMMANDS as the server's consumer would: in order, some messages a turn, none while paused or
// while the connection is down. It keeps only the next sequence, so a broken connection loses nothing.

import { streamName } from "../../machines/subjects.js"
import type { CommandMessage } from "./log.js"
import type { MemoryServer } from "./memory-server.js"

const MESSAGES_PER_TURN = 100

export class MemoryCommandReader {
  #next: number
  #paused = false
  #stopped = false
  #scheduled = false
  readonly #unhook: () => void

  constructor(
    private readonly server: MemoryServer,
    private readonly connected: () => boolean,
    from: number,
    private readonly deliver: (message: CommandMessage) => void,
  ) {
    this.#next = Math.max(1, from)
    const commands = streamName(server.yard, "COMMANDS")
    this.#unhook = server.onStored((stream) => {
      if (stream === commands) this.wake()
    })
    // Some turns later, so that whoever asked has the reading in hand when the first message comes.
    server.later(() => server.later(() => server.later(() => this.wake())))
  }

  wake(): void {
    if (this.#scheduled || this.#stopped) return
    this.#scheduled = true
    this.server.later(() => {
      this.#scheduled = false
      this.#turn()
    })
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.wake()
  }

  stop(): Promise<void> {
    this.#stopped = true
    this.#unhook()
    return Promise.resolve()
  }

  #turn(): void {
    for (let count = 0; count < MESSAGES_PER_TURN; count++) {
      if (this.#stopped || this.#paused || !this.connected()) return
      const message = this.server.stream("COMMANDS")?.next(this.#next)
      if (message === undefined) return
      this.#next = message.seq + 1
      this.deliver(message)
    }
    this.wake()
  }
}

// A log whose host is late with reading commands, and with nothing else: its connection stands, its timers go.

import type { Log } from "../../src/actors/log/log.js"

export class LateReading {
  #late = false
  #kept: (() => void)[] = []

  /** The log as that host sees it. */
  readonly around = (log: Log): Log => {
    const readCommands: Log["readCommands"] = (from, deliver) =>
      log.readCommands(from, (message) => {
        if (this.#late) this.#kept.push(() => deliver(message))
        else deliver(message)
      })
    return new Proxy(log, {
      get(target, name) {
        if (name === "readCommands") return readCommands
        const value: unknown = Reflect.get(target, name)
        return typeof value === "function" ? value.bind(target) : value
      },
    })
  }

  /** From now on commands are kept back. */
  late(): void {
    this.#late = true
  }

  /** Hands on what was kept back. */
  free(): void {
    this.#late = false
    for (const deliver of this.#kept.splice(0)) deliver()
  }
}

// The state of the connection, told at once. The client library keeps requests waiting over a lost connection until
// they time out; here whoever has something under way learns immediately that its outcome is unknown.

import type { NatsConnection } from "nats"

export class Link {
  readonly #lost = new Set<() => void>()
  readonly #regained = new Set<() => void>()
  #connected = true

  constructor(readonly nats: NatsConnection) {
    void this.#follow()
    void nats.closed().then(() => this.#lose())
  }

  /** False from the moment the loss is noticed until the library has reconnected and subscribed again. */
  get connected(): boolean {
    return this.#connected && !this.nats.isClosed()
  }

  /** Called at every loss, the closing included. Returns what ends it. */
  onLost(call: () => void): () => void {
    this.#lost.add(call)
    return () => this.#lost.delete(call)
  }

  onRegained(call: () => void): () => void {
    this.#regained.add(call)
    return () => this.#regained.delete(call)
  }

  async #follow(): Promise<void> {
    for await (const status of this.nats.status()) {
      if (status.type === "disconnect") this.#lose()
      if (status.type === "reconnect") {
        this.#connected = true
        for (const call of [...this.#regained]) call()
      }
    }
  }

  #lose(): void {
    if (!this.#connected) return
    this.#connected = false
    for (const call of [...this.#lost]) call()
  }
}

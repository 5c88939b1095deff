// Watches the in-memory claim: by what the server repeats, and once a second by looking, which also makes a lost
// stream again.

import { claimedSubject, claimSubject } from "../../nats/streams.js"
import type { Cancellable } from "../hosting/clock.js"
import type { ClaimState, ClaimWatching } from "./log.js"
import type { MemoryServer } from "./memory-server.js"

const POLL_MS = 1_000

export class MemoryClaimWatch implements ClaimWatching {
  #state: ClaimState | undefined
  #stopped = false
  #timer: Cancellable | undefined
  readonly #unhook: () => void

  constructor(
    private readonly server: MemoryServer,
    private readonly connected: () => boolean,
    private readonly changed: (state: ClaimState) => void,
  ) {
    this.#unhook = server.subscribe(claimedSubject(server.yard), () => this.#look())
    server.later(() => this.#poll())
  }

  stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#unhook()
    return Promise.resolve()
  }

  look(): Promise<ClaimState | undefined> {
    return new Promise((resolve) =>
      this.server.later(() => {
        this.#look()
        resolve(this.connected() ? this.#state : undefined)
      }),
    )
  }

  #poll(): void {
    if (this.#stopped) return
    this.#look()
    this.#timer = this.server.clock.after(POLL_MS, () => this.#poll())
  }

  #look(): void {
    if (this.#stopped || !this.connected()) return
    if (this.server.stream("CLAIM") === undefined) this.server.setUp()
    const last = this.server.stream("CLAIM")?.lastOf(claimSubject(this.server.yard))
    const holder =
      last === undefined || last.data.length === 0 ? undefined : new TextDecoder().decode(last.data)
    const state = { seq: last?.seq ?? 0, holder }
    if (this.#state?.seq === state.seq && this.#state.holder === state.holder) return
    this.#state = state
    this.changed(state)
  }
}

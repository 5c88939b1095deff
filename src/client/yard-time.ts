// The yard's clock seen from the holder's: rather too early than too late. A record that our own command made is
// dated by the yard after the command was sent; so the yard's time `at` came no earlier than our `sentMs`, and
// whatever the yard dates `at + x` comes no earlier than `sentMs + x`. The newest such pair counts, because the
// server's clock may be set.

import type { YardRecord } from "../machines/record.js"
import type { HolderClock } from "./holder-clock.js"
import type { Outcome } from "./outcomes.js"

export class YardTime {
  /** Holder's time minus yard's time. */
  #offsetMs: number | undefined

  constructor(private readonly clock: HolderClock) {}

  get isKnown(): boolean {
    return this.#offsetMs !== undefined
  }

  /** Learns from the answer to a command of ours, if it is that command which made the record. */
  learn(outcome: Outcome, sentMs: number): void {
    if (outcome.outcome === "accepted" && outcome.record.cause.command === outcome.command)
      this.learnFrom(outcome.record, sentMs)
  }

  /** Learns from a record that surely was made after `sentMs`. */
  learnFrom(record: YardRecord, sentMs: number): void {
    this.#offsetMs = sentMs - Date.parse(record.at)
  }

  /** Without a better source: as if both clocks were set alike. */
  assumeSame(): void {
    this.#offsetMs ??= this.clock.nowMs() - Date.now()
  }

  /** When, by the holder's clock, a time of the yard's is at the earliest. */
  toHolderMs(time: string): number {
    this.assumeSame()
    return Date.parse(time) + (this.#offsetMs ?? 0)
  }
}

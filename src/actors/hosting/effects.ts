// Follow-ups, jobs and purges on their way (rules 7, 11 and 15): published until acknowledged, each at least once, marked with the
// record and the index that ordered it. What is acknowledged up to where goes into the next append, so that a successor
// knows where to look.

import type { JobOrder } from "../../machines/job.js"
import type { Send, YardRecord } from "../../machines/record.js"
import { internalSubject } from "../../machines/subjects.js"
import { COMMAND_LIMIT_MOST } from "../../nats/streams.js"
import { CAUSE_HEADER } from "../kernel/index.js"
import type { Log } from "../log/log.js"
import { LogError } from "../log/log.js"
import { workSubject } from "../log/work-link.js"
import type { Clock } from "./clock.js"
import type { FaultPoint, Faults } from "./faults.js"
import { Oblivion } from "./oblivion.js"
import type { Reporter } from "./reports.js"
import { encode } from "./wire.js"

const RETRY_MS = 250
/** After so many refusals it is said aloud, once: ten seconds. */
const REFUSALS_BORNE = 40
type Points = readonly [before: FaultPoint, after: FaultPoint]
const SENDING: Points = ["before-send", "after-send"]
const FORGETTING: Points = ["before-forget", "after-forget"]
/** The host may raise the limit of COMMANDS by 10 % at a time, at most to twice what it was made with. */
const RAISE = 1.1

export interface EffectsOptions {
  readonly log: Log
  readonly clock: Clock
  readonly yard: string
  readonly faults: Faults
  readonly report: Reporter
  /** Makes room in COMMANDS by removing what is decided. */
  purge(): Promise<void>
}

export class Effects {
  readonly #options: EffectsOptions
  /** Sends, jobs and purges without an ack, by the sequence of their record; in ascending order of sequence. */
  readonly #outstanding = new Map<number, number>()
  readonly #oblivion: Oblivion
  #stored: number
  #ended = false

  constructor(options: EffectsOptions, stored: number) {
    this.#options = options
    this.#stored = stored
    const { log, yard } = options
    this.#oblivion = new Oblivion(yard, (subject, upTo) =>
      this.#insist(`the purge of ${subject}`, () => log.forget(subject, upTo), FORGETTING),
    )
  }

  /** Every follow-up of every record up to here is acknowledged. */
  get sentUpTo(): number {
    const first = this.#outstanding.keys().next()
    return first.done === true ? this.#stored : first.value - 1
  }

  /** What one stored record orders. Records come in ascending order. */
  order(seq: number, record: YardRecord): void {
    const { sends, jobs } = record
    this.#stored = Math.max(this.#stored, seq)
    const purging = this.#oblivion.order(record, seq)
    const count = sends.length + jobs.length + (purging === undefined ? 0 : 1)
    if (count === 0) return
    this.#outstanding.set(seq, count)
    const publishing = [
      ...sends.map((send, index) => this.say(send, `${seq}.${index}`)),
      ...jobs.map((job) => this.orderJob(job, `${seq}.job`)),
      ...(purging === undefined ? [] : [purging]),
    ]
    for (const one of publishing)
      void one.then((sent) => {
        if (!sent) return
        const left = (this.#outstanding.get(seq) ?? 1) - 1
        if (left === 0) this.#outstanding.delete(seq)
        else this.#outstanding.set(seq, left)
      })
  }

  /**
   * A command; also one that no record ordered: a timer, a take-over, what a successor finds due. Resolves to true when
   * it is acknowledged, to false when this term ends before.
   */
  say(send: Send, cause: string): Promise<boolean> {
    const { log, yard } = this.#options
    const subject = internalSubject(yard, send.kind, send.id, send.verb, send.sender)
    const data = encode(send.body)
    return this.#insist(subject, () => log.send(subject, data, { [CAUSE_HEADER]: cause }))
  }

  /** A job for a worker. One that waits in WORK already is as good as acknowledged. Resolves as `say` does. */
  orderJob(job: JobOrder, cause: string): Promise<boolean> {
    const { log, yard } = this.#options
    const subject = workSubject(yard, job.type, job.job)
    const data = encode(job)
    return this.#insist(subject, () => log.order(subject, data, { [CAUSE_HEADER]: cause }))
  }

  end(): void {
    this.#ended = true
  }

  /** Up to where messages of a journal subject are forgotten though they may still lie there. */
  forgottenUpTo(subject: string): number {
    return this.#oblivion.forgottenUpTo(subject)
  }

  async #insist(subject: string, publish: () => Promise<void>, [before, after] = SENDING): Promise<boolean> {
    const { clock, faults, report } = this.#options
    for (let refusals = 1; !this.#ended; refusals++) {
      try {
        faults(before)
        await publish()
        faults(after)
        return true
      } catch (error) {
        if (this.#ended) return false
        const full = error instanceof LogError && error.fault === "queue-full"
        if (full) await this.#makeRoom()
        else if (!(error instanceof LogError) || refusals === REFUSALS_BORNE)
          report({ event: "trouble", doing: `sending ${subject}`, fault: error })
        await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve))
      }
    }
    return false
  }

  async #makeRoom(): Promise<void> {
    const { log, purge, report } = this.#options
    try {
      await purge()
      const facts = await log.commandFacts()
      if (facts.messages < facts.maxMessages) return
      const raised = Math.min(Math.ceil(facts.maxMessages * RAISE), COMMAND_LIMIT_MOST)
      if (raised <= facts.maxMessages) return
      await log.setCommandLimit(raised)
      report({ event: "queue-raised", maxMessages: raised })
    } catch (error) {
      report({ event: "trouble", doing: "making room in the command queue", fault: error })
    }
  }
}

// What one attempt says to the yard: that it begins, that it works on, what came of it. Its last accepted word is what it
// lives by (pace.ts).

import type { JobOrder } from "../../machines/job.js"
import { LIMITS } from "../../machines/limits.js"
import type { YardRecord } from "../../machines/record.js"
import type { Clock } from "../hosting/clock.js"
import { LogError } from "../log/log.js"
import { type Answer, failed } from "./answer.js"
import type { JobLog } from "./job-log.js"
import type { Pace } from "./pace.js"
import { pause } from "./pause.js"
import type { Ending, WorkerReporter } from "./reports.js"
import type { Speech } from "./speech.js"

/** How long a worker tries to begin, milliseconds, and after how long it says `started` again. */
const BEGIN_MS = 8_000
const BEGIN_PATIENCE_MS = 1_500
const SHORTEST_PATIENCE_MS = 500
/** So long, in times that it may be silent, an answer is said again: by then the yard has taken the attempt for dead. */
const ANSWER_SILENCES = 2
const ANSWER_LEAST_MS = 10_000
/** What the yard says when an attempt is not wanted, or not any more. */
const UNWANTED: readonly string[] = ["stale", "unknown-actor", "not-allowed", "forbidden"]

export interface WordsOptions {
  readonly order: JobOrder
  /** The worker's name. */
  readonly worker: string
  readonly pace: Pace
  readonly log: JobLog
  readonly speech: Speech
  readonly clock: Clock
  readonly report: WorkerReporter
  /** A word was accepted: the yard has heard of it. */
  accepted(record: YardRecord): void
}

export type Beginning =
  | { readonly kind: "accepted"; readonly record: YardRecord }
  /** Nobody shall begin it. */
  | { readonly kind: "unwanted"; readonly code: string; readonly message: string }
  /** The yard could not decide it now. */
  | { readonly kind: "undecided"; readonly code: string; readonly message: string }
  | { readonly kind: "unheard" }

export interface Conclusion {
  readonly ending: Ending
  readonly message: string
}

export class Words {
  readonly #options: WordsOptions
  #heardMs = 0

  constructor(options: WordsOptions) {
    this.#options = options
  }

  /** When the last word was said that the yard accepted, by the monotonic clock. */
  get heardMs(): number {
    return this.#heardMs
  }

  async started(signal: AbortSignal): Promise<Beginning> {
    const { order, worker, clock, speech } = this.#options
    const { job, attempt } = order
    const untilMs = clock.monotonicMs() + BEGIN_MS
    const how = { patienceMs: BEGIN_PATIENCE_MS, untilMs, signal }
    const heard = await speech.say(order, "started", { job, attempt, worker }, how)
    if (heard === undefined) return { kind: "unheard" }
    const { outcome, saidAtMs } = heard
    if (outcome.outcome === "accepted") {
      this.#accepted(outcome.record, saidAtMs)
      return { kind: "accepted", record: outcome.record }
    }
    const { code, message } = outcome
    return { kind: UNWANTED.includes(code) ? "unwanted" : "undecided", code, message }
  }

  /** Heartbeats until it is over; resolves before when the yard wants no more of it, or was silent for too long. */
  async beat(over: AbortSignal): Promise<"over" | "superseded" | "silent"> {
    const { clock, pace } = this.#options
    let nextMs = this.#heardMs + pace.beatMs
    for (;;) {
      await pause(clock, nextMs - clock.monotonicMs(), over)
      if (over.aborted) return "over"
      nextMs = clock.monotonicMs() + pace.beatMs
      const answer = await this.#beatOnce(over)
      if (over.aborted) return "over"
      if (answer !== "heard") return answer
    }
  }

  /** Says what came of it, and `lost` when the yard does not want to know, or `cut` is aborted before. */
  async conclude(answer: Answer, cut: AbortSignal): Promise<Conclusion> {
    const refusal = await this.#answer(answer, cut)
    if (refusal === undefined) return answer
    if (refusal.isFinal) return { ending: "lost", message: refusal.message }
    const instead = failed(`the yard refused its answer: ${refusal.message}`, false)
    const again = await this.#answer(instead, cut)
    return again === undefined ? instead : { ending: "lost", message: again.message }
  }

  /** That the resource which a lease is on is gone. */
  async resourceLost(id: string, text: string, cut: AbortSignal): Promise<void> {
    const { order, pace, speech, clock } = this.#options
    const message = text.slice(0, LIMITS.reasonChars)
    const about = { kind: "resource", id, type: order.type } as const
    // Without heartbeats there is no more time than this.
    const untilMs = clock.monotonicMs() + pace.giveUpMs
    await speech.say(about, "lost", { message }, { patienceMs: pace.patienceMs, untilMs, signal: cut })
  }

  async #beatOnce(over: AbortSignal): Promise<"heard" | "superseded" | "silent"> {
    const { order, pace, log, speech, report } = this.#options
    const untilMs = this.#heardMs + pace.giveUpMs
    const how = { patienceMs: pace.patienceMs, untilMs, signal: over }
    const heard = await speech.say(order, "heartbeat", this.#body({}), how)
    if (heard === undefined) return "silent"
    const { outcome, saidAtMs } = heard
    if (outcome.outcome === "rejected" && UNWANTED.includes(outcome.code)) return "superseded"
    // Also when it cannot be decided as it is: without these lines the next one can.
    log.sent()
    if (outcome.outcome === "accepted") this.#accepted(outcome.record, saidAtMs)
    else
      report({ event: "trouble", doing: `the heartbeat of ${order.job}`, fault: new Error(outcome.message) })
    return "heard"
  }

  /** Undefined when the yard has taken it. */
  async #answer(
    { verb, body }: Answer,
    cut: AbortSignal,
  ): Promise<{ readonly message: string; readonly isFinal: boolean } | undefined> {
    const { order, pace, log, speech, clock } = this.#options
    const untilMs = clock.monotonicMs() + Math.max(ANSWER_LEAST_MS, ANSWER_SILENCES * order.silenceMs)
    const patienceMs = Math.max(SHORTEST_PATIENCE_MS, pace.patienceMs)
    try {
      const heard = await speech.say(order, verb, this.#body(body), { patienceMs, untilMs, signal: cut })
      if (heard === undefined) {
        const who = cut.aborted ? "its worker stopped" : "it gave up"
        return { message: `${who} before the yard answered`, isFinal: true }
      }
      if (heard.outcome.outcome === "accepted") return undefined
      const { code, message } = heard.outcome
      log.sent()
      return { message: `${code}: ${message}`, isFinal: UNWANTED.includes(code) }
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      log.sent()
      return { message: error.message, isFinal: false }
    }
  }

  #body(body: object): object {
    const { order, worker } = this.#options
    const { job, attempt } = order
    const log = this.#options.log.take()
    return { job, attempt, worker, ...body, ...(log.length === 0 ? {} : { log }) }
  }

  #accepted(record: YardRecord, saidAtMs: number): void {
    this.#heardMs = Math.max(this.#heardMs, saidAtMs)
    this.#options.accepted(record)
  }
}

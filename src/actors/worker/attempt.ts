// One attempt at one job, from its delivery to its answer (rule 15).
//
// Invariants:
// - Nothing of the blueprint runs before the yard has accepted `started`, or after the yard refused a word of it.
// - No child of it lives when its answer is said, nor when the yard may order the next attempt: whoever cannot make
//   itself heard in time (pace.ts) ends its children first. The guard does that when this process cannot.
// - `stopped` is said only when the blueprint's code has come to its end too. If it does not, nothing is said, and the
//   yard takes the attempt for dead by its silence.

import type { AnyWork } from "../../blueprints/work.js"
import type { JobOrder } from "../../machines/job.js"
import { recordSchema, type YardRecord } from "../../machines/record.js"
import { eventSubject } from "../../machines/subjects.js"
import type { Clock } from "../hosting/clock.js"
import { LogError } from "../log/log.js"
import { ACK_WAIT_MS, type JobDelivery, type WorkLink } from "../log/work-link.js"
import { type Answer, done, failed, failedBy, stopped } from "./answer.js"
import type { Group, Groups } from "./groups.js"
import { Interrupted, type Why } from "./interrupted.js"
import { JobLog } from "./job-log.js"
import { type Pace, paceOf } from "./pace.js"
import type { Ending, WorkerReporter } from "./reports.js"
import type { Speech } from "./speech.js"
import { taskOf } from "./task.js"

/** How long a worker tries to begin, milliseconds, and after how long it says `started` again. */
const BEGIN_MS = 8_000
const BEGIN_PATIENCE_MS = 1_500
/** Meanwhile the server must not deliver the job to somebody else. */
const HOLD_MS = ACK_WAIT_MS / 3
/** A job that the yard could not decide about is looked at again after so long, milliseconds. */
const LOOK_AGAIN_MS = 5_000
/** What the yard says when an attempt is not wanted, or not any more. */
const UNWANTED: readonly string[] = ["stale", "unknown-actor", "not-allowed", "forbidden"]

export interface AttemptOptions {
  readonly order: JobOrder
  readonly delivery: JobDelivery
  readonly work: AnyWork
  /** The worker's name. */
  readonly worker: string
  readonly yard: string
  readonly link: WorkLink
  readonly clock: Clock
  readonly speech: Speech
  readonly groups: Groups
  readonly report: WorkerReporter
}

type Result =
  | { readonly kind: "returned"; readonly details: unknown }
  | { readonly kind: "threw"; readonly error: unknown }
  | { readonly kind: "unheeded" }

export class Attempt {
  readonly #options: AttemptOptions
  readonly #pace: Pace
  readonly #log = new JobLog()
  readonly #group: Group
  /** Ends the work. */
  readonly #work = new AbortController()
  /** Ends everything, also what is being said. */
  readonly #cut = new AbortController()
  /** When the last word was said that the yard accepted, by the monotonic clock. */
  #heardMs = 0
  #begun = false

  constructor(options: AttemptOptions) {
    this.#options = options
    this.#pace = paceOf(options.order)
    this.#group = options.groups.open(this.#pace.graceMs)
    this.#group.ended.addEventListener("abort", () => this.#groupEnded(), { once: true })
  }

  /** The yard has accepted its `started`: the message in WORK has done its duty. */
  get isBegun(): boolean {
    return this.#begun
  }

  /** The work ends now; the answer says that its worker stopped. */
  stop(): void {
    this.#interrupt("worker-stops")
  }

  /** Nothing more is said. */
  cut(): void {
    this.#interrupt("worker-stops")
    this.#cut.abort()
  }

  /** Resolves when it is over, one way or another. Throws only what is a mistake of ours. */
  async live(): Promise<void> {
    const { order, link, clock, yard, report } = this.#options
    const startMs = clock.monotonicMs()
    const unlisten = link.listen(eventSubject(yard, order.kind, order.id), (_, data) => this.#hearEvent(data))
    try {
      const record = await this.#begin()
      if (record === undefined) return
      report({ event: "begun", order })
      const { ending, message } = await this.#go(record)
      report({ event: "ended", order, ending, message, ms: Math.round(clock.monotonicMs() - startMs) })
    } finally {
      unlisten()
    }
  }

  /** Undefined when it must not begin, or the yard does not answer: then somebody gets the job again. */
  async #begin(): Promise<YardRecord | undefined> {
    const { order, delivery, worker, clock, speech, report } = this.#options
    const body = { job: order.job, attempt: order.attempt, worker }
    const tried = new AbortController()
    const holding = this.#hold(tried.signal)
    const heard = await speech.say(order, "started", body, {
      patienceMs: BEGIN_PATIENCE_MS,
      untilMs: clock.monotonicMs() + BEGIN_MS,
      signal: this.#work.signal,
    })
    tried.abort()
    await holding
    if (heard === undefined) {
      delivery.giveBack(LOOK_AGAIN_MS / 5)
      return undefined
    }
    const { outcome, saidAtMs } = heard
    if (outcome.outcome === "accepted") {
      delivery.done()
      this.#begun = true
      this.#heard(saidAtMs)
      this.#look(outcome.record)
      return outcome.record
    }
    if (UNWANTED.includes(outcome.code)) delivery.done()
    else delivery.giveBack(LOOK_AGAIN_MS)
    report({ event: "refused", order, code: outcome.code, message: outcome.message })
    return undefined
  }

  async #hold(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await this.#pause(HOLD_MS, over)
      if (!over.aborted) this.#options.delivery.hold()
    }
  }

  async #go(record: YardRecord): Promise<{ readonly ending: Ending; readonly message: string }> {
    const { order, clock } = this.#options
    const over = new AbortController()
    const beating = this.#beat(over.signal)
    const limitMs = this.#heardMs + order.limitMs - clock.monotonicMs()
    const deadline = clock.after(limitMs, () => this.#interrupt("deadline"))
    try {
      const result = await this.#perform(record, new Date(Date.now() + limitMs))
      const allDead = await this.#group.end()
      deadline.cancel()
      over.abort()
      await beating
      return await this.#conclude(result, allDead)
    } finally {
      deadline.cancel()
      over.abort()
    }
  }

  async #perform(record: YardRecord, deadline: Date): Promise<Result> {
    const { work, clock, ...options } = this.#options
    const { signal } = this.#work
    const settled = (async (): Promise<Result> => {
      try {
        const { task, config } = await taskOf(record, {
          ...options,
          clock,
          deadline,
          signal,
          group: this.#group,
          log: this.#log,
          patienceMs: this.#pace.patienceMs,
        })
        signal.throwIfAborted()
        return { kind: "returned", details: await work.perform(task, config) }
      } catch (error) {
        return { kind: "threw", error }
      }
    })()
    const unheeded = new Promise<Result>((resolve) => {
      const wait = () =>
        void this.#group
          .end()
          .then(() => clock.after(this.#pace.graceMs, () => resolve({ kind: "unheeded" })))
      if (signal.aborted) wait()
      else signal.addEventListener("abort", wait, { once: true })
    })
    return await Promise.race([settled, unheeded])
  }

  /** Says what came of it. */
  async #conclude(
    result: Result,
    allDead: boolean,
  ): Promise<{ readonly ending: Ending; readonly message: string }> {
    const { order, report } = this.#options
    const reason: unknown = this.#work.signal.reason
    const interrupted = reason instanceof Interrupted ? reason : undefined
    const { why, message = "" } = interrupted ?? {}
    const lost = { ending: "lost", message } as const
    if (!allDead)
      report({
        event: "trouble",
        doing: `ending the programs of ${order.job}`,
        fault: new Error("one outlived SIGKILL"),
      })
    if (result.kind === "unheeded") report({ event: "unheeded", order })
    if (why === "superseded" || why === "silent" || result.kind === "unheeded") return lost
    if (why !== undefined && !allDead) return lost
    if (why === "cancelled") return await this.#answer(stopped(message))
    if (why !== undefined) return await this.#answer(failed(message, true))
    return await this.#answer(
      result.kind === "returned" ? done(order, result.details) : failedBy(result.error),
    )
  }

  async #answer(
    answer: Answer,
    isLast = false,
  ): Promise<{ readonly ending: Ending; readonly message: string }> {
    const refusal = await this.#say(answer)
    if (refusal === undefined) return answer
    if (isLast || refusal.isFinal) return { ending: "lost", message: refusal.message }
    return await this.#answer(failed(`the yard refused its answer: ${refusal.message}`, false), true)
  }

  /** Undefined when the yard has taken it. */
  async #say({
    verb,
    body,
  }: Answer): Promise<{ readonly message: string; readonly isFinal: boolean } | undefined> {
    const { order, speech, worker } = this.#options
    const log = this.#log.take()
    const { job, attempt } = order
    const whole = { job, attempt, worker, ...body, ...(log.length === 0 ? {} : { log }) }
    try {
      const how = { patienceMs: Math.max(500, this.#pace.patienceMs), signal: this.#cut.signal }
      const heard = await speech.say(order, verb, whole, how)
      if (heard === undefined)
        return { message: "its worker stopped before the yard answered", isFinal: true }
      if (heard.outcome.outcome === "accepted") return undefined
      this.#log.sent()
      const { code, message } = heard.outcome
      return { message: `${code}: ${message}`, isFinal: UNWANTED.includes(code) }
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      this.#log.sent()
      return { message: error.message, isFinal: false }
    }
  }

  /** Until it is over, or the yard was silent for too long, or does not want the attempt any more. */
  async #beat(over: AbortSignal): Promise<void> {
    const { order, clock, speech, report, worker } = this.#options
    const { beatMs, patienceMs, giveUpMs } = this.#pace
    const { job, attempt } = order
    let nextMs = this.#heardMs + beatMs
    while (!over.aborted) {
      await this.#pause(nextMs - clock.monotonicMs(), over)
      if (over.aborted) return
      const saidMs = clock.monotonicMs()
      const log = this.#log.take()
      const body = { job, attempt, worker, ...(log.length === 0 ? {} : { log }) }
      const untilMs = this.#heardMs + giveUpMs
      const heard = await speech.say(order, "heartbeat", body, { patienceMs, untilMs, signal: over })
      if (over.aborted) return
      if (heard === undefined) return this.#interrupt("silent")
      nextMs = saidMs + beatMs
      const { outcome } = heard
      if (outcome.outcome === "accepted") {
        this.#log.sent()
        this.#heard(heard.saidAtMs)
        this.#look(outcome.record)
      } else if (UNWANTED.includes(outcome.code)) return this.#interrupt("superseded")
      else {
        // It cannot be decided as it is: without these lines the next one can.
        this.#log.sent()
        report({ event: "trouble", doing: `the heartbeat of ${job}`, fault: new Error(outcome.message) })
      }
    }
  }

  #heard(saidAtMs: number): void {
    this.#heardMs = Math.max(this.#heardMs, saidAtMs)
    this.#group.live(this.#heardMs + this.#pace.giveUpMs - this.#options.clock.monotonicMs())
  }

  /** A release reaches the attempt by the event of its record, long before the next heartbeat. */
  #hearEvent(data: Uint8Array): void {
    let parsed: ReturnType<typeof recordSchema.safeParse>
    try {
      parsed = recordSchema.safeParse(JSON.parse(new TextDecoder().decode(data)))
    } catch {
      return // No record: somebody wrote garbage into the journal, and hosts pass it over.
    }
    if (parsed.success && parsed.data.rev > this.#options.order.rev) this.#look(parsed.data)
  }

  #look({ kind, id, context }: YardRecord): void {
    const { order } = this.#options
    if (kind !== order.kind || id !== order.id || !("job" in context)) return
    if (context.job?.id !== order.job) this.#interrupt("superseded")
    else if (context.job.cancelled) this.#interrupt("cancelled")
  }

  #groupEnded(): void {
    const { clock } = this.#options
    const isSilent = clock.monotonicMs() - this.#heardMs >= this.#pace.giveUpMs * 0.9
    this.#interrupt(isSilent ? "silent" : "guard-lost")
  }

  #interrupt(why: Why): void {
    if (!this.#work.signal.aborted) this.#work.abort(new Interrupted(why, this.#options.order))
  }

  #pause(ms: number, over: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel()
        over.removeEventListener("abort", done)
        resolve()
      }
      const timer = this.#options.clock.after(Math.max(0, ms), done)
      over.addEventListener("abort", done, { once: true })
      if (over.aborted) done()
    })
  }
}

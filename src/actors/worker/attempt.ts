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
import { ACK_WAIT_MS, type JobDelivery, type WorkLink } from "../log/work-link.js"
import { done, failed, failedBy, isLoss, stopped } from "./answer.js"
import type { Group, Groups } from "./groups.js"
import { Interrupted, type Why } from "./interrupted.js"
import { JobLog } from "./job-log.js"
import { type Pace, paceOf } from "./pace.js"
import { pause } from "./pause.js"
import type { WorkerReporter } from "./reports.js"
import type { Speech } from "./speech.js"
import { taskOf } from "./task.js"
import { type Conclusion, Words } from "./words.js"

/** While it tries to begin, the server must not deliver the job to somebody else. */
const HOLD_MS = ACK_WAIT_MS / 3
/** A job that the yard could not decide about, or did not answer about, is looked at again after so long. */
const UNDECIDED_MS = 5_000
const UNHEARD_MS = 1_000

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
  readonly #words: Words
  /** Ends the work. */
  readonly #work = new AbortController()
  /** Ends everything, also what is being said. */
  readonly #cut = new AbortController()
  #begun = false

  constructor(options: AttemptOptions) {
    const { order, worker, speech, clock, report } = options
    this.#options = options
    this.#pace = paceOf(order)
    this.#group = options.groups.open(this.#pace.graceMs)
    this.#group.ended.addEventListener("abort", () => this.#groupEnded(), { once: true })
    const accepted = (record: YardRecord) => this.#accepted(record)
    const [pace, log] = [this.#pace, this.#log]
    this.#words = new Words({ order, worker, speech, clock, report, accepted, pace, log })
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
      const conclusion = await this.#go(record)
      report({ event: "ended", order, ...conclusion, ms: Math.round(clock.monotonicMs() - startMs) })
    } finally {
      unlisten()
    }
  }

  /** Undefined when it must not begin, or the yard does not answer: then somebody gets the job again. */
  async #begin(): Promise<YardRecord | undefined> {
    const { order, delivery, report } = this.#options
    const tried = new AbortController()
    const holding = this.#hold(tried.signal)
    const beginning = await this.#words.started(this.#work.signal)
    tried.abort()
    await holding
    if (beginning.kind === "accepted") {
      delivery.done()
      this.#begun = true
      return beginning.record
    }
    if (beginning.kind === "unheard") {
      delivery.giveBack(UNHEARD_MS)
      return undefined
    }
    if (beginning.kind === "unwanted") delivery.done()
    else delivery.giveBack(UNDECIDED_MS)
    report({ event: "refused", order, code: beginning.code, message: beginning.message })
    return undefined
  }

  async #hold(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      await pause(this.#options.clock, HOLD_MS, over)
      if (!over.aborted) this.#options.delivery.hold()
    }
  }

  async #go(record: YardRecord): Promise<Conclusion> {
    const { order, clock } = this.#options
    const over = new AbortController()
    const beating = this.#words.beat(over.signal).then((end) => {
      if (end !== "over") this.#interrupt(end)
    })
    const limitMs = this.#words.heardMs + order.limitMs - clock.monotonicMs()
    const deadline = clock.after(limitMs, () => this.#interrupt("deadline"))
    try {
      const result = await this.#perform(record, new Date(Date.now() + limitMs))
      const allDead = await this.#group.end()
      deadline.cancel()
      over.abort()
      await beating
      return await this.#conclude(result, allDead, record)
    } finally {
      deadline.cancel()
      over.abort()
    }
  }

  async #perform(record: YardRecord, deadline: Date): Promise<Result> {
    const { signal } = this.#work
    const [group, log, { patienceMs, graceMs }] = [this.#group, this.#log, this.#pace]
    const { work, clock } = this.#options
    const settled = (async (): Promise<Result> => {
      try {
        const parts = { ...this.#options, deadline, signal, group, log, patienceMs }
        const { task, config } = await taskOf(record, parts)
        signal.throwIfAborted()
        return { kind: "returned", details: await work.perform(task, config) }
      } catch (error) {
        return { kind: "threw", error }
      }
    })()
    const unheeded = new Promise<Result>((resolve) => {
      const late = () => resolve({ kind: "unheeded" })
      const wait = () => void group.end().then(() => clock.after(graceMs, late))
      if (signal.aborted) wait()
      else signal.addEventListener("abort", wait, { once: true })
    })
    return await Promise.race([settled, unheeded])
  }

  /** Says what came of it. `record`: the one that it began with. */
  async #conclude(result: Result, allDead: boolean, record: YardRecord): Promise<Conclusion> {
    const { order, report } = this.#options
    const reason: unknown = this.#work.signal.reason
    const { why, message = "" } = reason instanceof Interrupted ? reason : { why: undefined }
    const lost = { ending: "lost", message } as const
    const say = (answer: Parameters<Words["conclude"]>[0]) => this.#words.conclude(answer, this.#cut.signal)
    if (!allDead) {
      const fault = new Error("one outlived SIGKILL")
      report({ event: "trouble", doing: `ending the programs of ${order.job}`, fault })
    }
    if (result.kind === "unheeded") report({ event: "unheeded", order })
    if (why === "superseded" || why === "silent" || result.kind === "unheeded") return lost
    if (why !== undefined && !allDead) return lost
    if (why === "cancelled") return await say(stopped(message))
    if (why !== undefined) return await say(failed(message, true))
    const before = "details" in record.context ? record.context.details : {}
    if (result.kind === "returned") return await say(done(order, result.details, before))
    // The resource breaks before the lease fails on it: so the lease does not come back to it.
    const resource = record.kind === "lease" ? record.context.resource : null
    if (isLoss(result.error) && resource !== null)
      await this.#words.resourceLost(resource, result.error.message, this.#cut.signal)
    return await say(failedBy(order, result.error))
  }

  /** The yard has heard of it: its children may live on for a while. */
  #accepted(record: YardRecord): void {
    this.#group.live(this.#words.heardMs + this.#pace.giveUpMs - this.#options.clock.monotonicMs())
    this.#look(record)
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
    const { order, worker } = this.#options
    if (kind !== order.kind || id !== order.id || !("job" in context)) return
    const { job } = context
    // After a loss of records an id may come a second time.
    const isAnothers = job?.state === "running" && job.worker !== worker
    if (job?.id !== order.job || isAnothers) this.#interrupt("superseded")
    else if (job.cancelled) this.#interrupt("cancelled")
  }

  #groupEnded(): void {
    const silentMs = this.#options.clock.monotonicMs() - this.#words.heardMs
    this.#interrupt(silentMs >= this.#pace.giveUpMs * 0.9 ? "silent" : "guard-lost")
  }

  #interrupt(why: Why): void {
    if (!this.#work.signal.aborted) this.#work.abort(new Interrupted(why, this.#options.order))
  }
}

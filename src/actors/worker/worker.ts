// A worker: takes jobs of the blueprint types that it knows, as many at a time as it may, and sees each through
// (attempt.ts). Any number of workers run beside each other, on any machines; none of them decides anything.

import { randomBytes } from "node:crypto"
import { hostname } from "node:os"
import type { AnyWork, Blueprint } from "../../blueprints/work.js"
import { type JobOrder, jobOrder } from "../../machines/job.js"
import { type Clock, systemClock } from "../hosting/clock.js"
import type { JobDelivery, JobIntake, WorkLink } from "../log/work-link.js"
import { Attempt } from "./attempt.js"
import { Groups } from "./groups.js"
import type { WorkerReporter } from "./reports.js"
import { Speech } from "./speech.js"

/** Jobs that one worker does at once, unless it is told otherwise, and at most. */
export const CONCURRENCY = 4
export const CONCURRENCY_MOST = 256
/** A job that came when there was no place is offered to others after so long, milliseconds. */
const GIVE_BACK_MS = 50
/** When it stops: so long for the last answers, milliseconds. */
const LAST_WORDS_MS = 5_000

export interface WorkerOptions {
  readonly link: WorkLink
  readonly yard: string
  /** Those without work are left out. */
  readonly blueprints: readonly Blueprint[]
  /** Jobs at once, 1 to 256. Default 4. */
  readonly concurrency?: number | undefined
  /** Unique among workers, at most 128 characters. Default: host name, process id and a random part. */
  readonly name?: string | undefined
  readonly clock?: Clock | undefined
  /** Ids of words. Default: 128 random bits. */
  readonly newId?: (() => string) | undefined
  readonly report?: WorkerReporter | undefined
}

export class Worker {
  readonly name: string
  /** The blueprint types that it does. */
  readonly types: readonly string[]
  readonly #options: WorkerOptions
  readonly #clock: Clock
  readonly #report: WorkerReporter
  readonly #concurrency: number
  readonly #speech: Speech
  readonly #groups = new Groups()
  readonly #works = new Map<string, AnyWork>()
  readonly #running = new Map<string, { readonly attempt: Attempt; readonly over: Promise<void> }>()
  readonly #intakes: JobIntake[] = []
  readonly #ends: (() => void)[] = []
  #stopping = false

  /** Throws RangeError on a concurrency out of its range. */
  constructor(options: WorkerOptions) {
    const { concurrency = CONCURRENCY } = options
    if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > CONCURRENCY_MOST)
      throw new RangeError(`a worker does 1 to ${CONCURRENCY_MOST} jobs at once, not ${concurrency}`)
    this.#options = options
    this.#concurrency = concurrency
    this.#clock = options.clock ?? systemClock
    this.#report = options.report ?? (() => {})
    this.name = options.name ?? `${hostname().slice(0, 80)}-${process.pid}-${randomBytes(6).toString("hex")}`
    for (const { policy, work } of options.blueprints)
      if (work !== undefined && work.tasks.length > 0) this.#works.set(policy.type, work)
    this.types = [...this.#works.keys()].sort()
    const newId = options.newId ?? (() => randomBytes(16).toString("base64url"))
    this.#speech = new Speech({ link: options.link, clock: this.#clock, yard: options.yard, newId })
  }

  /** Jobs under way. */
  get running(): number {
    return this.#running.size
  }

  /** Begins to take jobs. */
  start(): void {
    const { link } = this.#options
    for (const type of this.types) {
      this.#ends.push(this.#speech.hear(type))
      this.#intakes.push(link.takeJobs(type, (delivery) => this.#take(type, delivery)))
    }
    this.#want()
  }

  /**
   * Takes no more, lets what runs end within `graceMs`, ends the rest (its jobs are tried again), and leaves no child
   * behind. The link stays open.
   */
  async stop(graceMs = 0): Promise<void> {
    this.#stopping = true
    for (const intake of this.#intakes) await intake.stop()
    await this.#idleWithin(graceMs)
    for (const { attempt } of this.#running.values()) attempt.stop()
    await this.#idleWithin(LAST_WORDS_MS)
    for (const { attempt } of this.#running.values()) attempt.cut()
    await this.#groups.close()
    for (const end of this.#ends) end()
  }

  /** One of each type at a time: what a worker asked for and then does not take, since it is stopped, others wait for. */
  #want(): void {
    if (this.#stopping) return
    for (const intake of this.#intakes) intake.want(this.#running.size < this.#concurrency ? 1 : 0)
  }

  #take(type: string, delivery: JobDelivery): void {
    const order = parsedOrder(type, delivery)
    if (typeof order === "string") {
      this.#report({ event: "garbage", subject: delivery.subject, why: order })
      delivery.done()
    } else this.#consider(order, delivery)
    this.#want()
  }

  #consider(order: JobOrder, delivery: JobDelivery): void {
    const before = this.#running.get(order.job)
    const work = this.#works.get(order.type)
    const hasPlace = this.#running.size < this.#concurrency
    if (before?.attempt.isBegun === true) delivery.done()
    else if (before !== undefined || work === undefined || !hasPlace || this.#stopping)
      delivery.giveBack(GIVE_BACK_MS)
    else this.#begin(order, delivery, work)
  }

  #begin(order: JobOrder, delivery: JobDelivery, work: AnyWork): void {
    const { link, yard } = this.#options
    const attempt = new Attempt({
      order,
      delivery,
      work,
      worker: this.name,
      yard,
      link,
      clock: this.#clock,
      speech: this.#speech,
      groups: this.#groups,
      report: this.#report,
    })
    const over = attempt
      .live()
      .catch((fault: unknown) => this.#report({ event: "trouble", doing: `the job ${order.job}`, fault }))
      .finally(() => {
        this.#running.delete(order.job)
        this.#want()
      })
    this.#running.set(order.job, { attempt, over })
  }

  #idleWithin(ms: number): Promise<void> {
    const idle = Promise.all([...this.#running.values()].map(({ over }) => over))
    return new Promise((resolve) => {
      const timer = this.#clock.after(ms, resolve)
      void idle.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

/** Or why it is none. */
function parsedOrder(type: string, { data }: JobDelivery): JobOrder | string {
  try {
    const parsed = jobOrder.safeParse(JSON.parse(new TextDecoder().decode(data)))
    if (!parsed.success) return parsed.error.issues[0]?.message ?? "it does not parse"
    return parsed.data.type === type ? parsed.data : `it is a job of type ${parsed.data.type}`
  } catch (error) {
    if (error instanceof SyntaxError) return "it is no JSON"
    throw error
  }
}

// Workers of the tests, without hosting: they see the jobs that stand in the yard and speak about them, well or badly.
// What they would have done to the world is written down, so that it can be compared with the records.

import type { Verdict, Yard } from "../../../src/actors/kernel/index.js"
import type { Job } from "../../../src/machines/job.js"
import type { LeaseRecord, ResourceRecord } from "../../../src/machines/record.js"
import type { Workbench } from "./workbench.js"

export const BEHAVIOURS = [
  "start",
  "beat",
  "succeed",
  "fail",
  "fail for good",
  "stop",
  "begin and succeed",
  "come back late",
  "speak of another attempt",
] as const
export type Behaviour = (typeof BEHAVIOURS)[number]

type Worked = LeaseRecord | ResourceRecord

const SUCCESS = {
  allocate: "activated",
  destroy: "destroyed",
  activate: "activated",
  release: "cleaned",
} as const

export function jobsIn(yard: Yard): readonly { readonly record: Worked; readonly job: Job }[] {
  return [...yard.actors.keys()].sort().flatMap((key) => {
    const record = yard.actors.get(key)?.record
    if (record?.kind !== "lease" && record?.kind !== "resource") return []
    return record.context.job === null ? [] : [{ record, job: record.context.job }]
  })
}

export class Crew {
  /** Things that exist, or may. */
  readonly inventory = new Set<string>()
  /** Attempts that may still touch the world, by object. */
  readonly running = new Map<string, string>()
  readonly #past: { readonly record: Worked; readonly job: Job }[] = []

  constructor(readonly bench: Workbench) {}

  /** One worker does something about one job. */
  act(nth: number, behaviour: Behaviour): void {
    const jobs = behaviour === "come back late" ? this.#past : jobsIn(this.bench.yard)
    const chosen = jobs[nth % Math.max(1, jobs.length)]
    if (chosen === undefined) return
    const { record, job } = chosen
    if (behaviour === "start" || behaviour === "begin and succeed") this.#say(record, job, "started", {})
    if (behaviour === "beat") this.#say(record, job, "heartbeat", { log: ["still at it"] })
    if (behaviour === "succeed" || behaviour === "begin and succeed" || behaviour === "come back late")
      this.#say(record, job, SUCCESS[job.task], {})
    if (behaviour === "fail") this.#say(record, job, "failed", { message: "it broke", retryable: true })
    if (behaviour === "fail for good")
      this.#say(record, job, "failed", { message: "never", retryable: false })
    if (behaviour === "stop") this.#say(record, job, "stopped", {})
    if (behaviour === "speak of another attempt")
      this.#say(record, { ...job, attempt: job.attempt + 1 }, SUCCESS[job.task], {})
    this.#past.push(chosen)
    if (this.#past.length > 32) this.#past.shift()
  }

  #say({ kind, id }: Worked, job: Job, verb: string, more: object): void {
    this.bench.publish({
      subject: `drydock.default.internal.${kind}.${id}.${verb}.worker-${job.type}`,
      body: { job: job.id, attempt: job.attempt, worker: "w", ...more },
    })
  }

  /** What an accepted word means for the world. To be called after every verdict. */
  watch(verdict: Verdict): void {
    if (verdict.kind !== "recorded") return
    const { record } = verdict
    if (record.kind !== "lease" && record.kind !== "resource") return
    const { event } = record
    const key = `${record.kind}/${record.id}`
    if (event.type === "started") {
      if (this.running.has(key)) throw new Error(`${key} has two attempts at once`)
      this.running.set(key, record.context.job?.id ?? "")
      if (record.context.job?.task === "allocate") this.inventory.add(record.id)
    }
    if (event.type === "destroyed") this.inventory.delete(record.id)
    if (event.type === "abandon") this.inventory.delete(record.id)
    if (record.context.job?.state !== "running") this.running.delete(key)
  }
}

/** Moves time on and fires every timer that is due by then. */
export function timePasses(bench: Workbench, ms: number): void {
  bench.wait(ms)
  for (const key of [...bench.yard.actors.keys()].sort()) {
    const record = bench.yard.actors.get(key)?.record
    for (const timer of record?.timers ?? [])
      if (Date.parse(timer.at) <= bench.nowMs)
        bench.publish({
          subject: `drydock.default.internal.${record?.kind}.${record?.id}.expire.timer`,
          body: { timer: timer.id, at: timer.at },
          afterMs: 0,
        })
  }
}

/** Workers do everything well and time goes on, until nothing moves any more. */
export function allIsWell(bench: Workbench, rounds = 400): void {
  const crew = (record: Worked, job: Job) => {
    const say = (verb: string, more: object) =>
      bench.publish({
        subject: `drydock.default.internal.${record.kind}.${record.id}.${verb}.worker-${job.type}`,
        body: { job: job.id, attempt: job.attempt, worker: job.worker ?? "good", ...more },
      })
    if (job.state === "ordered") say("started", {})
    if (job.state !== "backing-off") say(job.cancelled ? "stopped" : SUCCESS[job.task], {})
  }
  for (let round = 0; round < rounds; round++) {
    bench.drain()
    const before = bench.records.length
    for (const { record, job } of jobsIn(bench.yard)) crew(record, job)
    bench.drain()
    if (bench.records.length > before) continue
    timePasses(bench, 10 * 60_000)
    bench.drain()
    if (bench.records.length === before && !hasTimers(bench)) return
  }
}

function hasTimers(bench: Workbench): boolean {
  return [...bench.yard.actors.values()].some(({ record }) => record.timers.length > 0)
}

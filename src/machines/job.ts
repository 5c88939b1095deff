// A job: one piece of work on the world that an object waits for, done by a worker elsewhere (rule 15). One attempt at
// a time: an attempt is ordered by a record, begun by a record (`started`), kept alive by records (`heartbeat`) and
// ended by a record. Whatever speaks of another job or another attempt is refused, so a worker that comes back late
// changes nothing. An attempt that is not heard of in time counts as failed; its worker has killed its children by then.

import { z } from "zod"
import { type JsonObject, jsonObject } from "./json.js"
import { LIMITS } from "./limits.js"
import type { ActorKey } from "./names.js"
import { isoTime, type Timer } from "./stimulus.js"

/** `allocate` and `destroy` a resource; `activate` and `release` a lease. */
export const TASKS = ["allocate", "destroy", "activate", "release"] as const
export type Task = (typeof TASKS)[number]

/** How a blueprint wants its jobs done; pinned in the object when it is allocated or acquired. */
export interface WorkTerms {
  /** Blueprint type: which workers may do it. */
  readonly type: string
  /** Attempts in all before it is given up. */
  readonly attempts: number
  readonly firstDelayMs: number
  readonly longestDelayMs: number
  /** How long one attempt may take. */
  readonly limitMs: number
  /** How long a worker may be silent. It heartbeats at a third of this, and kills its children at two thirds. */
  readonly silenceMs: number
}

export interface Job {
  /** `<kind>/<id>/<rev>`, of the record that ordered this attempt. */
  readonly id: string
  readonly task: Task
  /** Blueprint type. */
  readonly type: string
  /** 1, 2, 3 … */
  readonly attempt: number
  readonly state: "ordered" | "running" | "backing-off"
  readonly worker: string | null
  readonly orderedAt: string
  /** While it runs: when the next heartbeat is due at the latest, and when the attempt has to be over. */
  readonly beatBy: string | null
  readonly deadline: string | null
  /** While it backs off: when the next attempt is ordered. */
  readonly retryAt: string | null
  /** Its object was released meanwhile: stop, kill every child, and say `stopped`. */
  readonly cancelled: boolean
  /** Why the attempt before failed. */
  readonly error: string | null
}

export interface LogLine {
  readonly at: string
  readonly job: string
  readonly line: string
}

/** The order as it stands in `jobs` of a record and in the stream WORK. The worker reads everything else from the record. */
export const jobOrder = z.object({
  job: z.string(),
  kind: z.enum(["lease", "resource"]),
  id: z.string(),
  rev: z.number().int(),
  task: z.enum(TASKS),
  type: z.string(),
  attempt: z.number().int(),
  token: z.number().int().nullable(),
  /** How long the attempt may take, milliseconds. */
  limitMs: z.number().int(),
  silenceMs: z.number().int(),
})
export type JobOrder = z.output<typeof jobOrder>

/**
 * Which attempt it is about, and who speaks: after a loss of records an id may come a second time, and the worker of the
 * first must not end the attempt of another.
 */
const which = {
  job: z.string().max(160),
  attempt: z.number().int().min(1),
  worker: z.string().min(1).max(128),
}
const log = z.array(z.string().max(LIMITS.logLineChars)).max(LIMITS.logLinesPerMessage).optional()
const message = z.string().max(LIMITS.reasonChars)

/** What a worker says about any job. Sender: `worker-<blueprint type>`. */
export const workerBodies = {
  /** Before the first thing it does. Accepted: it may begin, and the record says everything. Refused: it must not. */
  started: z.strictObject(which),
  /** It works; at least every third of `silenceMs`. */
  heartbeat: z.strictObject({ ...which, log }),
  /** It did not succeed. `retryable`: the same again may. */
  failed: z.strictObject({ ...which, message, retryable: z.boolean(), details: jsonObject.optional(), log }),
  /** It was told to stop, has, and no child of it lives. */
  stopped: z.strictObject({ ...which, log }),
} as const
/** `allocate` or `activate` is done. `details`: what holders need to know, kept in the context. */
export const activatedBody = z.strictObject({ ...which, details: jsonObject.optional(), log })
/** `destroy` or `release` is done: nothing of it is left. */
export const doneBody = z.strictObject({ ...which, log })

export type WorkerWord = {
  readonly job: string
  readonly attempt: number
  readonly worker: string
  readonly log?: string[] | undefined
}
export type FailedBody = z.output<typeof workerBodies.failed>
export type ActivatedBody = z.output<typeof activatedBody>

/** Of a command: what a job needs to know of it. */
interface Moment {
  readonly actor: ActorKey
  /** Revision of the record that it makes. */
  readonly rev: number
  readonly now: number
  readonly command: number
}

/** A first attempt. */
export function ordered(task: Task, terms: WorkTerms, moment: Moment): Job {
  return nextAttempt({ task, type: terms.type, attempt: 0, error: null }, moment)
}

export function nextAttempt(job: Pick<Job, "task" | "type" | "attempt" | "error">, moment: Moment): Job {
  return {
    id: `${moment.actor}/${moment.rev}`,
    task: job.task,
    type: job.type,
    attempt: job.attempt + 1,
    state: "ordered",
    worker: null,
    orderedAt: isoTime(moment.now),
    beatBy: null,
    deadline: null,
    retryAt: null,
    cancelled: false,
    error: job.error,
  }
}

export function begun(job: Job, worker: string, terms: WorkTerms, now: number): Job {
  const deadline = isoTime(now + terms.limitMs)
  const beatBy = isoTime(now + Math.min(terms.silenceMs, terms.limitMs))
  return { ...job, state: "running", worker, beatBy, deadline }
}

export function kept(job: Job, terms: WorkTerms, now: number): Job {
  return { ...job, beatBy: isoTime(now + terms.silenceMs) }
}

/** It waits for its next attempt, twice as long every time, give or take a quarter so that many do not come at once. */
export function backingOff(job: Job, error: string, terms: WorkTerms, moment: Moment): Job {
  const delayMs = Math.min(terms.longestDelayMs, terms.firstDelayMs * 2 ** (job.attempt - 1))
  // From the command's sequence, so that it is the same in every replay; the golden ratio spreads neighbours.
  const spread = 0.75 + 0.5 * ((moment.command * 0.618033988749895) % 1)
  const retryAt = isoTime(moment.now + Math.round(delayMs * spread))
  return { ...job, state: "backing-off", worker: null, beatBy: null, deadline: null, retryAt, error }
}

/** Why an attempt that was not heard of any more is taken for dead. */
export function silenceOf(job: Job, terms: WorkTerms, now: number): string {
  const over = job.deadline !== null && now >= Date.parse(job.deadline)
  return over
    ? `${job.task} took longer than ${terms.limitMs / 1000} s`
    : `the worker ${job.worker} was not heard of for ${terms.silenceMs / 1000} s`
}

/** All timers of a job that are armed. */
export function jobTimers(job: Job | null): readonly Timer[] {
  if (job?.state === "running" && job.beatBy !== null) return [{ id: "beat", at: job.beatBy }]
  if (job?.state === "backing-off" && job.retryAt !== null) return [{ id: "retry", at: job.retryAt }]
  return []
}

/** The last lines of output, with new ones at the end: at most so many lines and bytes. */
export function logged(
  before: readonly LogLine[],
  job: string,
  lines: readonly string[] | undefined,
  now: number,
): readonly LogLine[] {
  if (lines === undefined || lines.length === 0) return before
  const all = [...before, ...lines.map((line) => ({ at: isoTime(now), job, line }))].slice(-LIMITS.logLines)
  let chars = 0
  const from = all.findLastIndex((one) => {
    chars += one.line.length
    return chars > LIMITS.logChars
  })
  return from === -1 ? all : all.slice(from + 1)
}

/** What a worker told that holders need: each answer replaces what it names. */
export function detailed(before: JsonObject, details: JsonObject | undefined): JsonObject {
  return details === undefined ? before : { ...before, ...details }
}

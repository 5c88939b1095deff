// What a lease and a resource have in common while a worker does something for them: which words of the worker count,
// and what they make of the context. The statecharts say in which state what follows.

import {
  backingOff,
  begun,
  detailed,
  type Job,
  kept,
  type LogLine,
  logged,
  nextAttempt,
  ordered,
  silenceOf,
  type Task,
  type WorkTerms,
} from "./job.js"
import type { JsonObject } from "./json.js"
import type { ActorKey } from "./names.js"
import { isoTime } from "./stimulus.js"

/** It is stuck, holds what it holds, and waits for somebody to decide: `retry` or `abandon`. */
export interface Quarantine {
  readonly code: "clean-up-failed" | "fails-its-leases"
  readonly message: string
  readonly at: string
}

/** The part of a context that jobs are about. */
export interface Working {
  readonly job: Job | null
  readonly work: WorkTerms | null
  /** The last lines of output of its jobs. */
  readonly log: readonly LogLine[]
  /** What its workers told that holders need: addresses, paths. */
  readonly details: JsonObject
  readonly quarantine: Quarantine | null
}

export const NOT_WORKING: Working = { job: null, work: null, log: [], details: {}, quarantine: null }

interface Word {
  readonly type: string
  readonly body: object
  readonly by: string
  readonly actor: ActorKey
  readonly rev: number
  readonly command: number
  readonly now: number
}
interface At {
  readonly context: Working
  readonly event: Word
}

const textIn = (event: Word, name: string): string | undefined => {
  const found = Object.entries(event.body).find(([key]) => key === name)?.[1]
  return typeof found === "string" ? found : undefined
}
const linesIn = (event: Word): readonly string[] | undefined => {
  const found = "log" in event.body ? event.body.log : undefined
  // Sound: the schemas of job.ts have parsed it.
  return found as readonly string[] | undefined
}
const detailsIn = (event: Word): JsonObject | undefined =>
  // Sound: as above.
  ("details" in event.body ? event.body.details : undefined) as JsonObject | undefined

const isPast = (time: string | null | undefined, now: number): boolean =>
  time !== null && time !== undefined && now >= Date.parse(time)
const isTimer = (event: Word, id: string): boolean => event.type === "expire" && textIn(event, "timer") === id

export const workingGuards = {
  isFromAnotherTrade: ({ context, event }: At) =>
    context.work === null || event.by !== `worker-${context.work.type}`,
  isWorkerOfAnotherTrade: ({ context, event }: At) =>
    event.by.startsWith("worker-") && event.by !== `worker-${context.work?.type}`,
  isAboutAnotherAttempt: ({ context: { job }, event }: At) =>
    job === null ||
    textIn(event, "job") !== job.id ||
    !("attempt" in event.body && event.body.attempt === job.attempt),
  isBegunAlready: ({ context: { job }, event }: At) =>
    job?.state === "running" && job.worker === textIn(event, "worker"),
  isNotOrdered: ({ context: { job } }: At) => job?.state !== "ordered",
  isNotRunning: ({ context: { job }, event }: At) =>
    job?.state !== "running" || job.worker !== textIn(event, "worker"),
  isOverdue: ({ context: { job }, event }: At) => isPast(job?.deadline, event.now),
  isCancelled: ({ context: { job } }: At) => job?.cancelled === true,
  isClearing: ({ context: { job } }: At) => job?.task === "release" || job?.task === "destroy",
  isIdle: ({ context: { job } }: At) => job === null,
  /** The attempt failed in a way that the next one may not, and there is a next one. */
  mayTryAgain: ({ context: { job, work }, event }: At) =>
    job !== null &&
    work !== null &&
    job.attempt < work.attempts &&
    (event.type !== "failed" || ("retryable" in event.body && event.body.retryable === true)),
  isWorthRepeating: ({ event }: At) =>
    event.type !== "failed" || ("retryable" in event.body && event.body.retryable === true),
  isRunning: ({ context: { job } }: At) => job?.state === "running",
  isSilent: ({ context: { job }, event }: At) =>
    isTimer(event, "beat") && job?.state === "running" && isPast(job.beatBy, event.now),
  isRetryDue: ({ context: { job }, event }: At) =>
    isTimer(event, "retry") && job?.state === "backing-off" && isPast(job.retryAt, event.now),
  isNotInQuarantine: ({ context }: At) => context.quarantine === null,
  isInQuarantine: ({ context }: At) => context.quarantine !== null,
}

/** Why the attempt that ends by this event came to nothing. */
export function failureOf({ context, event }: At): string {
  const said = textIn(event, "message")
  if (said !== undefined) return said
  const { job, work } = context
  if (event.type === "expire" && job !== null && work !== null) return silenceOf(job, work, event.now)
  return event.type === "stopped" ? "its worker stopped" : "it came to nothing"
}

function withJob(context: Working, job: Job | null, event: Word): Partial<Working> {
  const about = context.job?.id ?? event.actor
  return { job, log: logged(context.log, about, linesIn(event), event.now) }
}

export function ordering(task: Task, { context, event }: At): Partial<Working> {
  if (context.work === null) return {}
  return { job: ordered(task, context.work, event), quarantine: null }
}

export const working = {
  begin: ({ context, event }: At): Partial<Working> =>
    context.job === null || context.work === null
      ? {}
      : { job: begun(context.job, textIn(event, "worker") ?? "", context.work, event.now) },
  beat: ({ context, event }: At): Partial<Working> =>
    context.job === null || context.work === null
      ? {}
      : withJob(context, kept(context.job, context.work, event.now), event),
  /** The job is over, whatever it came to; its output and what it told are kept. */
  finish: ({ context, event }: At): Partial<Working> => ({
    ...withJob(context, null, event),
    details: detailed(context.details, detailsIn(event)),
  }),
  /** The next attempt after a while. */
  backOff: ({ context, event }: At): Partial<Working> =>
    context.job === null || context.work === null
      ? {}
      : withJob(context, backingOff(context.job, failureOf({ context, event }), context.work, event), event),
  /** The next attempt now: the while is over, or the worker of the last one is gone. */
  tryAgain: ({ context, event }: At): Partial<Working> => {
    if (context.job === null) return {}
    const error = context.job.state === "running" ? failureOf({ context, event }) : context.job.error
    return { job: nextAttempt({ ...context.job, error }, event) }
  },
  /** Its object ends: an attempt that runs is told to stop, one that does not is dropped. Cleaning up goes on. */
  cancel: ({ context: { job } }: At): Partial<Working> => {
    if (job === null || job.task === "release" || job.task === "destroy") return {}
    return { job: job.state === "running" ? { ...job, cancelled: true } : null }
  },
  quarantine: ({ context, event }: At): Partial<Working> => ({
    ...withJob(context, null, event),
    quarantine: {
      code: "clean-up-failed",
      message: failureOf({ context, event }),
      at: isoTime(event.now),
    },
  }),
}

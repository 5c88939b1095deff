// What a lease knows of itself, what the allocator says becomes of it, and how long it lasts. The statechart that moves
// it is lease.ts.

import { durationMs } from "./duration.js"
import type { ActivatedBody, FailedBody, WorkerWord, WorkTerms } from "./job.js"
import { jobTimers } from "./job.js"
import { canonical, type JsonObject } from "./json.js"
import type { LeaseRequest, ReleaseBody, RenewBody } from "./lease-messages.js"
import { LIMITS } from "./limits.js"
import type { AnnotateBody } from "./notes.js"
import { type EndReason, isoTime, type Notes, type Stimulus, type Timer } from "./stimulus.js"
import { NOT_WORKING, type Working } from "./working.js"

export const LEASE_STATES = ["pending", "acquired", "active", "released", "broken", "destroyed"] as const

export interface Waiting {
  readonly code: string
  readonly details: JsonObject
}

/** What the allocator ordered for this lease and waits for. */
export interface Build {
  readonly resource: string
  readonly blueprint: string
  /** Where it is built: a slot lock key that only one resource can hold. */
  readonly site: string
}

export type Fate =
  | {
      readonly kind: "grant"
      readonly resource: string
      readonly slots: readonly string[]
      readonly token: number
      /** *Activate immediately*: acquired and active in one record. */
      readonly activates: boolean
      /** Whether the blueprint has work to do when the lease ends. */
      readonly cleansUp: boolean
      /** How its jobs are done; null when it has none. */
      readonly work: WorkTerms | null
      readonly bounds: Bounds
    }
  | { readonly kind: "build"; readonly build: Build; readonly waiting: Waiting }
  | { readonly kind: "wait"; readonly waiting: Waiting }
  | { readonly kind: "never"; readonly message: string }

/** What its blueprint says about its time, as of the grant. Milliseconds. */
export interface Bounds {
  /** From `active` to the end, renewals included; null = no limit. */
  readonly longestMs: number | null
  readonly warnMs: number | null
}

/** A resource on which it could not be activated. */
export interface Failure {
  readonly resource: string
  readonly token: number
  readonly message: string
  readonly at: string
}

export interface LeaseContext extends Working {
  readonly type: string
  readonly attributes: JsonObject
  /** Blueprints that may serve it, in order of preference; null = any. */
  readonly blueprints: readonly string[] | null
  /** Who asked: a principal, or `blueprint/<id>` where a resource stands on it. */
  readonly by: string
  /** The resource that stands on it. */
  readonly carries: string | null
  /** Command sequence of the request: its place in every queue, kept when it is thrown back. */
  readonly order: number
  /** What was asked about time, until it is known when the lease becomes active. */
  readonly asked: { readonly ttl: string | null; readonly until: string | null }
  readonly resource: string | null
  readonly slots: readonly string[]
  readonly token: number | null
  readonly until: string | null
  readonly requestedAt: string
  readonly acquiredAt: string | null
  readonly activatedAt: string | null
  readonly waiting: Waiting | null
  readonly build: Build | null
  /** Whether the blueprint's worker must clean up before the lease can be destroyed. */
  readonly cleanup: boolean
  readonly reason: EndReason | null
  readonly notes: Notes
  readonly sealTo: string | null
  readonly bounds: Bounds
  /** When it says that its end is near; null when it has, or has nothing to say. */
  readonly warnAt: string | null
  /** Why it goes back to the queue as soon as its job is over; null when it does not. */
  readonly throwBack: string | null
  /** Where it failed, the last few: it avoids these as long as there is another place. */
  readonly failures: readonly Failure[]
  /** How often it failed in all, and until when it waits therefore. */
  readonly failed: number
  readonly retryAt: string | null
  /** The request in canonical form: the same again is the same lease. */
  readonly request: string
}

type Granted = { token: number }

export type LeaseEvent =
  | Stimulus<"request", LeaseRequest, Fate>
  | Stimulus<"wake", { order: number }, Fate>
  | Stimulus<"unbuilt", { resource: string }, Fate>
  | Stimulus<"renew", RenewBody>
  | Stimulus<"release", ReleaseBody & { token?: number; code?: string }>
  | Stimulus<"annotate", AnnotateBody>
  | Stimulus<"expire", { timer: string; at: string }>
  | Stimulus<"throw-back", Granted & { reason?: string }>
  | Stimulus<"started", WorkerWord>
  | Stimulus<"heartbeat", WorkerWord>
  | Stimulus<"activated", ActivatedBody>
  | Stimulus<"failed", FailedBody>
  | Stimulus<"stopped", WorkerWord>
  | Stimulus<"cleaned", WorkerWord>
  | Stimulus<"destroy", object>
  | Stimulus<"retry", object>
  | Stimulus<"abandon", { reason?: string | undefined }>

/** All timers of a lease that are armed in a state. */
export function leaseTimers(state: string, context: LeaseContext): readonly Timer[] {
  const waitsOrHolds = state === "pending" || state === "acquired" || state === "active"
  if (state === "destroyed") return []
  return [
    ...(waitsOrHolds && context.until !== null ? [{ id: "until", at: context.until }] : []),
    ...(state === "pending" && context.retryAt !== null ? [{ id: "again", at: context.retryAt }] : []),
    ...(state === "active" && context.warnAt !== null ? [{ id: "warn", at: context.warnAt }] : []),
    ...jobTimers(context.job),
  ]
}

/** When a lease that is active ends and when it says so: as asked, within what its blueprint allows. */
export function lifetime(
  context: Pick<LeaseContext, "bounds">,
  activatedMs: number,
  now: number,
  until: string | null,
): { readonly until: string | null; readonly warnAt: string | null } {
  const { longestMs, warnMs } = context.bounds
  const ends = longestMs === null ? null : isoTime(activatedMs + longestMs)
  const end = until === null || (ends !== null && ends < until) ? ends : until
  if (end === null) return { until: null, warnAt: null }
  const endMs = Date.parse(end)
  return { until: end, warnAt: warnMs !== null && endMs - now >= 2 * warnMs ? isoTime(endMs - warnMs) : null }
}

/** One more failure, and no more of them than a record should carry. */
export function withFailure(failures: readonly Failure[], failure: Failure): readonly Failure[] {
  return [...failures, failure].slice(-LIMITS.failuresPerLease)
}

/** The earlier of "this long from now" and "until then"; null when neither is given. */
export function deadline(now: number, ttl: string | null, until: string | null): string | null {
  const times = [
    ...(ttl === null ? [] : [now + durationMs(ttl)]),
    ...(until === null ? [] : [Date.parse(until)]),
  ]
  return times.length === 0 ? null : isoTime(Math.min(...times))
}

export function canonicalRequest(body: LeaseRequest): string {
  return canonical({ ...body, attributes: body.attributes ?? {} })
}

export const blankLease: LeaseContext = {
  ...NOT_WORKING,
  type: "",
  attributes: {},
  blueprints: null,
  by: "",
  carries: null,
  order: 0,
  asked: { ttl: null, until: null },
  resource: null,
  slots: [],
  token: null,
  until: null,
  requestedAt: "",
  acquiredAt: null,
  activatedAt: null,
  waiting: null,
  build: null,
  cleanup: false,
  reason: null,
  notes: {},
  sealTo: null,
  bounds: { longestMs: null, warnMs: null },
  warnAt: null,
  throwBack: null,
  failures: [],
  failed: 0,
  retryAt: null,
  request: "",
}

export function renewal(
  context: LeaseContext,
  body: RenewBody,
): { ttl: string | null; until: string | null } {
  const bare = body.ttl === undefined && body.until === undefined
  return bare ? { ttl: context.asked.ttl, until: null } : { ttl: body.ttl ?? null, until: body.until ?? null }
}

/** What a renewal asks of a lease that is not active yet: stored, and counted from `active`. */
export function storedTerm(context: LeaseContext, body: RenewBody): LeaseContext["asked"] {
  return { ttl: body.ttl ?? context.asked.ttl, until: body.until ?? context.asked.until }
}

// What a lease knows of itself, what the allocator says becomes of it, and how long it lasts. The statechart that moves
// it is lease.ts.

import { durationMs } from "./duration.js"
import { canonical, type JsonObject } from "./json.js"
import type { LeaseRequest, ReleaseBody, RenewBody } from "./lease-messages.js"
import type { AnnotateBody } from "./notes.js"
import { type EndReason, isoTime, type Notes, type Stimulus, type Timer } from "./stimulus.js"

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
    }
  | { readonly kind: "build"; readonly build: Build; readonly waiting: Waiting }
  | { readonly kind: "wait"; readonly waiting: Waiting }
  | { readonly kind: "never"; readonly message: string }

export interface LeaseContext {
  readonly type: string
  readonly attributes: JsonObject
  /** Blueprints that may serve it, in order of preference; null = any. */
  readonly blueprints: readonly string[] | null
  /** Who asked. */
  readonly by: string
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
  readonly job: null
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
  | Stimulus<"activated", Granted>
  | Stimulus<"failed", Granted & { message: string }>
  | Stimulus<"cleaned", Granted>
  | Stimulus<"destroy", object>

/** All timers of a lease that are armed in a state. */
export function leaseTimers(state: string, context: LeaseContext): readonly Timer[] {
  const waitsOrHolds = state === "pending" || state === "acquired" || state === "active"
  return waitsOrHolds && context.until !== null ? [{ id: "until", at: context.until }] : []
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
  type: "",
  attributes: {},
  blueprints: null,
  by: "",
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
  job: null,
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

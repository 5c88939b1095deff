// What a resource knows of itself, what the yard knows of it, and what its times mean. The statechart that moves it is
// resource.ts.

import { type ActivatedBody, type FailedBody, jobTimers, type WorkerWord, type WorkTerms } from "./job.js"
import type { JsonObject } from "./json.js"
import { LIMITS } from "./limits.js"
import type { AnnotateBody } from "./notes.js"
import type { EndReason, Notes, Stimulus, Timer } from "./stimulus.js"
import { NOT_WORKING, type Working } from "./working.js"

export const RESOURCE_STATES = ["pending", "active", "released", "broken", "destroyed"] as const

/** What the blueprint's policy makes of an order. */
export type Plan =
  | {
      readonly kind: "build"
      readonly type: string
      readonly attributes: JsonObject
      readonly slots: readonly string[]
      /** *Activate immediately*: usable in the record that allocates it. */
      readonly activates: boolean
      /** Whether the blueprint has work to do when it ends. */
      readonly cleansUp: boolean
      /** How its jobs are done; null when it has none. */
      readonly work: WorkTerms | null
      readonly bounds: ResourceBounds
      /** The lease that has to be active before it is built. */
      readonly base: Base | null
      readonly demand: string
    }
  /** `policyFailed`: it is held against the blueprint, as a build that failed is. */
  | {
      readonly kind: "fail"
      readonly type: string
      readonly message: string
      readonly policyFailed: boolean
      readonly demand: string
    }
  /** Nobody wants it any more. */
  | { readonly kind: "drop" }

/** The lease that a resource stands on: its host, for instance. */
export interface Base {
  readonly lease: string
  readonly request: {
    readonly type: string
    readonly blueprints?: readonly string[]
    readonly attributes?: JsonObject
  }
  /** Of the grant on which it is built; null until there is one. */
  readonly token: number | null
  /** Whether it is usable as soon as the lease is. */
  readonly activates: boolean
}

/** What its blueprint says about its time and its failures, as of the allocation. Milliseconds. */
export interface ResourceBounds {
  readonly ttlMs: number | null
  readonly idleMs: number | null
  readonly immunityMs: number
  /** So many leases that failed on it within an hour put it in quarantine. */
  readonly strikes: number
}

/** What the yard knows of it. */
export interface Occupancy {
  /** Leases that are left on it. */
  readonly leases: number
  /** When the last lease on it ended, as far as the yard remembers, milliseconds. */
  readonly lastUsedMs: number | null
  /** Whether a wish to replace it still holds. */
  readonly outdated: boolean
  /** Whether a lease waits that only its room would help. */
  readonly wanted: boolean
}

export interface Strike {
  readonly lease: string
  readonly token: number
  readonly message: string
  readonly at: string
}
/** So long a failure counts. */
export const STRIKES_COUNT_MS = 60 * 60 * 1000

export interface ResourceContext extends Working {
  readonly type: string
  readonly blueprint: string
  /** The slot lock key of the place where it is built. */
  readonly site: string
  /** What the blueprint pinned when it was allocated: for hosts device, interface, address, port, transport. */
  readonly attributes: JsonObject
  readonly slots: readonly string[]
  /** The lease that ordered it. */
  readonly by: string
  /** What it was built for, as its blueprint tells demands apart. */
  readonly demand: string
  readonly until: string | null
  readonly allocatedAt: string
  readonly activatedAt: string | null
  readonly cleanup: boolean
  readonly reason: EndReason | null
  readonly notes: Notes
  readonly bounds: ResourceBounds
  readonly base: Base | null
  /** When to look whether it has been idle for too long. */
  readonly idleAt: string | null
  /** The lease that needs its room; until when it is immune; and whether that is over, so that it gives nothing new. */
  readonly reclaim: { readonly lease: string; readonly at: string; readonly due: boolean } | null
  /** When its build failed, or it was lost. */
  readonly brokenAt: string | null
  /** Gives nothing new, and ends after its last lease. */
  readonly draining: boolean
  /** Leases that could not be activated on it, the last few; those of the last hour count. */
  readonly strikes: readonly Strike[]
  /** Failures before this count no more. */
  readonly forgivenAt: string | null
}

export type ResourceEvent =
  | Stimulus<"allocate", { lease: string; blueprint: string; site: string }, Plan>
  | Stimulus<"release", { reason?: string | undefined }, Occupancy>
  | Stimulus<"reclaim", { reason?: string | undefined }, Occupancy>
  | Stimulus<"replace", { reason: string }, Occupancy>
  | Stimulus<"settle", object, Occupancy>
  | Stimulus<"rest", object, Occupancy>
  | Stimulus<"based", { lease: string; token: number }, Occupancy>
  | Stimulus<"unbased", { lease: string; message: string }, Occupancy>
  | Stimulus<"drain", { reason?: string | undefined }, Occupancy>
  | Stimulus<"yield", { lease: string }, Occupancy>
  | Stimulus<"strike", Strike, Occupancy>
  | Stimulus<"keep", object, Occupancy>
  | Stimulus<"annotate", AnnotateBody, Occupancy>
  | Stimulus<"started", WorkerWord, Occupancy>
  | Stimulus<"heartbeat", WorkerWord, Occupancy>
  | Stimulus<"activated", ActivatedBody, Occupancy>
  | Stimulus<"failed", FailedBody, Occupancy>
  | Stimulus<"stopped", WorkerWord, Occupancy>
  | Stimulus<"destroyed", WorkerWord, Occupancy>
  | Stimulus<"lost", { message: string }, Occupancy>
  | Stimulus<"retry", object, Occupancy>
  | Stimulus<"abandon", { reason?: string | undefined }, Occupancy>
  | Stimulus<"expire", { timer: string; at: string }, Occupancy>

/** All timers of a resource that are armed in a state. */
export function resourceTimers(state: string, context: ResourceContext): readonly Timer[] {
  if (state === "destroyed") return []
  const alive = state === "pending" || state === "active"
  return [
    ...(alive && context.until !== null ? [{ id: "until", at: context.until }] : []),
    ...(state === "active" && context.idleAt !== null ? [{ id: "idle", at: context.idleAt }] : []),
    ...(alive && context.reclaim?.due === false ? [{ id: "reclaim", at: context.reclaim.at }] : []),
    ...jobTimers(context.job),
  ]
}

export const blankResource: ResourceContext = {
  ...NOT_WORKING,
  type: "",
  blueprint: "",
  site: "",
  attributes: {},
  slots: [],
  by: "",
  demand: "",
  until: null,
  allocatedAt: "",
  activatedAt: null,
  cleanup: false,
  reason: null,
  notes: {},
  bounds: { ttlMs: null, idleMs: null, immunityMs: 180_000, strikes: 3 },
  base: null,
  idleAt: null,
  reclaim: null,
  brokenAt: null,
  draining: false,
  strikes: [],
  forgivenAt: null,
}
/** When it was of use last: the end of its last lease, or when it became active. */
function lastUsed(context: ResourceContext, event: ResourceEvent): number {
  const known = event.type === "allocate" ? null : event.facts.lastUsedMs
  return known ?? Date.parse(context.activatedAt ?? context.allocatedAt)
}

export function immuneUntil(context: ResourceContext, event: ResourceEvent): number {
  return lastUsed(context, event) + context.bounds.immunityMs
}

/** When it gives nothing new any more. A moment that has passed is now: its last lease has just come. */
export function promisedFor(context: ResourceContext, event: ResourceEvent): number {
  const inUse = event.type !== "allocate" && event.facts.leases > 0
  return inUse ? event.now + context.bounds.immunityMs : immuneUntil(context, event)
}

/** When its idleness has lasted long enough, if nobody comes. */
export function idleUntil(context: ResourceContext, event: ResourceEvent): number {
  const inUse = event.type !== "allocate" && event.facts.leases > 0
  return (inUse ? event.now : lastUsed(context, event)) + (context.bounds.idleMs ?? 0)
}

export function isTimer(event: ResourceEvent, id: string, at: string | null | undefined): boolean {
  return event.type === "expire" && event.body.timer === id && at != null && event.now >= Date.parse(at)
}

export function reasonOf(context: ResourceContext, event: ResourceEvent): EndReason {
  const why = "reason" in event.body ? event.body.reason : undefined
  const { reclaim, until } = context
  if (event.type === "yield")
    return { code: "reclaimed", message: `lease ${event.body.lease} needs its room` }
  if (event.type === "reclaim") return { code: "reclaimed", message: why ?? `reclaimed by ${event.by}` }
  if (event.type === "replace") return { code: "replaced", message: event.body.reason }
  if (event.type === "settle")
    return { code: "drained", message: "it was drained, and its last lease is gone" }
  if (event.type === "expire" && event.body.timer === "idle")
    return { code: "idle", message: "nobody used it for as long as its blueprint keeps it" }
  if (event.type === "expire" && event.body.timer === "reclaim")
    return { code: "reclaimed", message: `lease ${reclaim?.lease} needs its room` }
  if (event.type === "expire")
    return { code: "expired", message: `its time ended at ${until ?? "an unknown time"}` }
  return { code: "released", message: why ?? `released by ${event.by}` }
}

/** Whether a failure is news to a resource: not forgiven, not told, and not so old that it slid off the list. */
export function countsOn(
  { forgivenAt, strikes }: Pick<ResourceContext, "forgivenAt" | "strikes">,
  { lease, at }: Pick<Strike, "lease" | "at">,
): boolean {
  if (at <= (forgivenAt ?? "")) return false
  if (strikes.some((strike) => strike.lease === lease && strike.at >= at)) return false
  const [oldest] = strikes
  return strikes.length < LIMITS.strikesPerResource || oldest === undefined || at > oldest.at
}

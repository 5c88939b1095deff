// The life of a resource. Where it is built and whether it is usable at once are facts (`plan`) of its blueprint's
// policy; whether leases are left on it is a fact of the yard.
//
//   pending ─activated→ active ─release/reclaim/expire→ released ─leases gone→ destroyed
//      └─failed→ broken ◄─lost─┘                           broken ─leases gone→ destroyed
//
// While a worker builds it (`pending`) or takes it down (`released`, `broken`), `job` says so (working.ts). It is taken
// down only when its leases are gone and nothing else runs for it; what cannot be taken down stays, in quarantine.

import { assign, setup } from "xstate"
import { z } from "zod"
import {
  type ActivatedBody,
  activatedBody,
  doneBody,
  type FailedBody,
  jobTimers,
  type WorkerWord,
  type WorkTerms,
  workerBodies,
} from "./job.js"
import type { JsonObject } from "./json.js"
import { LIMITS } from "./limits.js"
import { OBJECT_ID } from "./names.js"
import { type AnnotateBody, annotateBody, annotated, notesFit, sameNotes } from "./notes.js"
import type { RejectionCode } from "./rejection.js"
import {
  type EndReason,
  entered,
  isoTime,
  machineActions,
  type Notes,
  type Stimulus,
  type Timer,
} from "./stimulus.js"
import { failureOf, NOT_WORKING, ordering, type Working, working, workingGuards } from "./working.js"

export const RESOURCE_STATES = ["pending", "active", "released", "broken", "destroyed"] as const

const reasonText = z.string().max(LIMITS.reasonChars)
const objectId = z.string().regex(OBJECT_ID)

export const resourceBodies = {
  release: z.strictObject({ reason: reasonText.optional() }),
  reclaim: z.strictObject({ reason: reasonText.optional() }),
  annotate: annotateBody,
  /** Finish what is held, give nothing new, then end. */
  drain: z.strictObject({ reason: reasonText.optional() }),
  /** It is in quarantine: try it again, or let it be and free its slots. */
  retry: z.strictObject({}),
  abandon: z.strictObject({ reason: reasonText.optional() }),
} as const

export const resourceInternalBodies = {
  /** A lease ordered it. `site` is where. */
  /** The lease that it stands on is active, or is over. */
  based: z.strictObject({ lease: objectId, token: z.number().int() }),
  unbased: z.strictObject({ lease: objectId, message: reasonText }),
  /** What it stands on ends: it ends first. */
  release: z.strictObject({ reason: reasonText }),
  allocate: z.strictObject({ lease: objectId, blueprint: objectId, site: z.string().max(400) }),
  /** Its last lease is gone. */
  settle: z.strictObject({}),
  /** Nobody uses it any more: its idle time counts from now on. */
  rest: z.strictObject({}),
  /** Its interface changed while nobody used it: the next one is built where the interface is now. */
  replace: z.strictObject({ reason: reasonText }),
  /** A lease that nothing else serves needs its room: it ends unless somebody uses it, or just did. */
  yield: z.strictObject({ lease: objectId }),
  /** A lease could not be activated on it. */
  strike: z.strictObject({ lease: objectId, token: z.number().int(), message: reasonText, at: z.string() }),
  /** The lease that needed its room needs it no more. */
  keep: z.strictObject({}),
  expire: z.strictObject({ timer: z.string(), at: z.string() }),
} as const

/** What a worker of its blueprint may say. */
export const resourceWorkerBodies = {
  ...workerBodies,
  activated: activatedBody,
  destroyed: doneBody,
  lost: z.strictObject({ message: reasonText }),
  annotate: annotateBody,
} as const

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
const STRIKES_COUNT_MS = 60 * 60 * 1000

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

const blank: ResourceContext = {
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

const refuse = (code: RejectionCode, message: string) =>
  ({ type: "refuse", params: { code, message } }) as const
const ignore = (why: string) => ({ type: "ignore", params: { why } }) as const

const bookkeeping = [
  {
    guard: "isWorkerOfAnotherTrade",
    actions: refuse("forbidden", "the resource is another blueprint type's"),
  },
  {
    guard: "hasTooManyNotes",
    actions: refuse("over-limit", "at most 32 notes and 4 KiB: remove some with null"),
  },
  { guard: "hasSameNotes", actions: "repeat" },
  { actions: "note" },
] as const
const inUse = refuse(
  "not-allowed",
  "leases are left on it: release these first, or `release` the resource with them",
)
const stale = refuse("stale", "this is not the attempt that is under way: drop it")
/** What must hold of a word about the attempt that is under way. */
const fromItsWorker = [
  { guard: "isFromAnotherTrade", actions: refuse("forbidden", "the job is another blueprint type's") },
  { guard: "isAboutAnotherAttempt", actions: stale },
] as const
const fromItsRunningWorker = [...fromItsWorker, { guard: "isNotRunning", actions: stale }] as const
const started = [
  ...fromItsWorker,
  { guard: "isBegunAlready", actions: "repeat" },
  { guard: "isNotOrdered", actions: stale },
  { actions: "begin" },
] as const
const heartbeat = [
  ...fromItsRunningWorker,
  { guard: "isOverdue", actions: refuse("stale", "the attempt has taken too long: stop it") },
  { actions: "beat" },
] as const
const failedToClear = [
  ...fromItsRunningWorker,
  { guard: "isBuildJob", actions: "finish" },
  { guard: "mayTryAgain", actions: "backOff" },
  { actions: "quarantine" },
] as const
/** While it ends: what was being built is waited for, then what is there is taken down. */
const clearing = {
  started,
  heartbeat,
  activated: [...fromItsRunningWorker, { guard: "isClearing", actions: stale }, { actions: "finish" }],
  destroyed: [
    ...fromItsRunningWorker,
    { guard: "isClearing", target: "destroyed", actions: "finish" },
    { actions: stale },
  ],
  failed: failedToClear,
  stopped: failedToClear,
  expire: [
    { guard: "isSilentAndBuilding", actions: "finish" },
    { guard: "isSilentAndMayTryAgain", actions: "tryAgain" },
    { guard: "isSilent", actions: "quarantine" },
    { guard: "isRetryDue", actions: "tryAgain" },
    { actions: ignore("it is over") },
  ],
  retry: [
    {
      guard: "isNotInQuarantine",
      actions: refuse("not-allowed", "nothing is stuck: it is taken down already, or waits for its leases"),
    },
    { actions: "orderDestroy" },
  ],
  abandon: [
    {
      guard: "hasLeases",
      actions: refuse("not-allowed", "leases are left on it: release or abandon these first"),
    },
    {
      guard: "isRunning",
      actions: refuse("not-allowed", "a worker is taking it down: wait until it is done or has failed"),
    },
    { target: "destroyed", actions: "letBe" },
  ],
} as const
const notEnding = refuse("not-allowed", "it is not ending: `release` it first")
const yielding = [
  { guard: "isNoLongerImmune", target: "released", actions: "end" },
  { guard: "isAskedAlready", actions: ignore("it was asked already") },
  { actions: "promise" },
] as const
const keeping = [
  { guard: "isWantedAfterAll", actions: ignore("its room is needed") },
  { actions: "promiseNothing" },
] as const
const expiry = [
  { guard: "isDue", target: "released", actions: "end" },
  { guard: "isReclaimOver", actions: "promiseNothing" },
  { guard: "isReclaimInUse", actions: "insist" },
  { guard: "isReclaimDue", target: "released", actions: "end" },
] as const
const based = [
  { guard: "isAboutAnotherBase", actions: ignore("it stands on another lease") },
  { guard: "isBasedAlready", actions: ignore("it stands already") },
  { guard: "isReadyWithItsBase", target: "active", actions: ["stand", "open"] },
  { actions: "stand" },
] as const
const unbased = [
  { guard: "isAboutAnotherBase", actions: ignore("it stands on another lease") },
  { target: "broken", actions: "fall" },
] as const
const drain = [
  { guard: "hasNoLeases", target: "released", actions: "end" },
  { guard: "isDraining", actions: "repeat" },
  { actions: "drain" },
] as const
const replacement = [
  { guard: "isOutdatedAndIdle", target: "released", actions: "end" },
  { actions: ignore("it is in use, or up to date again") },
] as const
/** An always-transition takes it on when it is due: here it is only looked at. */
const settling = [
  { guard: "isGone", target: "destroyed" },
  { guard: "needsDestroy", actions: "orderDestroy" },
  { actions: ignore("leases are left on it, or it is being taken down") },
] as const
const tooLate = { actions: ignore("it is over") } as const
const exists = { actions: ignore("it exists already") } as const

/** When it was of use last: the end of its last lease, or when it became active. */
function lastUsed(context: ResourceContext, event: ResourceEvent): number {
  const known = event.type === "allocate" ? null : event.facts.lastUsedMs
  return known ?? Date.parse(context.activatedAt ?? context.allocatedAt)
}

function immuneUntil(context: ResourceContext, event: ResourceEvent): number {
  return lastUsed(context, event) + context.bounds.immunityMs
}

/** When it gives nothing new any more. A moment that has passed is now: its last lease has just come. */
function promisedFor(context: ResourceContext, event: ResourceEvent): number {
  const inUse = event.type !== "allocate" && event.facts.leases > 0
  return inUse ? event.now + context.bounds.immunityMs : immuneUntil(context, event)
}

/** When its idleness has lasted long enough, if nobody comes. */
function idleUntil(context: ResourceContext, event: ResourceEvent): number {
  const inUse = event.type !== "allocate" && event.facts.leases > 0
  return (inUse ? event.now : lastUsed(context, event)) + (context.bounds.idleMs ?? 0)
}

function isTimer(event: ResourceEvent, id: string, at: string | null | undefined): boolean {
  return event.type === "expire" && event.body.timer === id && at != null && event.now >= Date.parse(at)
}

function reasonOf(context: ResourceContext, event: ResourceEvent): EndReason {
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

export const resourceMachine = setup({
  types: { context: {} as ResourceContext, events: {} as ResourceEvent },
  actions: {
    ...machineActions,
    allocate: assign(({ context, event }) => {
      if (event.type !== "allocate" || event.facts.kind === "drop") return {}
      const { lease, blueprint, site } = event.body
      const born = { type: event.facts.type, blueprint, site, by: lease, allocatedAt: isoTime(event.now) }
      if (event.facts.kind === "fail")
        return {
          ...born,
          demand: event.facts.demand,
          brokenAt: isoTime(event.now),
          reason: {
            code: event.facts.policyFailed ? "failed" : "allocation-failed",
            message: event.facts.message,
          },
        }
      const { attributes, slots, cleansUp, activates, work, bounds, base, demand } = event.facts
      const job =
        activates || base !== null ? {} : ordering("allocate", { context: { ...context, work }, event })
      return { ...born, demand, attributes, slots, cleanup: cleansUp, work, bounds, base, ...job }
    }),
    open: assign(({ context, event }) => {
      const { ttlMs, idleMs } = context.bounds
      return {
        activatedAt: isoTime(event.now),
        until: ttlMs === null ? null : isoTime(event.now + ttlMs),
        idleAt: idleMs === null ? null : isoTime(event.now + idleMs),
      }
    }),
    note: assign(({ context, event }) =>
      event.type === "annotate" ? { notes: annotated(context.notes, event.body) } : {},
    ),
    begin: assign(({ context, event }) => working.begin({ context, event })),
    beat: assign(({ context, event }) => working.beat({ context, event })),
    finish: assign(({ context, event }) => working.finish({ context, event })),
    backOff: assign(({ context, event }) => working.backOff({ context, event })),
    tryAgain: assign(({ context, event }) => working.tryAgain({ context, event })),
    quarantine: assign(({ context, event }) => working.quarantine({ context, event })),
    orderDestroy: assign(({ context, event }) => ordering("destroy", { context, event })),
    letBe: assign(({ event }) => {
      const why = event.type === "abandon" ? (event.body.reason ?? `abandoned by ${event.by}`) : "abandoned"
      return { job: null, quarantine: null, reason: { code: "abandoned", message: why } }
    }),
    fail: assign(({ context, event }) => ({
      ...working.finish({ context, event }),
      quarantine: null,
      brokenAt: isoTime(event.now),
      reason: { code: event.type === "lost" ? "lost" : "failed", message: failureOf({ context, event }) },
    })),
    promise: assign(({ context, event }) =>
      event.type === "yield"
        ? { reclaim: { lease: event.body.lease, at: isoTime(promisedFor(context, event)), due: false } }
        : {},
    ),
    /** Its immunity is over while somebody uses it: it gives nothing new, and goes when that lease does. */
    insist: assign(({ context }) =>
      context.reclaim === null ? {} : { reclaim: { ...context.reclaim, due: true } },
    ),
    promiseNothing: assign({ reclaim: null }),
    /** While it is in use nothing has to be looked at: `rest` begins anew. */
    lookAgain: assign(({ context, event }) =>
      event.type !== "allocate" && event.facts.leases > 0
        ? { idleAt: null }
        : { idleAt: isoTime(idleUntil(context, event)) },
    ),
    stand: assign(({ context, event }) => {
      if (event.type !== "based" || context.base === null) return {}
      const base = { ...context.base, token: event.body.token }
      return { base, ...(base.activates ? {} : ordering("allocate", { context, event })) }
    }),
    fall: assign(({ context, event }) => ({
      ...working.cancel({ context, event }),
      reclaim: null,
      quarantine: null,
      brokenAt: isoTime(event.now),
      reason: {
        code: context.activatedAt === null ? "failed" : "lost",
        message: event.type === "unbased" ? event.body.message : "what it stood on is gone",
      },
    })),
    drain: assign({ draining: true }),
    strike: assign(({ context, event }) => {
      if (event.type !== "strike") return {}
      const { message } = event.body
      // One per lease: a lease that fails wherever it goes says nothing about the resource.
      const others = context.strikes.filter(({ lease }) => lease !== event.body.lease)
      const strikes = [...others, event.body].slice(-LIMITS.strikesPerResource)
      const recent = strikes.filter(({ at }) => event.now - Date.parse(at) < STRIKES_COUNT_MS)
      if (recent.length < context.bounds.strikes) return { strikes }
      const why = `${recent.length} leases could not be activated on it; the last: ${message}`
      return {
        strikes,
        quarantine: { code: "fails-its-leases", message: why.slice(0, 1_000), at: isoTime(event.now) },
      } as const
    }),
    /** Somebody lets go of what is ending already: why it ends stays. */
    endBroken: assign(({ context, event }) =>
      context.reason === null ? { reason: reasonOf(context, event) } : {},
    ),
    forgive: assign(({ event }) => ({ strikes: [], quarantine: null, forgivenAt: isoTime(event.now) })),
    end: assign(({ context, event }) => {
      const ended = {
        ...working.cancel({ context, event }),
        reclaim: null,
        draining: false,
        quarantine: null,
      }
      return context.reason === null ? { ...ended, reason: reasonOf(context, event) } : ended
    }),
    free: assign({ slots: [], job: null }),
  },
  guards: {
    ...workingGuards,
    isDropped: ({ event }) => event.type === "allocate" && event.facts.kind === "drop",
    isRefused: ({ event }) => event.type === "allocate" && event.facts.kind === "fail",
    isUsableAtOnce: ({ event }) =>
      event.type === "allocate" &&
      event.facts.kind === "build" &&
      event.facts.activates &&
      event.facts.base === null,
    isAboutAnotherBase: ({ context, event }) =>
      (event.type === "based" || event.type === "unbased") && event.body.lease !== context.base?.lease,
    isBasedAlready: ({ context }) => context.base?.token !== null,
    isReadyWithItsBase: ({ context }) => context.base?.activates === true,
    hasLeases: ({ event }) => event.type !== "allocate" && event.facts.leases > 0,
    hasNoLeases: ({ event }) => event.type !== "allocate" && event.facts.leases === 0,
    isOutdatedAndIdle: ({ event }) =>
      event.type === "replace" && event.facts.outdated && event.facts.leases === 0,
    isGone: ({ context, event }) =>
      !context.cleanup && context.job === null && event.type !== "allocate" && event.facts.leases === 0,
    needsDestroy: ({ context, event }) =>
      context.cleanup &&
      context.job === null &&
      context.quarantine === null &&
      event.type !== "allocate" &&
      event.facts.leases === 0,
    isDraining: ({ context }) => context.draining,
    isDrained: ({ context, event }) =>
      context.draining && event.type !== "allocate" && event.facts.leases === 0,
    isBuildJob: ({ context }) => context.job?.task === "allocate",
    isSilentAndBuilding: (at) => at.context.job?.task === "allocate" && workingGuards.isSilent(at),
    isSilentAndMayTryAgain: (at) => workingGuards.isSilent(at) && workingGuards.mayTryAgain(at),
    isNoLongerImmune: ({ context, event }) => {
      if (event.type === "allocate" || event.facts.leases > 0) return false
      const { reclaim } = context
      return reclaim === null ? event.now >= immuneUntil(context, event) : event.now >= Date.parse(reclaim.at)
    },
    isAskedAlready: ({ context }) => context.reclaim !== null,
    isWantedAfterAll: ({ context, event }) =>
      context.reclaim === null || (event.type !== "allocate" && event.facts.wanted),
    isReclaimOver: ({ context, event }) =>
      isTimer(event, "reclaim", context.reclaim?.at) && event.type === "expire" && !event.facts.wanted,
    isReclaimInUse: ({ context, event }) =>
      isTimer(event, "reclaim", context.reclaim?.at) && event.type === "expire" && event.facts.leases > 0,
    isReclaimDue: ({ context, event }) => isTimer(event, "reclaim", context.reclaim?.at),
    isIdleForTooLong: ({ context, event }) =>
      isTimer(event, "idle", context.idleAt) &&
      event.type === "expire" &&
      event.facts.leases === 0 &&
      event.now >= idleUntil(context, event),
    isResting: ({ context, event }) =>
      context.bounds.idleMs === null ||
      context.idleAt !== null ||
      (event.type !== "allocate" && event.facts.leases > 0),
    isIdleCheck: ({ context, event }) => isTimer(event, "idle", context.idleAt),
    isKnownStrike: ({ context, event }) =>
      event.type === "strike" &&
      (context.quarantine !== null ||
        !countsOn(context, event.body) ||
        context.strikes.some(({ token }) => token === event.body.token)),
    isDue: ({ context, event }) => isTimer(event, "until", context.until),
    hasSameNotes: ({ context, event }) =>
      event.type === "annotate" && sameNotes(annotated(context.notes, event.body), context.notes),
    hasTooManyNotes: ({ context, event }) =>
      event.type === "annotate" && !notesFit(annotated(context.notes, event.body)),
  },
}).createMachine({
  id: "resource",
  version: "1",
  description: "One thing that a blueprint built and that leases can be acquired on.",
  initial: "unordered",
  context: blank,
  states: {
    unordered: {
      description: "No lease has ordered it yet. No record is ever in this state.",
      on: {
        allocate: [
          { guard: "isDropped", actions: ignore("the lease that ordered it needs it no more") },
          { guard: "isRefused", target: "broken", actions: "allocate" },
          { target: "pending", actions: "allocate" },
        ],
      },
    },
    pending: {
      description: "Allocated: it holds its slots and is being built.",
      tags: ["alive"],
      entry: entered("pending"),
      always: { guard: "isUsableAtOnce", target: "active", actions: "open" },
      on: {
        allocate: exists,
        started,
        heartbeat,
        activated: [...fromItsRunningWorker, { target: "active", actions: ["finish", "open"] }],
        failed: [
          ...fromItsRunningWorker,
          { guard: "mayTryAgain", actions: "backOff" },
          { target: "broken", actions: "fail" },
        ],
        stopped: [
          ...fromItsRunningWorker,
          { guard: "mayTryAgain", actions: "backOff" },
          { target: "broken", actions: "fail" },
        ],
        release: { target: "released", actions: "end" },
        drain,
        reclaim: [
          { guard: "hasLeases", actions: inUse },
          { target: "released", actions: "end" },
        ],
        based,
        unbased,
        yield: { actions: ignore("it is being built") },
        keep: keeping,
        strike: { actions: ignore("it is being built") },
        expire: [
          ...expiry,
          { guard: "isSilentAndMayTryAgain", actions: "tryAgain" },
          { guard: "isSilent", target: "broken", actions: "fail" },
          { guard: "isRetryDue", actions: "tryAgain" },
          { actions: ignore("it is too early") },
        ],
        replace: replacement,
        settle: { actions: ignore("it is not ending") },
        rest: { actions: ignore("it is being built") },
        annotate: bookkeeping,
        retry: { actions: notEnding },
        abandon: { actions: notEnding },
      },
    },
    active: {
      description: "Leases can be acquired on it.",
      tags: ["alive", "usable"],
      entry: entered("active"),
      on: {
        allocate: exists,
        lost: [
          { guard: "isFromAnotherTrade", actions: refuse("forbidden", "it is another blueprint type's") },
          { target: "broken", actions: "fail" },
        ],
        release: { target: "released", actions: "end" },
        drain,
        reclaim: [
          { guard: "hasLeases", actions: inUse },
          { target: "released", actions: "end" },
        ],
        based: { actions: ignore("it stands already") },
        unbased,
        yield: yielding,
        keep: keeping,
        strike: [{ guard: "isKnownStrike", actions: ignore("it knows") }, { actions: "strike" }],
        expire: [
          ...expiry,
          { guard: "isIdleForTooLong", target: "released", actions: "end" },
          { guard: "isIdleCheck", actions: "lookAgain" },
          { actions: ignore("it is too early") },
        ],
        replace: replacement,
        rest: [
          { guard: "isResting", actions: ignore("it is in use, rests already, or may be idle for ever") },
          { actions: "lookAgain" },
        ],
        settle: [
          { guard: "isDrained", target: "released", actions: "end" },
          { actions: ignore("it is not ending") },
        ],
        annotate: bookkeeping,
        retry: [{ guard: "isNotInQuarantine", actions: notEnding }, { actions: "forgive" }],
        abandon: { actions: notEnding },
      },
    },
    released: {
      description: "Gives nothing more. Its leases are told to end; it is destroyed after the last of them.",
      tags: ["ending"],
      entry: entered("released"),
      always: [
        { guard: "isGone", target: "destroyed" },
        { guard: "needsDestroy", actions: "orderDestroy" },
      ],
      on: {
        allocate: exists,
        release: { actions: "repeat" },
        drain: { actions: "repeat" },
        reclaim: { actions: "repeat" },
        settle: settling,
        rest: tooLate,
        replace: tooLate,
        based: tooLate,
        unbased: tooLate,
        yield: tooLate,
        keep: tooLate,
        strike: tooLate,
        annotate: bookkeeping,
        ...clearing,
      },
    },
    broken: {
      description: "Could not be built, or was lost. Its leases are told; it ends after the last of them.",
      tags: ["ending"],
      entry: entered("broken"),
      always: { guard: "needsDestroy", actions: "orderDestroy" },
      on: {
        allocate: exists,
        release: { target: "released", actions: "endBroken" },
        reclaim: { target: "released", actions: "endBroken" },
        drain: { actions: "repeat" },
        settle: settling,
        rest: tooLate,
        replace: tooLate,
        based: tooLate,
        unbased: tooLate,
        yield: tooLate,
        keep: tooLate,
        strike: tooLate,
        annotate: bookkeeping,
        ...clearing,
      },
    },
    destroyed: {
      description: "Over. Its id is never used again.",
      tags: ["ended"],
      entry: [entered("destroyed"), "free"],
      on: {
        allocate: exists,
        release: { actions: "repeat" },
        reclaim: { actions: "repeat" },
        drain: { actions: "repeat" },
        settle: tooLate,
        rest: tooLate,
        replace: tooLate,
        expire: tooLate,
        based: tooLate,
        unbased: tooLate,
        yield: tooLate,
        keep: tooLate,
        strike: tooLate,
        retry: { actions: notEnding },
        abandon: { actions: "repeat" },
      },
    },
  },
})

// The life of a resource. Where it is built and whether it is usable at once are facts (`plan`) of its blueprint's
// policy; whether leases are left on it is a fact of the yard.
//
//   pending ─activated→ active ─release/reclaim/expire→ released ─leases gone→ destroyed
//      └─failed→ broken ◄─lost─┘                           broken ─leases gone→ destroyed
//
// While a worker builds it (`pending`) or takes it down (`released`, `broken`), `job` says so (working.ts). It is taken
// down only when its leases are gone and nothing else runs for it; what cannot be taken down stays, in quarantine.

import { assign, setup } from "xstate"
import { LIMITS } from "./limits.js"
import { annotated, notesFit, sameNotes } from "./notes.js"
import {
  blankResource,
  countsOn,
  idleUntil,
  immuneUntil,
  isTimer,
  promisedFor,
  type ResourceContext,
  type ResourceEvent,
  reasonOf,
  STRIKES_COUNT_MS,
} from "./resource-context.js"
import { entered, isoTime, machineActions } from "./stimulus.js"
import { fromItsRunningWorker, heartbeat, ignore, refuse, stale, started } from "./transitions.js"
import { failureOf, ordering, working, workingGuards } from "./working.js"

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
  context: blankResource,
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

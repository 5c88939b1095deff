// The life of a lease. Who gets what is decided by the allocator before the statechart is asked and comes in as a
// fact (`fate`); the statechart decides what may happen in which state, and what the context is afterwards.
//
//   pending ─acquire→ acquired ─activated→ active ─release/expire→ released ─→ destroyed
//      ▲ thrown back ─┘                              broken ─→ destroyed
//
// While a worker sets it up (`acquired`) or cleans up after it (`released`, `broken`), `job` says so (working.ts). A job
// that runs is never forgotten: what comes next waits until it has answered or is known to be dead (rule 15).

import { assign, setup } from "xstate"
import {
  blankLease,
  canonicalRequest,
  deadline,
  type LeaseContext,
  type LeaseEvent,
  lifetime,
  renewal,
  storedTerm,
  withFailure,
} from "./lease-context.js"
import { annotated, notesFit, sameNotes } from "./notes.js"
import { type EndReason, entered, isoTime, machineActions } from "./stimulus.js"
import { fromItsRunningWorker, heartbeat, ignore, refuse, stale, started } from "./transitions.js"
import { failureOf, ordering, working, workingGuards } from "./working.js"

const again = [
  { guard: "isSameRequest", actions: "repeat" },
  {
    actions: refuse(
      "already-exists",
      "this id was used for another request: choose a new id, or `get` the lease",
    ),
  },
] as const
const storedRenewal = [
  {
    guard: "isPast",
    actions: refuse("stale", "`until` has passed already: name a later time, or use `ttl`"),
  },
  { guard: "hasNoTerm", actions: refuse("invalid", "say for how long: `ttl`, `until` or both") },
  { guard: "isUnchangedStoredTerm", actions: "repeat" },
  { actions: "storeRenewal" },
] as const
const bookkeeping = [
  { guard: "isWorkerOfAnotherTrade", actions: refuse("forbidden", "the lease is another blueprint type's") },
  {
    guard: "hasTooManyNotes",
    actions: refuse("over-limit", "at most 32 notes and 4 KiB: remove some with null"),
  },
  { guard: "hasSameNotes", actions: "repeat" },
  { actions: "note" },
] as const
const release = [
  { guard: "isForAnotherGrant", actions: ignore("it speaks of another grant") },
  { target: "released", actions: "end" },
] as const
/** An attempt of what was asked before it ended is over, whatever it came to. */
const endsWhenOver = [
  ...fromItsRunningWorker,
  { guard: "isClearing", actions: stale },
  { actions: "finish" },
] as const
const clearing = {
  started,
  heartbeat,
  activated: endsWhenOver,
  cleaned: [
    ...fromItsRunningWorker,
    { guard: "isClearing", target: "destroyed", actions: "finish" },
    { actions: stale },
  ],
  failed: [
    ...fromItsRunningWorker,
    { guard: "isSettingUp", actions: "finish" },
    { guard: "mayTryAgain", actions: "backOff" },
    { actions: "quarantine" },
  ],
  stopped: [
    ...fromItsRunningWorker,
    { guard: "isSettingUp", actions: "finish" },
    { guard: "mayTryAgain", actions: "backOff" },
    { actions: "quarantine" },
  ],
  expire: [
    { guard: "isSilentAndSettingUp", actions: "finish" },
    { guard: "isSilentAndMayTryAgain", actions: "tryAgain" },
    { guard: "isSilent", actions: "quarantine" },
    { guard: "isRetryDue", actions: "tryAgain" },
    { actions: ignore("it is over") },
  ],
  retry: [
    {
      guard: "isNotInQuarantine",
      actions: refuse("not-allowed", "nothing is stuck: it is cleaned up after already"),
    },
    { actions: "orderRelease" },
  ],
  abandon: [
    {
      guard: "isRunning",
      actions: refuse("not-allowed", "a worker is cleaning up: wait until it is done or has failed"),
    },
    { target: "destroyed", actions: "letBe" },
  ],
} as const
const nothingStuck = refuse("not-allowed", "nothing is stuck: `release` it to end it")
const notStuck = { retry: { actions: nothingStuck }, abandon: { actions: nothingStuck } } as const
const tooLate = { actions: ignore("it is over") } as const

function renewed(context: LeaseContext, now: number, until: string | null) {
  return lifetime(context, context.activatedAt === null ? now : Date.parse(context.activatedAt), now, until)
}

export const leaseMachine = setup({
  types: { context: {} as LeaseContext, events: {} as LeaseEvent },
  actions: {
    ...machineActions,
    ask: assign(({ event }) => {
      if (event.type !== "request") return {}
      const { body } = event
      return {
        type: body.type,
        attributes: body.attributes ?? {},
        blueprints: body.blueprints ?? null,
        by: body.principal ?? event.by,
        carries: body.resource ?? null,
        order: event.command,
        asked: { ttl: body.ttl ?? null, until: body.until ?? null },
        until: body.until ?? null,
        requestedAt: isoTime(event.now),
        sealTo: body.sealTo ?? null,
        request: canonicalRequest(body),
      }
    }),
    take: assign(({ context, event }) => {
      if (event.facts?.kind !== "grant") return {}
      const { resource, slots, token, cleansUp, activates, work, bounds } = event.facts
      return {
        resource,
        slots,
        token,
        cleanup: cleansUp,
        work,
        bounds,
        ...(activates ? {} : ordering("activate", { context: { ...context, work }, event })),
        acquiredAt: isoTime(event.now),
        waiting: null,
        build: null,
      }
    }),
    start: assign(({ context, event }) => ({
      activatedAt: isoTime(event.now),
      ...lifetime(context, event.now, event.now, deadline(event.now, context.asked.ttl, context.asked.until)),
    })),
    order: assign(({ event }) =>
      event.facts?.kind === "build" ? { build: event.facts.build, waiting: event.facts.waiting } : {},
    ),
    again: assign({ retryAt: null }),
    wait: assign(({ event }) =>
      event.facts?.kind === "wait" ? { waiting: event.facts.waiting, build: null } : {},
    ),
    giveUp: assign(({ event }) =>
      event.facts?.kind === "never"
        ? { waiting: null, build: null, reason: { code: "unsatisfiable", message: event.facts.message } }
        : {},
    ),
    storeRenewal: assign(({ context, event }) => {
      if (event.type !== "renew") return {}
      const asked = storedTerm(context, event.body)
      return { asked, until: asked.until }
    }),
    extend: assign(({ context, event }) => {
      if (event.type !== "renew") return {}
      const { ttl, until } = renewal(context, event.body)
      const asked = { ttl: ttl ?? context.asked.ttl, until }
      return { ...renewed(context, event.now, deadline(event.now, ttl, until)), asked }
    }),
    warn: assign({ warnAt: null }),
    note: assign(({ context, event }) =>
      event.type === "annotate" ? { notes: annotated(context.notes, event.body) } : {},
    ),
    throwBack: assign(({ context, event }) => {
      const message = context.throwBack ?? (event.type === "throw-back" ? event.body.reason : undefined)
      const { resource, token, asked, failures } = context
      // Only a failure of its own is held against the resource: not that the resource came to its end.
      const isEnding = event.type === "throw-back" || context.job?.cancelled === true
      const failed = !isEnding && resource !== null && token !== null
      const said = message ?? failureOf({ context, event })
      const { work, failed: before } = context
      const longest = work?.longestDelayMs ?? 0
      const delayMs = Math.min(longest, (work?.firstDelayMs ?? 0) * 2 ** Math.min(before, 30))
      return {
        ...working.finish({ context, event }),
        resource: null,
        slots: [],
        token: null,
        cleanup: false,
        work: null,
        details: {},
        acquiredAt: null,
        throwBack: null,
        failures: failed
          ? withFailure(failures, { resource, token, message: said, at: isoTime(event.now) })
          : failures,
        failed: failed ? before + 1 : before,
        retryAt: failed && work !== null ? isoTime(event.now + delayMs) : null,
        until: asked.until,
        waiting: { code: "thrown-back", details: { message: said } },
      }
    }),
    /** It goes back when what is under way is over. */
    cancelAndThrowBack: assign(({ context, event }) => ({
      ...working.cancel({ context, event }),
      throwBack:
        event.type === "throw-back" ? (event.body.reason ?? "its resource ended") : "its resource ended",
    })),
    /** It cannot be set up here. What was begun is cleaned up, then it goes back. */
    clearAndThrowBack: assign(({ context, event }) => ({
      ...working.finish({ context, event }),
      ...ordering("release", { context, event }),
      throwBack: failureOf({ context, event }),
    })),
    begin: assign(({ context, event }) => working.begin({ context, event })),
    beat: assign(({ context, event }) => working.beat({ context, event })),
    finish: assign(({ context, event }) => working.finish({ context, event })),
    backOff: assign(({ context, event }) => working.backOff({ context, event })),
    tryAgain: assign(({ context, event }) => working.tryAgain({ context, event })),
    quarantine: assign(({ context, event }) => working.quarantine({ context, event })),
    orderRelease: assign(({ context, event }) => ordering("release", { context, event })),
    letBe: assign(({ event }) => {
      const why = event.type === "abandon" ? (event.body.reason ?? `abandoned by ${event.by}`) : "abandoned"
      return { job: null, quarantine: null, reason: { code: "abandoned", message: why } }
    }),
    fail: assign(({ context, event }) => ({
      ...working.finish({ context, event }),
      throwBack: null,
      waiting: null,
      reason: { code: "failed", message: failureOf({ context, event }) },
    })),
    end: assign(({ context, event }) => {
      const ended = {
        waiting: null,
        build: null,
        throwBack: null,
        retryAt: null,
        ...working.cancel({ context, event }),
      }
      if (context.reason !== null) return ended
      const why = event.type === "release" ? event.body.reason : undefined
      const code = event.type === "release" ? event.body.code : undefined
      const reason: EndReason =
        event.type === "expire"
          ? { code: "expired", message: `its time ended at ${context.until ?? "an unknown time"}` }
          : { code: code ?? "released", message: why ?? `released by ${event.by}` }
      return { ...ended, reason }
    }),
    /** Somebody lets go of what is ending already: what cleans up goes on. */
    endBroken: assign(({ context, event }) =>
      context.reason === null ? { reason: { code: "released", message: `released by ${event.by}` } } : {},
    ),
    free: assign({ slots: [], job: null }),
  },
  guards: {
    ...workingGuards,
    isGranted: ({ event }) => event.facts?.kind === "grant",
    isActivatedAtOnce: ({ event }) => event.facts?.kind === "grant" && event.facts.activates,
    isBuilding: ({ event }) => event.facts?.kind === "build",
    isWaiting: ({ event }) => event.facts?.kind === "wait",
    isHopeless: ({ event }) => event.type === "wake" && event.facts.kind === "never",
    waitsForAnotherReason: ({ context, event }) =>
      event.type === "wake" &&
      event.facts.kind === "wait" &&
      event.facts.waiting.code !== context.waiting?.code,
    isImpossible: ({ event }) => event.facts?.kind === "never",
    isAboutAnother: ({ context, event }) =>
      (event.type === "wake" && event.body.order !== context.order) ||
      (event.type === "unbuilt" && event.body.resource !== context.build?.resource),
    isSameRequest: ({ context, event }) =>
      event.type === "request" &&
      (event.body.principal ?? event.by) === context.by &&
      canonicalRequest(event.body) === context.request,
    isDue: ({ context, event }) =>
      event.type === "expire" &&
      event.body.timer === "until" &&
      context.until !== null &&
      event.now >= Date.parse(context.until),
    isToTryAgain: ({ context, event }) =>
      event.type === "expire" &&
      event.body.timer === "again" &&
      context.retryAt !== null &&
      event.now >= Date.parse(context.retryAt),
    isWarningDue: ({ context, event }) =>
      event.type === "expire" &&
      event.body.timer === "warn" &&
      context.warnAt !== null &&
      event.now >= Date.parse(context.warnAt),
    isSettingUp: ({ context }) => context.job?.task === "activate",
    isThrownBack: ({ context }) => context.throwBack !== null,
    isSilentAndCancelled: (at) => at.context.job?.cancelled === true && workingGuards.isSilent(at),
    isSilentAndThrownBack: (at) => at.context.throwBack !== null && workingGuards.isSilent(at),
    isSilentAndSettingUp: (at) => at.context.job?.task === "activate" && workingGuards.isSilent(at),
    isSilentAndMayTryAgain: (at) => workingGuards.isSilent(at) && workingGuards.mayTryAgain(at),
    isSilentWithCleanup: (at) => at.context.cleanup && workingGuards.isSilent(at),
    isWorthAnotherResource: (at) => !at.context.cleanup && workingGuards.isWorthRepeating(at),
    isWorthAnotherResourceWhenCleared: (at) => at.context.cleanup && workingGuards.isWorthRepeating(at),
    needsRelease: ({ context }) => context.cleanup && context.job === null && context.quarantine === null,
    isCleared: ({ context }) => !context.cleanup && context.job === null,
    isBeyondLongest: ({ context, event }) => {
      if (event.type !== "renew" || context.bounds.longestMs === null) return false
      const { ttl, until } = renewal(context, event.body)
      const asked = deadline(event.now, ttl, until)
      return (
        asked !== null &&
        asked > (context.until ?? "") &&
        renewed(context, event.now, asked).until === context.until
      )
    },
    isForAnotherGrant: ({ context, event }) =>
      "token" in event.body && event.body.token !== undefined && event.body.token !== context.token,
    isPast: ({ event }) =>
      (event.type === "request" || event.type === "renew") &&
      event.body.until !== undefined &&
      Date.parse(event.body.until) <= event.now,
    hasNoTerm: ({ context, event }) =>
      event.type === "renew" &&
      event.body.ttl === undefined &&
      event.body.until === undefined &&
      context.asked.ttl === null,
    isUnchangedTerm: ({ context, event }) => {
      if (event.type !== "renew") return false
      const { ttl, until } = renewal(context, event.body)
      return renewed(context, event.now, deadline(event.now, ttl, until)).until === context.until
    },
    isUnchangedStoredTerm: ({ context, event }) => {
      if (event.type !== "renew") return false
      const { ttl, until } = storedTerm(context, event.body)
      return ttl === context.asked.ttl && until === context.asked.until
    },
    hasSameNotes: ({ context, event }) =>
      event.type === "annotate" && sameNotes(annotated(context.notes, event.body), context.notes),
    hasTooManyNotes: ({ context, event }) =>
      event.type === "annotate" && !notesFit(annotated(context.notes, event.body)),
  },
}).createMachine({
  id: "lease",
  version: "1",
  description: "One person's or program's hold on one resource.",
  initial: "unasked",
  context: blankLease,
  states: {
    unasked: {
      description: "Nobody has asked for it yet. No record is ever in this state.",
      on: {
        request: [
          {
            guard: "isPast",
            actions: refuse("stale", "`until` has passed already: name a later time, or use `ttl`"),
          },
          { guard: "isBuilding", target: "pending", actions: ["ask", "order"] },
          { guard: "isWaiting", target: "pending", actions: ["ask", "wait"] },
          { target: "pending", actions: "ask" },
        ],
      },
    },
    pending: {
      description:
        "Waits for a resource. `waiting` says why, as of the record; the query `why` says it as of now.",
      tags: ["waiting"],
      entry: entered("pending"),
      always: [
        { guard: "isGranted", target: "acquired", actions: "take" },
        { guard: "isImpossible", target: "broken", actions: "giveUp" },
      ],
      on: {
        request: again,
        wake: [
          { guard: "isAboutAnother", actions: ignore("it speaks of another request") },
          { guard: "isGranted", target: "acquired", actions: "take" },
          { guard: "isBuilding", actions: "order" },
          { guard: "isHopeless", target: "broken", actions: "giveUp" },
          { guard: "waitsForAnotherReason", actions: "wait" },
          { actions: ignore("it is not entitled") },
        ],
        unbuilt: [
          { guard: "isAboutAnother", actions: ignore("it speaks of another resource") },
          { guard: "isGranted", target: "acquired", actions: "take" },
          { guard: "isBuilding", actions: "order" },
          { actions: "wait" },
        ],
        renew: storedRenewal,
        annotate: bookkeeping,
        release,
        expire: [
          { guard: "isDue", target: "released", actions: "end" },
          { guard: "isToTryAgain", actions: "again" },
          { actions: ignore("it is too early") },
        ],
        ...notStuck,
      },
    },
    acquired: {
      description: "Holds its slots on a resource; the blueprint sets it up.",
      tags: ["holding"],
      entry: entered("acquired"),
      always: { guard: "isActivatedAtOnce", target: "active", actions: "start" },
      on: {
        request: again,
        wake: { actions: ignore("it has its resource already") },
        unbuilt: { actions: ignore("it has its resource already") },
        started,
        heartbeat,
        activated: [
          ...fromItsRunningWorker,
          { guard: "isThrownBack", target: "pending", actions: "throwBack" },
          { target: "active", actions: ["finish", "start"] },
        ],
        cleaned: [
          ...fromItsRunningWorker,
          { guard: "isThrownBack", target: "pending", actions: "throwBack" },
          { actions: stale },
        ],
        failed: [
          ...fromItsRunningWorker,
          { guard: "isCancelled", target: "pending", actions: "throwBack" },
          { guard: "mayTryAgain", actions: "backOff" },
          { guard: "isThrownBack", target: "broken", actions: ["fail", "quarantine"] },
          { guard: "isWorthAnotherResource", target: "pending", actions: "throwBack" },
          { guard: "isWorthAnotherResourceWhenCleared", actions: "clearAndThrowBack" },
          { target: "broken", actions: "fail" },
        ],
        stopped: [
          ...fromItsRunningWorker,
          { guard: "isCancelled", target: "pending", actions: "throwBack" },
          { guard: "mayTryAgain", actions: "backOff" },
          { guard: "isThrownBack", target: "broken", actions: ["fail", "quarantine"] },
          { guard: "isWorthAnotherResource", target: "pending", actions: "throwBack" },
          { actions: "clearAndThrowBack" },
        ],
        "throw-back": [
          { guard: "isForAnotherGrant", actions: ignore("it speaks of another grant") },
          { guard: "isRunning", actions: "cancelAndThrowBack" },
          { target: "pending", actions: "throwBack" },
        ],
        renew: storedRenewal,
        annotate: bookkeeping,
        release,
        expire: [
          { guard: "isDue", target: "released", actions: "end" },
          { guard: "isSilentAndCancelled", target: "pending", actions: "throwBack" },
          { guard: "isSilentAndMayTryAgain", actions: "tryAgain" },
          { guard: "isSilentAndThrownBack", target: "broken", actions: ["fail", "quarantine"] },
          { guard: "isSilentWithCleanup", actions: "clearAndThrowBack" },
          { guard: "isSilent", target: "pending", actions: "throwBack" },
          { guard: "isRetryDue", actions: "tryAgain" },
          { actions: ignore("it is too early") },
        ],
        ...notStuck,
      },
    },
    active: {
      description: "In use by its holder until it is released or its time ends.",
      tags: ["holding", "usable"],
      entry: entered("active"),
      on: {
        request: again,
        wake: { actions: ignore("it has its resource already") },
        unbuilt: { actions: ignore("it has its resource already") },
        renew: [
          {
            guard: "isPast",
            actions: refuse("stale", "`until` has passed already: name a later time, or use `ttl`"),
          },
          { guard: "hasNoTerm", actions: refuse("invalid", "say for how long: `ttl`, `until` or both") },
          {
            guard: "isBeyondLongest",
            actions: refuse("over-limit", "its blueprint lets a lease last no longer: ask for a new lease"),
          },
          { guard: "isUnchangedTerm", actions: "repeat" },
          { actions: "extend" },
        ],
        annotate: bookkeeping,
        release,
        expire: [
          { guard: "isDue", target: "released", actions: "end" },
          { guard: "isWarningDue", actions: "warn" },
          { actions: ignore("it is too early") },
        ],
        ...notStuck,
      },
    },
    released: {
      description: "Its holder has let go. Slots are kept until the blueprint has cleaned up.",
      tags: ["holding", "ending"],
      entry: entered("released"),
      always: [
        { guard: "isCleared", target: "destroyed" },
        { guard: "needsRelease", actions: "orderRelease" },
      ],
      on: {
        request: again,
        release: { actions: "repeat" },
        annotate: bookkeeping,
        wake: tooLate,
        unbuilt: tooLate,
        destroy: tooLate,
        ...clearing,
      },
    },
    broken: {
      description: "Cannot be served or could not be set up; `reason` says why. It ends by itself.",
      tags: ["ending"],
      entry: entered("broken"),
      always: { guard: "needsRelease", actions: "orderRelease" },
      on: {
        request: again,
        release: { target: "released", actions: "endBroken" },
        annotate: bookkeeping,
        destroy: [
          { guard: "isCleared", target: "destroyed" },
          { actions: ignore("its blueprint cleans up first") },
        ],
        wake: tooLate,
        unbuilt: tooLate,
        ...clearing,
      },
    },
    destroyed: {
      description: "Over. Its id is remembered for the yard's retention.",
      tags: ["ended"],
      entry: [entered("destroyed"), "free"],
      on: {
        request: again,
        release: { actions: "repeat" },
        expire: tooLate,
        wake: tooLate,
        unbuilt: tooLate,
        destroy: tooLate,
        ...notStuck,
      },
    },
  },
})

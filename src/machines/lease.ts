// The life of a lease. Who gets what is decided by the allocator before the statechart is asked and comes in as a
// fact (`fate`); the statechart decides what may happen in which state, and what the context is afterwards.
//
//   pending ─acquire→ acquired ─activated→ active ─release/expire→ released ─→ destroyed
//      ▲ thrown back ─┘                              broken ─→ destroyed

import { assign, setup } from "xstate"
import {
  blankLease,
  canonicalRequest,
  deadline,
  type LeaseContext,
  type LeaseEvent,
  renewal,
  storedTerm,
} from "./lease-context.js"
import { annotated, notesFit, sameNotes } from "./notes.js"
import type { RejectionCode } from "./rejection.js"
import { type EndReason, entered, isoTime, machineActions } from "./stimulus.js"

const refuse = (code: RejectionCode, message: string) =>
  ({ type: "refuse", params: { code, message } }) as const
const ignore = (why: string) => ({ type: "ignore", params: { why } }) as const

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
const expiry = [
  { guard: "isDue", target: "released", actions: "end" },
  { actions: ignore("it is too early") },
] as const
const tooLate = { actions: ignore("it is over") } as const

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
        by: event.by,
        order: event.command,
        asked: { ttl: body.ttl ?? null, until: body.until ?? null },
        until: body.until ?? null,
        requestedAt: isoTime(event.now),
        sealTo: body.sealTo ?? null,
        request: canonicalRequest(body),
      }
    }),
    take: assign(({ event }) => {
      if (event.facts?.kind !== "grant") return {}
      const { resource, slots, token, cleansUp } = event.facts
      return {
        resource,
        slots,
        token,
        cleanup: cleansUp,
        acquiredAt: isoTime(event.now),
        waiting: null,
        build: null,
      }
    }),
    start: assign(({ context, event }) => ({
      activatedAt: isoTime(event.now),
      until: deadline(event.now, context.asked.ttl, context.asked.until),
    })),
    order: assign(({ event }) =>
      event.facts?.kind === "build" ? { build: event.facts.build, waiting: event.facts.waiting } : {},
    ),
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
      return { until: deadline(event.now, ttl, until), asked: { ttl: ttl ?? context.asked.ttl, until } }
    }),
    note: assign(({ context, event }) =>
      event.type === "annotate" ? { notes: annotated(context.notes, event.body) } : {},
    ),
    throwBack: assign(({ context, event }) => ({
      resource: null,
      slots: [],
      token: null,
      cleanup: false,
      acquiredAt: null,
      until: context.asked.until,
      waiting: {
        code: "thrown-back",
        details: { message: event.type === "throw-back" ? (event.body.reason ?? "its resource ended") : "" },
      },
    })),
    fail: assign(({ event }) => ({
      reason: { code: "failed", message: event.type === "failed" ? event.body.message : "it failed" },
    })),
    end: assign(({ context, event }) => {
      const ended = { waiting: null, build: null }
      if (context.reason !== null) return ended
      const why = event.type === "release" ? event.body.reason : undefined
      const code = event.type === "release" ? event.body.code : undefined
      const reason: EndReason =
        event.type === "expire"
          ? { code: "expired", message: `its time ended at ${context.until ?? "an unknown time"}` }
          : { code: code ?? "released", message: why ?? `released by ${event.by}` }
      return { ...ended, reason }
    }),
    free: assign({ slots: [] }),
  },
  guards: {
    isGranted: ({ event }) => event.facts?.kind === "grant",
    isActivatedAtOnce: ({ event }) => event.facts?.kind === "grant" && event.facts.activates,
    isBuilding: ({ event }) => event.facts?.kind === "build",
    isWaiting: ({ event }) => event.facts?.kind === "wait",
    isImpossible: ({ event }) => event.facts?.kind === "never",
    isAboutAnother: ({ context, event }) =>
      (event.type === "wake" && event.body.order !== context.order) ||
      (event.type === "unbuilt" && event.body.resource !== context.build?.resource),
    isSameRequest: ({ context, event }) =>
      event.type === "request" && event.by === context.by && canonicalRequest(event.body) === context.request,
    isDue: ({ context, event }) =>
      event.type === "expire" && context.until !== null && event.now >= Date.parse(context.until),
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
      return deadline(event.now, ttl, until) === context.until
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
    hasNoCleanup: ({ context }) => !context.cleanup,
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
        expire: expiry,
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
        activated: [
          { guard: "isForAnotherGrant", actions: ignore("it speaks of another grant") },
          { target: "active", actions: "start" },
        ],
        failed: [
          { guard: "isForAnotherGrant", actions: ignore("it speaks of another grant") },
          { target: "broken", actions: "fail" },
        ],
        "throw-back": [
          { guard: "isForAnotherGrant", actions: ignore("it speaks of another grant") },
          { target: "pending", actions: "throwBack" },
        ],
        renew: storedRenewal,
        annotate: bookkeeping,
        release,
        expire: expiry,
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
        activated: { actions: ignore("it is active already") },
        renew: [
          {
            guard: "isPast",
            actions: refuse("stale", "`until` has passed already: name a later time, or use `ttl`"),
          },
          { guard: "hasNoTerm", actions: refuse("invalid", "say for how long: `ttl`, `until` or both") },
          { guard: "isUnchangedTerm", actions: "repeat" },
          { actions: "extend" },
        ],
        annotate: bookkeeping,
        release,
        expire: expiry,
      },
    },
    released: {
      description: "Its holder has let go. Slots are kept until the blueprint has cleaned up.",
      tags: ["holding", "ending"],
      entry: entered("released"),
      always: { guard: "hasNoCleanup", target: "destroyed" },
      on: {
        request: again,
        release: { actions: "repeat" },
        annotate: bookkeeping,
        cleaned: "destroyed",
        expire: tooLate,
        wake: tooLate,
        unbuilt: tooLate,
      },
    },
    broken: {
      description: "Cannot be served or could not be set up; `reason` says why. It ends by itself.",
      tags: ["ending"],
      entry: entered("broken"),
      on: {
        request: again,
        release: { target: "released", actions: "end" },
        annotate: bookkeeping,
        destroy: [
          { guard: "hasNoCleanup", target: "destroyed" },
          { actions: ignore("its blueprint cleans up first") },
        ],
        cleaned: "destroyed",
        expire: tooLate,
        wake: tooLate,
        unbuilt: tooLate,
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
        cleaned: tooLate,
      },
    },
  },
})

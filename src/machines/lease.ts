// The life of a lease. Who gets what is decided by the allocator before the statechart is asked and comes in as a
// fact (`fate`); the statechart decides what may happen in which state, and what the context is afterwards.
//
//   pending ─acquire→ acquired ─activated→ active ─release/expire→ released ─→ destroyed
//      ▲ thrown back ─┘                              broken ─→ destroyed

import { assign, setup } from "xstate"
import { z } from "zod"
import { duration, durationMs, instant } from "./duration.js"
import { canonical, type JsonObject, jsonObject } from "./json.js"
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

export const LEASE_STATES = ["pending", "acquired", "active", "released", "broken", "destroyed"] as const

const resourceType = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, {
  error: "a resource type is lower-case letters, digits, dots and hyphens, at most 64",
})
const objectId = z.string().regex(OBJECT_ID, { error: "not an id: letters, digits, _ and -, at most 64" })
const reasonText = z.string().max(LIMITS.reasonChars)

export const leaseBodies = {
  request: z.strictObject({
    type: resourceType,
    blueprints: z
      .array(objectId)
      .min(1, { error: "name at least one blueprint, or leave the list out to allow any" })
      .max(LIMITS.blueprintsPerLease)
      .refine((ids) => new Set(ids).size === ids.length, { error: "names a blueprint twice" })
      .optional(),
    attributes: jsonObject.optional(),
    ttl: duration.optional(),
    until: instant.optional(),
    sealTo: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, {
        error: "expected an X25519 public key: 32 bytes as base64url without padding",
      })
      .optional(),
  }),
  renew: z.strictObject({ ttl: duration.optional(), until: instant.optional() }),
  release: z.strictObject({ reason: reasonText.optional() }),
  annotate: annotateBody,
} as const
export type LeaseRequest = z.output<typeof leaseBodies.request>
type RenewBody = z.output<typeof leaseBodies.renew>
type ReleaseBody = z.output<typeof leaseBodies.release>

export const leaseInternalBodies = {
  /** It is entitled: look again (rule 3). `order` says which waiting lease is meant. */
  wake: z.strictObject({ order: z.number().int() }),
  /** The resource it ordered came to nothing. */
  unbuilt: z.strictObject({ resource: objectId }),
  /** A deadline passed. */
  expire: z.strictObject({ timer: z.string(), at: z.string() }),
  /** Its resource ends: `token` says which grant is meant (rule 4). */
  release: z.strictObject({ token: z.number().int(), code: z.string(), reason: reasonText.optional() }),
  /** Its resource died before it became active: back to the queue, at its old place. */
  "throw-back": z.strictObject({ token: z.number().int(), reason: reasonText.optional() }),
  /** The blueprint's worker has set it up, failed to, or has cleaned up after it. */
  activated: z.strictObject({ token: z.number().int() }),
  failed: z.strictObject({ token: z.number().int(), message: reasonText }),
  cleaned: z.strictObject({ token: z.number().int() }),
  /** Nothing is left to clean up: end. */
  destroy: z.strictObject({}),
} as const

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
function deadline(now: number, ttl: string | null, until: string | null): string | null {
  const times = [
    ...(ttl === null ? [] : [now + durationMs(ttl)]),
    ...(until === null ? [] : [Date.parse(until)]),
  ]
  return times.length === 0 ? null : isoTime(Math.min(...times))
}

export function canonicalRequest(body: LeaseRequest): string {
  return canonical({ ...body, attributes: body.attributes ?? {} })
}

const blank: LeaseContext = {
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

function renewal(context: LeaseContext, body: RenewBody): { ttl: string | null; until: string | null } {
  const bare = body.ttl === undefined && body.until === undefined
  return bare ? { ttl: context.asked.ttl, until: null } : { ttl: body.ttl ?? null, until: body.until ?? null }
}

/** What a renewal asks of a lease that is not active yet: stored, and counted from `active`. */
function storedTerm(context: LeaseContext, body: RenewBody): LeaseContext["asked"] {
  return { ttl: body.ttl ?? context.asked.ttl, until: body.until ?? context.asked.until }
}

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
  context: blank,
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

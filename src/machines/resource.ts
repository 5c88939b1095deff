// The life of a resource. Where it is built and whether it is usable at once are facts (`plan`) of its blueprint's
// policy; whether leases are left on it is a fact of the yard.
//
//   pending ─activated→ active ─release/reclaim/expire→ released ─leases gone→ destroyed
//      └─failed→ broken ◄─lost─┘                           broken ─leases gone→ destroyed

import { assign, setup } from "xstate"
import { z } from "zod"
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

export const RESOURCE_STATES = ["pending", "active", "released", "broken", "destroyed"] as const

const reasonText = z.string().max(LIMITS.reasonChars)
const objectId = z.string().regex(OBJECT_ID)

export const resourceBodies = {
  release: z.strictObject({ reason: reasonText.optional() }),
  reclaim: z.strictObject({ reason: reasonText.optional() }),
  annotate: annotateBody,
} as const

export const resourceInternalBodies = {
  /** A lease ordered it. `site` is where. */
  allocate: z.strictObject({ lease: objectId, blueprint: objectId, site: z.string().max(400) }),
  /** Its last lease is gone. */
  settle: z.strictObject({}),
  /** Its interface changed while nobody used it: the next one is built where the interface is now. */
  replace: z.strictObject({ reason: reasonText }),
  activated: z.strictObject({}),
  failed: z.strictObject({ message: reasonText }),
  lost: z.strictObject({ message: reasonText }),
  destroyed: z.strictObject({}),
  expire: z.strictObject({ timer: z.string(), at: z.string() }),
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
    }
  | { readonly kind: "fail"; readonly type: string; readonly message: string }
  /** Nobody wants it any more. */
  | { readonly kind: "drop" }

/** How many leases are left on it: more than zero, none; and whether a wish to replace it still holds. */
export interface Occupancy {
  readonly leases: number
  readonly outdated: boolean
}

export interface ResourceContext {
  readonly type: string
  readonly blueprint: string
  /** The slot lock key of the place where it is built. */
  readonly site: string
  /** What the blueprint pinned when it was allocated: for hosts device, interface, address, port, transport. */
  readonly attributes: JsonObject
  readonly slots: readonly string[]
  /** The lease that ordered it. */
  readonly by: string
  readonly until: string | null
  readonly allocatedAt: string
  readonly activatedAt: string | null
  readonly cleanup: boolean
  readonly reason: EndReason | null
  readonly notes: Notes
  readonly job: null
}

export type ResourceEvent =
  | Stimulus<"allocate", { lease: string; blueprint: string; site: string }, Plan>
  | Stimulus<"release", { reason?: string | undefined }, Occupancy>
  | Stimulus<"reclaim", { reason?: string | undefined }, Occupancy>
  | Stimulus<"replace", { reason: string }, Occupancy>
  | Stimulus<"settle", object, Occupancy>
  | Stimulus<"annotate", AnnotateBody>
  | Stimulus<"activated", object>
  | Stimulus<"failed", { message: string }, Occupancy>
  | Stimulus<"lost", { message: string }, Occupancy>
  | Stimulus<"destroyed", object>
  | Stimulus<"expire", { timer: string; at: string }, Occupancy>

/** All timers of a resource that are armed in a state. */
export function resourceTimers(state: string, context: ResourceContext): readonly Timer[] {
  const alive = state === "pending" || state === "active"
  return alive && context.until !== null ? [{ id: "until", at: context.until }] : []
}

const blank: ResourceContext = {
  type: "",
  blueprint: "",
  site: "",
  attributes: {},
  slots: [],
  by: "",
  until: null,
  allocatedAt: "",
  activatedAt: null,
  cleanup: false,
  reason: null,
  notes: {},
  job: null,
}

const refuse = (code: RejectionCode, message: string) =>
  ({ type: "refuse", params: { code, message } }) as const
const ignore = (why: string) => ({ type: "ignore", params: { why } }) as const

const bookkeeping = [
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
const expiry = [
  { guard: "isDue", target: "released", actions: "end" },
  { actions: ignore("it is too early") },
] as const
const replacement = [
  { guard: "isOutdatedAndIdle", target: "released", actions: "end" },
  { actions: ignore("it is in use, or up to date again") },
] as const
const tooLate = { actions: ignore("it is over") } as const
const exists = { actions: ignore("it exists already") } as const

export const resourceMachine = setup({
  types: { context: {} as ResourceContext, events: {} as ResourceEvent },
  actions: {
    ...machineActions,
    allocate: assign(({ event }) => {
      if (event.type !== "allocate" || event.facts.kind === "drop") return {}
      const { lease, blueprint, site } = event.body
      const born = { type: event.facts.type, blueprint, site, by: lease, allocatedAt: isoTime(event.now) }
      if (event.facts.kind === "fail")
        return { ...born, reason: { code: "allocation-failed", message: event.facts.message } }
      const { attributes, slots, cleansUp } = event.facts
      return { ...born, attributes, slots, cleanup: cleansUp }
    }),
    open: assign(({ event }) => ({ activatedAt: isoTime(event.now) })),
    note: assign(({ context, event }) =>
      event.type === "annotate" ? { notes: annotated(context.notes, event.body) } : {},
    ),
    fail: assign(({ event }) => ({
      reason: {
        code: event.type === "lost" ? "lost" : "failed",
        message: event.type === "lost" || event.type === "failed" ? event.body.message : "it failed",
      },
    })),
    end: assign(({ context, event }) => {
      if (context.reason !== null) return {}
      const why = "reason" in event.body ? event.body.reason : undefined
      const reason: EndReason =
        event.type === "expire"
          ? { code: "expired", message: `its time ended at ${context.until ?? "an unknown time"}` }
          : event.type === "reclaim"
            ? { code: "reclaimed", message: why ?? `reclaimed by ${event.by}` }
            : event.type === "replace"
              ? { code: "replaced", message: event.body.reason }
              : { code: "released", message: why ?? `released by ${event.by}` }
      return { reason }
    }),
    free: assign({ slots: [] }),
  },
  guards: {
    isDropped: ({ event }) => event.type === "allocate" && event.facts.kind === "drop",
    isRefused: ({ event }) => event.type === "allocate" && event.facts.kind === "fail",
    isUsableAtOnce: ({ event }) =>
      event.type === "allocate" && event.facts.kind === "build" && event.facts.activates,
    hasLeases: ({ event }) => event.facts !== undefined && "leases" in event.facts && event.facts.leases > 0,
    isOutdatedAndIdle: ({ event }) =>
      event.type === "replace" && event.facts.outdated && event.facts.leases === 0,
    isGone: ({ context, event }) =>
      !context.cleanup && event.facts !== undefined && "leases" in event.facts && event.facts.leases === 0,
    isDue: ({ context, event }) =>
      event.type === "expire" && context.until !== null && event.now >= Date.parse(context.until),
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
        activated: { target: "active", actions: "open" },
        failed: { target: "broken", actions: "fail" },
        release: { target: "released", actions: "end" },
        reclaim: [
          { guard: "hasLeases", actions: inUse },
          { target: "released", actions: "end" },
        ],
        expire: expiry,
        replace: replacement,
        settle: { actions: ignore("it is not ending") },
        annotate: bookkeeping,
      },
    },
    active: {
      description: "Leases can be acquired on it.",
      tags: ["alive", "usable"],
      entry: entered("active"),
      on: {
        allocate: exists,
        activated: { actions: ignore("it is active already") },
        lost: { target: "broken", actions: "fail" },
        release: { target: "released", actions: "end" },
        reclaim: [
          { guard: "hasLeases", actions: inUse },
          { target: "released", actions: "end" },
        ],
        expire: expiry,
        replace: replacement,
        settle: { actions: ignore("it is not ending") },
        annotate: bookkeeping,
      },
    },
    released: {
      description: "Gives nothing more. Its leases are told to end; it is destroyed after the last of them.",
      tags: ["ending"],
      entry: entered("released"),
      always: { guard: "isGone", target: "destroyed" },
      on: {
        allocate: exists,
        release: { actions: "repeat" },
        reclaim: { actions: "repeat" },
        settle: [{ guard: "isGone", target: "destroyed" }, { actions: ignore("leases are left on it") }],
        destroyed: "destroyed",
        replace: tooLate,
        expire: tooLate,
        annotate: bookkeeping,
      },
    },
    broken: {
      description: "Could not be built, or was lost. Its leases are told; it ends after the last of them.",
      tags: ["ending"],
      entry: entered("broken"),
      on: {
        allocate: exists,
        release: { target: "released", actions: "end" },
        reclaim: { target: "released", actions: "end" },
        settle: [{ guard: "isGone", target: "destroyed" }, { actions: ignore("leases are left on it") }],
        destroyed: "destroyed",
        replace: tooLate,
        expire: tooLate,
        annotate: bookkeeping,
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
        settle: tooLate,
        replace: tooLate,
        expire: tooLate,
        activated: tooLate,
        failed: tooLate,
      },
    },
  },
})

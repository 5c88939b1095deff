// A blueprint: how resources of one type come to be. Its type's policy parses `config` before the statechart is
// asked, so that whatever stands in the context fits the policy. Builds that fail make it pause, longer each time, and
// in the end suspend it, so that a broken blueprint does not eat leases (K-10).

import { assign, setup } from "xstate"
import { z } from "zod"
import { type BlueprintTerms, blueprintTerms, suspendAfter, termsOf, workTerms } from "./blueprint-terms.js"
import { canonical, type JsonObject, jsonObject } from "./json.js"
import { LIMITS } from "./limits.js"
import { OBJECT_ID, PRINCIPAL_OR_BLUEPRINT } from "./names.js"
import type { RejectionCode } from "./rejection.js"
import { entered, isoTime, machineActions, type Stimulus, type Timer } from "./stimulus.js"

export const BLUEPRINT_STATES = ["enabled", "disabled"] as const

const describedBlueprint = z.strictObject({
  type: z.string().regex(/^[a-z0-9][a-z0-9-]{0,24}$/, {
    error: "a blueprint type is lower-case letters, digits and hyphens, at most 25",
  }),
  config: jsonObject,
  limit: z.number().int().min(1).max(LIMITS.resourcesPerBlueprint).optional(),
  ...blueprintTerms,
})
export type DescribedBlueprint = z.output<typeof describedBlueprint>

const aboutPrincipal = z.strictObject({
  principal: z.string().regex(PRINCIPAL_OR_BLUEPRINT, {
    error: "not a principal (letters, digits and hyphens, at most 32), nor blueprint/<id>",
  }),
})
const nothing = z.strictObject({})

export const blueprintBodies = {
  create: describedBlueprint,
  configure: describedBlueprint,
  enable: nothing,
  disable: nothing,
  authorize: aboutPrincipal,
  decline: aboutPrincipal,
} as const

export const blueprintInternalBodies = {
  /** A build of it came to nothing, or to something. */
  failed: z.strictObject({
    resource: z.string().regex(OBJECT_ID),
    message: z.string().max(LIMITS.reasonChars),
    /** When it broke, ISO: what was before the blueprint's recovery counts no more. */
    at: z.string(),
    /** What it was built for: a text that is equal for equal demands; empty where they do not differ. */
    demand: z.string().max(LIMITS.demandChars).default(""),
  }),
  built: z.strictObject({ resource: z.string().regex(OBJECT_ID) }),
  /** Somebody who is not authorized asked for a lease. */
  ask: z.strictObject({
    principal: z.string().regex(PRINCIPAL_OR_BLUEPRINT),
    lease: z.string().regex(OBJECT_ID),
  }),
  expire: z.strictObject({ timer: z.string(), at: z.string() }),
} as const

/** What was decided about one principal, by whom and when; and when it asked first. */
export interface Authorization {
  readonly state: "requested" | "authorized" | "declined"
  readonly by: string
  readonly at: string
  /** Absent when the decision came before any wish. */
  readonly requestedAt?: string
}

export interface BuildFailure {
  readonly resource: string
  readonly message: string
  readonly at: string
  readonly demand: string
}

/** A demand for which it builds nothing any more. */
export interface Hopeless {
  readonly demand: string
  readonly message: string
  readonly at: string
}

export interface BlueprintContext {
  readonly type: string
  readonly config: JsonObject
  /** Most resources that may live at once; null = as many as there are places for. */
  readonly limit: number | null
  /** Whatever was said about access, time, jobs and failure; defaults where nothing was said. */
  readonly terms: BlueprintTerms
  /** Builds that failed one after another, without one that succeeded. */
  readonly failures: readonly BuildFailure[]
  /** It builds nothing until then. */
  readonly retryAt: string | null
  /** It builds nothing until somebody enables or configures it. */
  readonly suspended: { readonly message: string; readonly at: string } | null
  /** Demands that failed again and again, while others may be built: it builds nothing for these. */
  readonly hopeless: readonly Hopeless[]
  /** Failures before this count no more. */
  readonly recoveredAt: string | null
  readonly authorizations: { readonly [principal: string]: Authorization }
  readonly by: string
  readonly createdAt: string
}

export type BlueprintEvent =
  | Stimulus<"create", DescribedBlueprint>
  | Stimulus<"configure", DescribedBlueprint>
  | Stimulus<"enable", object>
  | Stimulus<"disable", object>
  | Stimulus<"authorize", { principal: string }>
  | Stimulus<"decline", { principal: string }>
  | Stimulus<"failed", BuildFailure>
  | Stimulus<"built", { resource: string }>
  | Stimulus<"ask", { principal: string; lease: string }>
  | Stimulus<"expire", { timer: string; at: string }>

/** All timers of a blueprint that are armed. */
export function blueprintTimers(context: BlueprintContext): readonly Timer[] {
  return context.retryAt === null ? [] : [{ id: "retry", at: context.retryAt }]
}

const blank: BlueprintContext = {
  type: "",
  config: {},
  limit: null,
  terms: {},
  failures: [],
  retryAt: null,
  suspended: null,
  hopeless: [],
  recoveredAt: null,
  authorizations: {},
  by: "",
  createdAt: "",
}

const refuse = (code: RejectionCode, message: string) =>
  ({ type: "refuse", params: { code, message } }) as const
const ignore = (why: string) => ({ type: "ignore", params: { why } }) as const

const told = {
  failed: [{ guard: "isKnownFailure", actions: ignore("it knows") }, { actions: "pause" }],
  built: [{ guard: "hasNotFailed", actions: ignore("it did not fail before") }, { actions: "recover" }],
  ask: [{ guard: "isKnownPrincipal", actions: ignore("it knows") }, { actions: "hear" }],
  expire: [{ guard: "isPauseOver", actions: "resume" }, { actions: ignore("it is too early") }],
  create: [
    { guard: "isSame", actions: "repeat" },
    {
      actions: refuse("already-exists", "a blueprint of this id exists with other content: use `configure`"),
    },
  ],
  configure: [
    {
      guard: "hasOtherType",
      actions: refuse("not-allowed", "the type of a blueprint is fixed: create another one"),
    },
    { guard: "isSame", actions: "repeat" },
    { actions: "configure" },
  ],
  authorize: [
    { guard: "isDecidedSo", actions: "repeat" },
    {
      guard: "hasTooMany",
      actions: refuse("over-limit", "at most 1,000 principals have a decision on one blueprint"),
    },
    { actions: "decide" },
  ],
  decline: [
    { guard: "isDecidedSo", actions: "repeat" },
    {
      guard: "hasTooMany",
      actions: refuse("over-limit", "at most 1,000 principals have a decision on one blueprint"),
    },
    { actions: "decide" },
  ],
} as const

/** Nothing is held against it any more: a build succeeded, or somebody looked after it. */
function untroubled(
  now: number,
): Pick<BlueprintContext, "failures" | "retryAt" | "suspended" | "hopeless" | "recoveredAt"> {
  return { failures: [], retryAt: null, suspended: null, hopeless: [], recoveredAt: isoTime(now) }
}

/** What stands about a principal; names of people are data. */
export function decisionOn(
  authorizations: BlueprintContext["authorizations"],
  principal: string,
): Authorization | undefined {
  return Object.hasOwn(authorizations, principal) ? authorizations[principal] : undefined
}

function withDecision(
  authorizations: BlueprintContext["authorizations"],
  principal: string,
  decision: Authorization,
): BlueprintContext["authorizations"] {
  const others = Object.entries(authorizations).filter(([name]) => name !== principal)
  // Whoever only asked makes room for a decision.
  if (others.length >= LIMITS.authorizationsPerBlueprint) {
    const requests = others.filter(([, { state }]) => state === "requested")
    const [oldest] = requests.sort(([a, x], [b, y]) => (x.at < y.at ? -1 : x.at > y.at ? 1 : a < b ? -1 : 1))
    if (oldest !== undefined) others.splice(others.indexOf(oldest), 1)
  }
  const all = [...others, [principal, decision] as const]
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function isTroubled(context: BlueprintContext): boolean {
  return context.failures.length > 0 || context.suspended !== null || context.hopeless.length > 0
}

function count(
  authorizations: BlueprintContext["authorizations"],
  counts: (state: Authorization["state"]) => boolean,
): number {
  return Object.values(authorizations).filter(({ state }) => counts(state)).length
}

/** Whether so many have asked that it hears of nobody more before somebody decides. */
export function isDeaf({ authorizations }: Pick<BlueprintContext, "authorizations">): boolean {
  const known = Object.keys(authorizations).length
  if (known < LIMITS.requestsPerBlueprint) return false
  return (
    known >= LIMITS.authorizationsPerBlueprint ||
    count(authorizations, (state) => state === "requested") >= LIMITS.requestsPerBlueprint
  )
}

/** As it will be read back: without what is undefined. */
function jsonOf(terms: BlueprintTerms): JsonObject {
  // Sound: terms are made of texts, numbers, lists and objects.
  return JSON.parse(JSON.stringify(terms)) as JsonObject
}

/** Whether a principal may have leases of a blueprint. */
export function mayUse(context: BlueprintContext, principal: string): boolean {
  const { access = "everyone" } = context.terms
  const decided = decisionOn(context.authorizations, principal)?.state
  if (decided === "declined") return false
  if (access === "everyone" || decided === "authorized") return true
  return access !== "approval" && access.includes(principal)
}

export const blueprintMachine = setup({
  types: { context: {} as BlueprintContext, events: {} as BlueprintEvent },
  actions: {
    ...machineActions,
    create: assign(({ event }) =>
      event.type === "create"
        ? {
            type: event.body.type,
            config: event.body.config,
            limit: event.body.limit ?? null,
            terms: termsOf(event.body),
            by: event.by,
            createdAt: isoTime(event.now),
          }
        : {},
    ),
    configure: assign(({ context, event }) =>
      event.type === "configure"
        ? {
            config: event.body.config,
            limit: event.body.limit ?? null,
            terms: termsOf(event.body),
            ...(isTroubled(context) ? untroubled(event.now) : {}),
          }
        : {},
    ),
    pause: assign(({ context, event }) => {
      if (event.type !== "failed") return {}
      const { resource, message, demand } = event.body
      const at = isoTime(event.now)
      const failures = [...context.failures, { resource, message, at, demand }]
      const most = suspendAfter(context.terms)
      const why = `${failures.length} builds failed one after another; the last: ${message}`.slice(0, 1_000)
      if (failures.length >= most) {
        // One demand alone may be at fault itself. A second one, or builds that are all alike: it is the blueprint.
        const isOne = demand !== "" && failures.every((failure) => failure.demand === demand)
        if (isOne && context.hopeless.length === 0)
          return { failures: [], retryAt: null, hopeless: [{ demand, message: why, at }], recoveredAt: at }
        return { failures, retryAt: null, suspended: { message: why, at } }
      }
      const { firstDelayMs, longestDelayMs } = workTerms(context.type, context.terms)
      const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** (failures.length - 1))
      return { failures, retryAt: isoTime(event.now + delayMs) }
    }),
    resume: assign({ retryAt: null }),
    recover: assign(({ context, event }) =>
      // A build that succeeds says nothing about demands that failed.
      event.type === "built"
        ? { ...untroubled(event.now), hopeless: context.hopeless }
        : isTroubled(context)
          ? untroubled(event.now)
          : {},
    ),
    hear: assign(({ context, event }) => {
      if (event.type !== "ask") return {}
      const { principal } = event.body
      const at = isoTime(event.now)
      return {
        authorizations: withDecision(context.authorizations, principal, {
          state: "requested",
          by: principal,
          at,
          requestedAt: at,
        }),
      }
    }),
    decide: assign(({ context, event }) => {
      if (event.type !== "authorize" && event.type !== "decline") return {}
      const { principal } = event.body
      const known = decisionOn(context.authorizations, principal)
      const decision: Authorization = {
        state: event.type === "authorize" ? "authorized" : "declined",
        by: event.by,
        at: isoTime(event.now),
        ...(known?.requestedAt === undefined ? {} : { requestedAt: known.requestedAt }),
      }
      return { authorizations: withDecision(context.authorizations, principal, decision) }
    }),
  },
  guards: {
    isSame: ({ context, event }) =>
      (event.type === "create" || event.type === "configure") &&
      event.body.type === context.type &&
      (event.body.limit ?? null) === context.limit &&
      canonical(jsonOf(termsOf(event.body))) === canonical(jsonOf(context.terms)) &&
      canonical(event.body.config) === canonical(context.config),
    hasOtherType: ({ context, event }) => event.type === "configure" && event.body.type !== context.type,
    isDecidedSo: ({ context, event }) =>
      (event.type === "authorize" || event.type === "decline") &&
      decisionOn(context.authorizations, event.body.principal)?.state ===
        (event.type === "authorize" ? "authorized" : "declined"),
    isKnownFailure: ({ context, event }) =>
      event.type === "failed" &&
      (context.suspended !== null ||
        context.failures.some(({ resource }) => resource === event.body.resource)),
    hasNotFailed: ({ context }) => context.failures.length === 0,
    isKnownPrincipal: ({ context, event }) =>
      event.type === "ask" &&
      (decisionOn(context.authorizations, event.body.principal) !== undefined || isDeaf(context)),
    isPauseOver: ({ context, event }) =>
      event.type === "expire" && context.retryAt !== null && event.now >= Date.parse(context.retryAt),
    isSuspended: ({ context }) => context.suspended !== null || context.hopeless.length > 0,
    hasTooMany: ({ context, event }) =>
      (event.type === "authorize" || event.type === "decline") &&
      decisionOn(context.authorizations, event.body.principal) === undefined &&
      count(context.authorizations, (state) => state !== "requested") >= LIMITS.authorizationsPerBlueprint,
  },
}).createMachine({
  id: "blueprint",
  version: "1",
  description: "How resources of one type come to be, and how many.",
  initial: "undescribed",
  context: blank,
  states: {
    undescribed: {
      description: "Nobody has created it yet. No record is ever in this state.",
      on: { create: { target: "enabled", actions: "create" } },
    },
    enabled: {
      description: "Builds resources and gives leases on them.",
      entry: entered("enabled"),
      on: {
        ...told,
        enable: [{ guard: "isSuspended", actions: "recover" }, { actions: "repeat" }],
        disable: "disabled",
      },
    },
    disabled: {
      description: "Gives nothing new; what is held stays held.",
      entry: entered("disabled"),
      on: { ...told, enable: { target: "enabled", actions: "recover" }, disable: { actions: "repeat" } },
    },
  },
})

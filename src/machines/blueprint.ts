// A blueprint: how resources of one type come to be. Its type's policy parses `config` before the statechart is
// asked, so that whatever stands in the context fits the policy.

import { assign, setup } from "xstate"
import { z } from "zod"
import { canonical, type JsonObject, jsonObject } from "./json.js"
import { LIMITS } from "./limits.js"
import { PRINCIPAL } from "./names.js"
import type { RejectionCode } from "./rejection.js"
import { entered, isoTime, machineActions, type Stimulus } from "./stimulus.js"

export const BLUEPRINT_STATES = ["enabled", "disabled"] as const

const describedBlueprint = z.strictObject({
  type: z.string().regex(/^[a-z0-9][a-z0-9-]{0,24}$/, {
    error: "a blueprint type is lower-case letters, digits and hyphens, at most 25",
  }),
  config: jsonObject,
  limit: z.number().int().min(1).max(LIMITS.resourcesPerBlueprint).optional(),
})
export type DescribedBlueprint = z.output<typeof describedBlueprint>

const principal = z.strictObject({
  principal: z
    .string()
    .regex(PRINCIPAL, { error: "not a principal: letters, digits and hyphens, at most 32" }),
})
const nothing = z.strictObject({})

export const blueprintBodies = {
  create: describedBlueprint,
  configure: describedBlueprint,
  enable: nothing,
  disable: nothing,
  authorize: principal,
  decline: principal,
} as const

export interface Authorization {
  readonly state: "authorized" | "declined"
  readonly by: string
  readonly at: string
}

export interface BlueprintContext {
  readonly type: string
  readonly config: JsonObject
  /** Most resources that may live at once; null = as many as there are places for. */
  readonly limit: number | null
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

const blank: BlueprintContext = {
  type: "",
  config: {},
  limit: null,
  authorizations: {},
  by: "",
  createdAt: "",
}

const refuse = (code: RejectionCode, message: string) =>
  ({ type: "refuse", params: { code, message } }) as const

const told = {
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
            by: event.by,
            createdAt: isoTime(event.now),
          }
        : {},
    ),
    configure: assign(({ event }) =>
      event.type === "configure" ? { config: event.body.config, limit: event.body.limit ?? null } : {},
    ),
    decide: assign(({ context, event }) => {
      if (event.type !== "authorize" && event.type !== "decline") return {}
      const decision: Authorization = {
        state: event.type === "authorize" ? "authorized" : "declined",
        by: event.by,
        at: isoTime(event.now),
      }
      const { principal } = event.body
      const others = Object.entries(context.authorizations).filter(([name]) => name !== principal)
      const all = [...others, [principal, decision] as const]
      return { authorizations: Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1))) }
    }),
  },
  guards: {
    isSame: ({ context, event }) =>
      (event.type === "create" || event.type === "configure") &&
      event.body.type === context.type &&
      (event.body.limit ?? null) === context.limit &&
      canonical(event.body.config) === canonical(context.config),
    hasOtherType: ({ context, event }) => event.type === "configure" && event.body.type !== context.type,
    isDecidedSo: ({ context, event }) =>
      (event.type === "authorize" || event.type === "decline") &&
      Object.hasOwn(context.authorizations, event.body.principal) &&
      context.authorizations[event.body.principal]?.state ===
        (event.type === "authorize" ? "authorized" : "declined"),
    hasTooMany: ({ context, event }) =>
      (event.type === "authorize" || event.type === "decline") &&
      !Object.hasOwn(context.authorizations, event.body.principal) &&
      Object.keys(context.authorizations).length >= LIMITS.authorizationsPerBlueprint,
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
      on: { ...told, enable: { actions: "repeat" }, disable: "disabled" },
    },
    disabled: {
      description: "Gives nothing new; what is held stays held.",
      entry: entered("disabled"),
      on: { ...told, enable: "enabled", disable: { actions: "repeat" } },
    },
  },
})

import { assign, setup } from "xstate"
import { z } from "zod"
import { almanacId, almanacName, nothing, refuse, same, wasRemoved } from "./almanac.js"
import { dictionary, type JsonObject, jsonObject } from "./json.js"
import { LIMITS } from "./limits.js"
import { entered, machineActions, type Stimulus } from "./stimulus.js"

export const SERVICE_STATES = ["present", "removed"] as const

const bindingFields = {
  device: almanacId,
  interface: z.string().min(1).max(100),
  disabled: z.boolean().default(false),
}
const binding = z.strictObject(bindingFields)
export type Binding = z.output<typeof binding>

const bindingName = z.string().min(1).max(100)

const described = z.strictObject({
  name: almanacName.optional(),
  type: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, {
    error: 'a service type is lower-case letters, digits, dots and hyphens, such as "drydock.pool"',
  }),
  bindings: dictionary(binding, LIMITS.bindingsPerService, "bindings"),
  properties: jsonObject.default({}),
})
type DescribedService = z.output<typeof described>

const bind = z.strictObject({ name: bindingName, ...bindingFields })
const unbind = z.strictObject({ name: bindingName })

export const serviceBodies = { put: described, remove: nothing, bind, unbind } as const

export interface ServiceContext {
  readonly name: string | null
  readonly type: string
  readonly bindings: { readonly [name: string]: Binding }
  readonly properties: JsonObject
}

export type ServiceEvent =
  | Stimulus<"put", DescribedService>
  | Stimulus<"remove", object>
  | Stimulus<"bind", z.output<typeof bind>>
  | Stimulus<"unbind", z.output<typeof unbind>>

/** The binding of a name; own properties only, because a name may be anything. */
export function bindingOf(context: ServiceContext, name: string): Binding | undefined {
  return Object.hasOwn(context.bindings, name) ? context.bindings[name] : undefined
}

export const serviceMachine = setup({
  types: { context: {} as ServiceContext, events: {} as ServiceEvent },
  actions: {
    ...machineActions,
    describe: assign(({ event }) =>
      event.type === "put"
        ? {
            name: event.body.name ?? null,
            type: event.body.type,
            bindings: event.body.bindings,
            properties: event.body.properties,
          }
        : {},
    ),
    bind: assign(({ context, event }) => {
      if (event.type !== "bind") return {}
      const { name, ...bound } = event.body
      return { bindings: withBinding(context, name, bound) }
    }),
    unbind: assign(({ context, event }) =>
      event.type === "unbind" ? { bindings: withBinding(context, event.body.name, undefined) } : {},
    ),
  },
  guards: {
    isSame: ({ context, event }) =>
      event.type === "put" && same({ ...event.body, name: event.body.name ?? null }, { ...context }),
    hasOtherType: ({ context, event }) => event.type === "put" && event.body.type !== context.type,
    isBoundSo: ({ context, event }) => {
      if (event.type !== "bind") return false
      const { name, ...bound } = event.body
      return same(bound, bindingOf(context, name) ?? null)
    },
    isFull: ({ context, event }) =>
      event.type === "bind" &&
      bindingOf(context, event.body.name) === undefined &&
      Object.keys(context.bindings).length >= LIMITS.bindingsPerService,
    isUnbound: ({ context, event }) =>
      event.type === "unbind" && bindingOf(context, event.body.name) === undefined,
  },
}).createMachine({
  id: "service",
  version: "1",
  description: "A pool: bindings to interfaces of devices.",
  initial: "unknown",
  context: { name: null, type: "", bindings: {}, properties: {} },
  states: {
    unknown: {
      description: "Nobody has put it yet. No record is ever in this state.",
      on: { put: { target: "present", actions: "describe" } },
    },
    present: {
      description: "Blueprints that name it may build on its bindings.",
      entry: entered("present"),
      on: {
        put: [
          {
            guard: "hasOtherType",
            actions: refuse("not-allowed", "the type of a service is fixed: put another one"),
          },
          { guard: "isSame", actions: "repeat" },
          { actions: "describe" },
        ],
        bind: [
          { guard: "isBoundSo", actions: "repeat" },
          {
            guard: "isFull",
            actions: refuse("over-limit", "a service has at most 1,000 bindings: use another service"),
          },
          { actions: "bind" },
        ],
        unbind: [{ guard: "isUnbound", actions: "repeat" }, { actions: "unbind" }],
        remove: "removed",
      },
    },
    removed: {
      description: "Gone. `put` brings it back.",
      entry: entered("removed"),
      on: {
        put: { target: "present", actions: "describe" },
        bind: wasRemoved,
        unbind: wasRemoved,
        remove: { actions: "repeat" },
      },
    },
  },
})

function withBinding(
  context: ServiceContext,
  name: string,
  bound: Binding | undefined,
): ServiceContext["bindings"] {
  const others = Object.entries(context.bindings).filter(([other]) => other !== name)
  const all = bound === undefined ? others : [...others, [name, bound] as const]
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)))
}

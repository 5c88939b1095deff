import { assign, setup } from "xstate"
import { z } from "zod"
import { almanacId, almanacName, nothing, same, wasRemoved } from "./almanac.js"
import { dictionary, type JsonObject, jsonObject } from "./json.js"
import { LIMITS } from "./limits.js"
import { entered, machineActions, type Stimulus } from "./stimulus.js"

export const DEVICE_STATES = ["enabled", "disabled", "removed"] as const

const networkInterface = z.strictObject({
  network: almanacId,
  /** A host name or an IP address; never an option of a program: it does not begin with a hyphen. */
  address: z.string().regex(/^[A-Za-z0-9_:[][A-Za-z0-9._:%[\]-]{0,252}$/, {
    error: "not an address: a host name or an IP address, at most 253 characters",
  }),
  port: z.number().int().min(1).max(65_535).default(22),
  transport: z.enum(["ssh", "local"]).default("ssh"),
})
export type NetworkInterface = z.output<typeof networkInterface>

const described = z.strictObject({
  name: almanacName.optional(),
  interfaces: dictionary(networkInterface, LIMITS.interfacesPerDevice, "interfaces"),
  properties: jsonObject.default({}),
})
type DescribedDevice = z.output<typeof described>

export const deviceBodies = { put: described, enable: nothing, disable: nothing, remove: nothing } as const

export interface DeviceContext {
  readonly name: string | null
  readonly interfaces: { readonly [name: string]: NetworkInterface }
  readonly properties: JsonObject
}

export type DeviceEvent =
  | Stimulus<"put", DescribedDevice>
  | Stimulus<"enable", object>
  | Stimulus<"disable", object>
  | Stimulus<"remove", object>

const put = [{ guard: "isSame", actions: "repeat" }, { actions: "describe" }] as const

export const deviceMachine = setup({
  types: { context: {} as DeviceContext, events: {} as DeviceEvent },
  actions: {
    ...machineActions,
    describe: assign(({ event }) =>
      event.type === "put"
        ? {
            name: event.body.name ?? null,
            interfaces: event.body.interfaces,
            properties: event.body.properties,
          }
        : {},
    ),
  },
  guards: {
    isSame: ({ context, event }) =>
      event.type === "put" &&
      same({ ...event.body, name: event.body.name ?? null }, { ...context, name: context.name }),
  },
}).createMachine({
  id: "device",
  version: "1",
  description: "A machine with interfaces by which it can be reached.",
  initial: "unknown",
  context: { name: null, interfaces: {}, properties: {} },
  states: {
    unknown: {
      description: "Nobody has put it yet. No record is ever in this state.",
      on: { put: { target: "enabled", actions: "describe" } },
    },
    enabled: {
      description: "Its interfaces may be bound and used.",
      entry: entered("enabled"),
      on: { put, enable: { actions: "repeat" }, disable: "disabled", remove: "removed" },
    },
    disabled: {
      description: "Gives nothing new; what is held stays held.",
      entry: entered("disabled"),
      on: { put, enable: "enabled", disable: { actions: "repeat" }, remove: "removed" },
    },
    removed: {
      description: "Gone. `put` brings it back.",
      entry: entered("removed"),
      on: {
        put: { target: "enabled", actions: "describe" },
        enable: wasRemoved,
        disable: wasRemoved,
        remove: { actions: "repeat" },
      },
    },
  },
})

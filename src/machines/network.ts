import { assign, setup } from "xstate"
import { z } from "zod"
import { almanacName, nothing } from "./almanac.js"
import { entered, machineActions, type Stimulus } from "./stimulus.js"

export const NETWORK_STATES = ["present", "removed"] as const

const described = z.strictObject({ name: almanacName.optional() })
type DescribedNetwork = z.output<typeof described>

export const networkBodies = { put: described, remove: nothing } as const

export interface NetworkContext {
  readonly name: string | null
}

export type NetworkEvent = Stimulus<"put", DescribedNetwork> | Stimulus<"remove", object>

export const networkMachine = setup({
  types: { context: {} as NetworkContext, events: {} as NetworkEvent },
  actions: {
    ...machineActions,
    describe: assign(({ event }) => (event.type === "put" ? { name: event.body.name ?? null } : {})),
  },
  guards: {
    isSame: ({ context, event }) => event.type === "put" && (event.body.name ?? null) === context.name,
  },
}).createMachine({
  id: "network",
  version: "1",
  description: "A network that interfaces of devices are in.",
  initial: "unknown",
  context: { name: null },
  states: {
    unknown: {
      description: "Nobody has put it yet. No record is ever in this state.",
      on: { put: { target: "present", actions: "describe" } },
    },
    present: {
      description: "Interfaces may name it.",
      entry: entered("present"),
      on: { put: [{ guard: "isSame", actions: "repeat" }, { actions: "describe" }], remove: "removed" },
    },
    removed: {
      description: "Gone. `put` brings it back.",
      entry: entered("removed"),
      on: { put: { target: "present", actions: "describe" }, remove: { actions: "repeat" } },
    },
  },
})

// The yard itself as an actor: who took it over and when, and the generation of its tokens. One record per take-over,
// so that a host that was replaced while it slept is fenced by the first thing its successor does.

import { assign, setup } from "xstate"
import { z } from "zod"
import { entered, isoTime, machineActions, type Stimulus } from "./stimulus.js"

export const YARD_STATES = ["open"] as const

const taken = z.strictObject({
  /** The host that took over: an unguessable name. */
  host: z.string().min(1).max(64),
  /** 1 … 8,191; grows with every restore and every accepted loss. */
  generation: z.number().int().min(1).max(8_191),
})

export const yardInternalBodies = { "take-over": taken } as const

export interface YardContext {
  readonly generation: number
  readonly host: string
  readonly takenOverAt: string
}

export type YardEvent = Stimulus<"take-over", z.output<typeof taken>>

export const yardMachine = setup({
  types: { context: {} as YardContext, events: {} as YardEvent },
  actions: {
    ...machineActions,
    takeOver: assign(({ context, event }) => ({
      host: event.body.host,
      generation: Math.max(context.generation, event.body.generation),
      takenOverAt: isoTime(event.now),
    })),
  },
}).createMachine({
  id: "yard",
  version: "1",
  description: "The yard as a whole.",
  initial: "unopened",
  context: { generation: 1, host: "", takenOverAt: "" },
  states: {
    unopened: {
      description: "No host has served it yet. No record is ever in this state.",
      on: { "take-over": { target: "open", actions: "takeOver" } },
    },
    open: {
      description: "Served by the host of the last record, or by none at the moment.",
      entry: entered("open"),
      on: { "take-over": { actions: "takeOver" } },
    },
  },
})

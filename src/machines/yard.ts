// The yard itself as an actor: who took it over and when, the generation of its tokens, and what it forgets (rule 7).
// One record per take-over, so that a host that was replaced while it slept is fenced by the first thing its successor
// does. One record per sweep, which lists what is gone from then on.

import { assign, setup } from "xstate"
import { z } from "zod"
import { duration, durationMs } from "./duration.js"
import type { Kind } from "./names.js"
import { entered, isoTime, machineActions, type Stimulus, type Timer } from "./stimulus.js"

export const YARD_STATES = ["open"] as const

const taken = z.strictObject({
  /** The host that took over: an unguessable name. */
  host: z.string().min(1).max(64),
  /** 1 … 8,191; grows with every restore and every accepted loss. */
  generation: z.number().int().min(1).max(8_191),
})
const configured = z.strictObject({
  /** How long what has ended is remembered. */
  retention: duration.optional(),
})

export const yardBodies = { configure: configured } as const
export const yardInternalBodies = {
  "take-over": taken,
  expire: z.strictObject({ timer: z.string(), at: z.string() }),
} as const

/** An object that is forgotten, with the sequence of its last record. */
export interface Forgotten {
  readonly kind: Kind
  readonly id: string
  readonly seq: number
}

/** The yard's own records. Those between two sweeps are remembered as long as everything else. */
export interface OwnHistory {
  /** Its records up to here are gone. */
  readonly forgotten: number
  /** The next to go are those up to `seq`, when `at` is as long ago as the retention. */
  readonly next: { readonly seq: number; readonly at: string } | null
}

/** What a sweep finds: a fact of the yard. */
export interface Sweep {
  readonly forgets: readonly Forgotten[]
  readonly history: OwnHistory
  /** When there can be more, milliseconds. */
  readonly nextMs: number
}

export interface YardContext {
  readonly generation: number
  readonly host: string
  readonly takenOverAt: string
  /** How long what has ended is remembered: a duration. */
  readonly retention: string
  /** When it looks for what it may forget; null before the first take-over. */
  readonly sweepAt: string | null
  /** What this record forgets. */
  readonly forgets: readonly Forgotten[]
  readonly history: OwnHistory
}

export type YardEvent =
  | Stimulus<"take-over", z.output<typeof taken>>
  | Stimulus<"configure", z.output<typeof configured>>
  | Stimulus<"expire", { timer: string; at: string }, Sweep>

const LONGEST_BETWEEN_SWEEPS_MS = 60 * 60 * 1000
const SHORTEST_BETWEEN_SWEEPS_MS = 60 * 1000

/** How long a sweep that has forgotten all it could is the last one at least, milliseconds. */
export function sweepEveryMs(retentionMs: number): number {
  return Math.min(LONGEST_BETWEEN_SWEEPS_MS, Math.max(SHORTEST_BETWEEN_SWEEPS_MS, retentionMs / 24))
}

/** All timers of the yard that are armed. */
export function yardTimers({ sweepAt }: YardContext): readonly Timer[] {
  return sweepAt === null ? [] : [{ id: "sweep", at: sweepAt }]
}

export const yardMachine = setup({
  types: { context: {} as YardContext, events: {} as YardEvent },
  actions: {
    ...machineActions,
    takeOver: assign(({ context, event }) =>
      event.type === "take-over"
        ? {
            host: event.body.host,
            generation: Math.max(context.generation, event.body.generation),
            takenOverAt: isoTime(event.now),
            sweepAt: context.sweepAt ?? isoTime(event.now + sweepEveryMs(durationMs(context.retention))),
            forgets: [],
          }
        : {},
    ),
    /** It looks at once: less may be remembered from now on. */
    configure: assign(({ context, event }) =>
      event.type === "configure"
        ? { retention: event.body.retention ?? context.retention, sweepAt: isoTime(event.now), forgets: [] }
        : {},
    ),
    sweep: assign(({ event }) =>
      event.type === "expire"
        ? {
            forgets: event.facts.forgets,
            history: event.facts.history,
            sweepAt: isoTime(event.facts.nextMs),
          }
        : {},
    ),
  },
  guards: {
    isSame: ({ context, event }) =>
      event.type === "configure" && (event.body.retention ?? context.retention) === context.retention,
    isSweepDue: ({ context, event }) =>
      event.type === "expire" &&
      event.body.timer === "sweep" &&
      context.sweepAt !== null &&
      event.now >= Date.parse(context.sweepAt),
  },
}).createMachine({
  id: "yard",
  version: "1",
  description: "The yard as a whole.",
  initial: "unopened",
  context: {
    generation: 1,
    host: "",
    takenOverAt: "",
    retention: "7d",
    sweepAt: null,
    forgets: [],
    history: { forgotten: 0, next: null },
  },
  states: {
    unopened: {
      description: "No host has served it yet. No record is ever in this state.",
      on: { "take-over": { target: "open", actions: "takeOver" } },
    },
    open: {
      description: "Served by the host of the last record, or by none at the moment.",
      entry: entered("open"),
      on: {
        "take-over": { actions: "takeOver" },
        configure: [{ guard: "isSame", actions: "repeat" }, { actions: "configure" }],
        expire: [
          { guard: "isSweepDue", actions: "sweep" },
          { actions: { type: "ignore", params: { why: "it is too early" } } },
        ],
      },
    },
  },
})

// `move` runs XState by a way of its own, five times as fast as `transition`. This is the contract that holds the two
// together: along random walks through every statechart they say the same.

import fc from "fast-check"
import { expect, test } from "vitest"
import { type AnyMachineSnapshot, initialTransition, transition } from "xstate"
import { move } from "../../../src/actors/kernel/statechart.js"
import { registry } from "../../../src/machines/registry.js"

const stamp = { actor: "lease/L1", rev: 1, command: 1, now: Date.UTC(2026, 0, 1) }
const work = {
  type: "slow",
  attempts: 2,
  firstDelayMs: 1_000,
  longestDelayMs: 1_000,
  limitMs: 60_000,
  silenceMs: 10_000,
}
const granted = {
  kind: "grant",
  resource: "r1",
  slots: ["s"],
  token: 7,
  work,
  bounds: { longestMs: null, warnMs: 60_000 },
}
const fate = fc.constantFrom(
  { ...granted, activates: true, cleansUp: false },
  { ...granted, activates: false, cleansUp: true },
  { kind: "wait", waiting: { code: "no-free-resource", details: {} } },
  { kind: "never", message: "no" },
)
const occupancy = fc.constantFrom(
  { leases: 0, outdated: true, lastUsedMs: null, wanted: true },
  { leases: 1, outdated: false, lastUsedMs: null, wanted: false },
)
const built = {
  kind: "build",
  type: "host",
  attributes: {},
  slots: ["s"],
  work,
  bounds: { ttlMs: 60_000, idleMs: 60_000, immunityMs: 60_000, strikes: 2 },
  base: null,
  demand: "",
}
const plan = fc.constantFrom(
  { ...built, activates: true, cleansUp: false },
  { ...built, activates: false, cleansUp: true },
  { kind: "fail", type: "host", message: "no", policyFailed: false, demand: "" },
  { kind: "drop" },
)
const said = (type: string, body: object, facts: fc.Arbitrary<unknown> = fc.constant(undefined)) =>
  facts.map((known) => ({ type, body, by: "alice", ...stamp, facts: known }))
const worked = (type: string, more: object, facts: fc.Arbitrary<unknown> = fc.constant(undefined)) =>
  facts.map((known) => ({
    type,
    body: { job: "lease/L1/1", attempt: 1, worker: "w", ...more },
    by: "worker-slow",
    ...stamp,
    facts: known,
  }))

const walks = {
  lease: fc.oneof(
    said("request", { type: "host" }, fate),
    said("wake", { order: 1 }, fate),
    said("renew", { ttl: "1h" }),
    said("release", {}),
    said("annotate", { set: { a: "b" } }),
    worked("started", {}),
    worked("heartbeat", { log: ["one"] }),
    worked("activated", { details: { a: 1 } }),
    worked("failed", { message: "x", retryable: true }),
    worked("failed", { message: "x", retryable: false }),
    worked("stopped", {}),
    worked("cleaned", {}),
    said("throw-back", { token: 7 }),
    said("destroy", {}),
  ),
  resource: fc.oneof(
    said("allocate", { lease: "L", blueprint: "b", site: "s" }, plan),
    said("release", {}, occupancy),
    said("reclaim", {}, occupancy),
    said("replace", { reason: "x" }, occupancy),
    said("settle", {}, occupancy),
    worked("started", {}, occupancy),
    worked("activated", { details: { a: 1 } }, occupancy),
    worked("failed", { message: "x", retryable: false }, occupancy),
    worked("destroyed", {}, occupancy),
    said("yield", { lease: "L2" }, occupancy),
    said("drain", {}, occupancy),
    said("strike", { lease: "L2", token: 1, message: "x", at: "2026-01-01T00:00:00.000Z" }, occupancy),
  ),
  device: fc.oneof(
    said("put", { interfaces: {}, properties: {} }),
    said("put", { interfaces: {}, properties: { a: 1 } }),
    said("enable", {}),
    said("disable", {}),
    said("remove", {}),
  ),
  blueprint: fc.oneof(
    said("create", { type: "t", config: {} }),
    said("configure", { type: "t", config: { a: 1 } }),
    said("disable", {}),
    said("enable", {}),
    said("authorize", { principal: "ci" }),
  ),
} as const

const NAMES: { readonly [action: string]: string } = {
  repeat: "repeated",
  refuse: "refused",
  ignore: "ignored",
}

test.each(Object.keys(walks) as (keyof typeof walks)[])(
  "the fast way through a %s is xstate's own way",
  (kind) => {
    const { machine } = registry[kind]
    const walk: fc.Arbitrary<{ type: string }[]> = fc.array(walks[kind] as fc.Arbitrary<{ type: string }>, {
      maxLength: 12,
    })
    fc.assert(
      fc.property(walk, (events) => {
        let [snapshot]: [AnyMachineSnapshot, unknown] = initialTransition(machine)
        let before: { to: string; context: object } | undefined
        for (const event of events) {
          const [next, executable] = transition(machine, snapshot, event)
          const actions: readonly { type: string; params: unknown }[] = executable
          const moved = move(kind, before, event)
          const entered = actions.flatMap(({ type, params }) =>
            type === "entered" ? [(params as { state: string }).state] : [],
          )
          const other = actions.find(
            ({ type }) => type === "repeat" || type === "refuse" || type === "ignore",
          )
          if (other !== undefined) {
            expect(moved.kind).toBe(NAMES[other.type])
            continue
          }
          if (next === snapshot && actions.length === 0) {
            expect(moved.kind).toBe("unexpected")
            continue
          }
          expect(moved).toEqual({ kind: "moved", to: next.value, path: entered, context: next.context })
          before = { to: String(next.value), context: next.context as object }
          snapshot = next
        }
      }),
      { numRuns: 200 },
    )
  },
)

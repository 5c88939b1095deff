// `move` runs XState by a way of its own, five times as fast as `transition`. This is the contract that holds the two
// together: along random walks through every statechart they say the same.

import fc from "fast-check"
import { expect, test } from "vitest"
import { type AnyMachineSnapshot, initialTransition, transition } from "xstate"
import { move } from "../../../src/actors/kernel/statechart.js"
import { registry } from "../../../src/machines/registry.js"

const stamp = { by: "alice", command: 1, now: Date.UTC(2026, 0, 1) }
const fate = fc.constantFrom(
  { kind: "grant", resource: "r1", slots: ["s"], token: 7, activates: true, cleansUp: false },
  { kind: "grant", resource: "r1", slots: ["s"], token: 7, activates: false, cleansUp: true },
  { kind: "wait", waiting: { code: "no-free-resource", details: {} } },
  { kind: "never", message: "no" },
)
const occupancy = fc.constantFrom({ leases: 0, outdated: true }, { leases: 1, outdated: false })
const plan = fc.constantFrom(
  { kind: "build", type: "host", attributes: {}, slots: ["s"], activates: true, cleansUp: false },
  { kind: "fail", type: "host", message: "no" },
  { kind: "drop" },
)
const said = (type: string, body: object, facts: fc.Arbitrary<unknown> = fc.constant(undefined)) =>
  facts.map((known) => ({ type, body, ...stamp, facts: known }))

const walks = {
  lease: fc.oneof(
    said("request", { type: "host" }, fate),
    said("wake", { order: 1 }, fate),
    said("renew", { ttl: "1h" }),
    said("release", {}),
    said("annotate", { set: { a: "b" } }),
    said("activated", { token: 7 }),
    said("failed", { token: 7, message: "x" }),
    said("throw-back", { token: 7 }),
    said("cleaned", { token: 7 }),
    said("destroy", {}),
  ),
  resource: fc.oneof(
    said("allocate", { lease: "L", blueprint: "b", site: "s" }, plan),
    said("release", {}, occupancy),
    said("reclaim", {}, occupancy),
    said("replace", { reason: "x" }, occupancy),
    said("settle", {}, occupancy),
    said("lost", { message: "x" }, occupancy),
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

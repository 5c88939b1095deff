// What holds for every statechart, walked by paths: xstate's own graph functions explore lease and resource.

import { describe, expect, test } from "vitest"
import { getShortestPaths } from "xstate/graph"
import { leaseMachine } from "../../src/machines/lease.js"
import { KINDS } from "../../src/machines/names.js"
import { registry } from "../../src/machines/registry.js"
import { resourceMachine } from "../../src/machines/resource.js"

interface Node {
  readonly key: string
  readonly description?: string | undefined
  readonly on?: { readonly [verb: string]: unknown }
  readonly states?: { readonly [name: string]: Node }
}

describe.each(KINDS)("the statechart of a %s", (kind) => {
  const { machine, bodies, internal } = registry[kind]
  const definition = machine.definition as unknown as Node
  const states = Object.values(definition.states ?? {})

  test("has an id, a version, and a description on every state", () => {
    expect(machine.id).toBe(kind)
    expect(machine.version).toBe("1")
    for (const state of states) expect(state.description, state.key).toMatch(/\.$/)
  })

  test("takes no event that nobody can say, and no wildcard", () => {
    const verbs = new Set([...Object.keys(bodies), ...Object.keys(internal)])
    for (const state of states)
      for (const verb of Object.keys(state.on ?? {})) expect([...verbs]).toContain(verb)
  })

  test("takes every verb that can be said in at least one state", () => {
    const taken = new Set(states.flatMap((state) => Object.keys(state.on ?? {})))
    for (const verb of [...Object.keys(bodies), ...Object.keys(internal)]) expect([...taken]).toContain(verb)
  })

  test("names its guards and actions: it can be written as JSON and nothing is lost", () => {
    const config = machine.config
    const functions: string[] = []
    const walk = (value: unknown, path: string): void => {
      if (typeof value === "function") functions.push(path)
      else if (typeof value === "object" && value !== null)
        for (const [key, inner] of Object.entries(value)) walk(inner, `${path}.${key}`)
    }
    walk({ ...config, context: undefined }, kind)
    expect(functions).toEqual([])
  })
})

const stamp = { by: "alice", command: 1, now: Date.UTC(2026, 0, 1) }
const grant = {
  kind: "grant",
  resource: "r1",
  slots: ["s"],
  token: 7,
  activates: true,
  cleansUp: false,
} as const
const build = {
  kind: "build",
  build: { resource: "r1", blueprint: "b", site: "s" },
  waiting: { code: "allocating", details: {} },
} as const
const wait = { kind: "wait", waiting: { code: "no-free-resource", details: {} } } as const
const never = { kind: "never", message: "no" } as const
const nothing = { facts: undefined }

describe("a lease, along every shortest path", () => {
  const fates = [
    grant,
    { ...grant, activates: false },
    { ...grant, activates: false, cleansUp: true },
    build,
    wait,
    never,
  ] as const
  const body = { type: "host", ttl: "1h" } as const
  const events = [
    ...fates.map((facts) => ({ type: "request" as const, body, ...stamp, facts })),
    ...fates.map((facts) => ({ type: "wake" as const, body: { order: 1 }, ...stamp, facts })),
    { type: "unbuilt" as const, body: { resource: "r1" }, ...stamp, facts: wait },
    { type: "renew" as const, body: { ttl: "2h" }, ...stamp, ...nothing },
    { type: "release" as const, body: {}, ...stamp, ...nothing },
    { type: "release" as const, body: { token: 7, code: "resource-broken" }, ...stamp, ...nothing },
    { type: "throw-back" as const, body: { token: 7 }, ...stamp, ...nothing },
    { type: "activated" as const, body: { token: 7 }, ...stamp, ...nothing },
    { type: "failed" as const, body: { token: 7, message: "x" }, ...stamp, ...nothing },
    { type: "cleaned" as const, body: { token: 7 }, ...stamp, ...nothing },
    { type: "destroy" as const, body: {}, ...stamp, ...nothing },
    {
      type: "expire" as const,
      body: { timer: "until", at: "" },
      ...stamp,
      now: stamp.now + 4 * 3_600_000,
      ...nothing,
    },
  ]
  const paths = getShortestPaths(leaseMachine, { events, limit: 20_000 })

  test("every state is reached", () => {
    expect([...new Set(paths.map(({ state }) => String(state.value)))].sort()).toEqual(
      ["acquired", "active", "broken", "destroyed", "pending", "released", "unasked"].sort(),
    )
  })

  test("whoever holds slots has a resource and a token; whoever is over holds none", () => {
    for (const { state } of paths) {
      const { resource, token, slots, reason } = state.context
      if (state.hasTag("holding")) expect([resource, token]).not.toContain(null)
      if (state.hasTag("waiting")) expect([resource, token]).toEqual([null, null])
      if (state.hasTag("ended")) expect(slots).toEqual([])
      if (state.hasTag("ended") || state.hasTag("ending")) expect(reason).not.toBeNull()
    }
  })

  test("from every state a lease comes to its end", () => {
    for (const { state } of paths) {
      if (state.value === "unasked") continue
      const onward = getShortestPaths(leaseMachine, { events, limit: 20_000, fromState: state })
      expect(onward.some(({ state: end }) => end.value === "destroyed")).toBe(true)
    }
  })
})

describe("a resource, along every shortest path", () => {
  const plan = {
    kind: "build",
    type: "host",
    attributes: {},
    slots: ["s"],
    activates: true,
    cleansUp: false,
  } as const
  const plans = [
    plan,
    { ...plan, activates: false },
    { ...plan, cleansUp: true },
    { kind: "fail", type: "host", message: "no" },
    { kind: "drop" },
  ] as const
  const order = { lease: "L1", blueprint: "b", site: "s" }
  const occupied = [
    { leases: 0, outdated: false },
    { leases: 0, outdated: true },
    { leases: 2, outdated: false },
  ] as const
  const events = [
    ...plans.map((facts) => ({ type: "allocate" as const, body: order, ...stamp, facts })),
    ...occupied.flatMap((facts) => [
      { type: "release" as const, body: {}, ...stamp, facts },
      { type: "reclaim" as const, body: {}, ...stamp, facts },
      { type: "replace" as const, body: { reason: "moved" }, ...stamp, facts },
      { type: "settle" as const, body: {}, ...stamp, facts },
      { type: "failed" as const, body: { message: "x" }, ...stamp, facts },
      { type: "lost" as const, body: { message: "x" }, ...stamp, facts },
    ]),
    { type: "activated" as const, body: {}, ...stamp, ...nothing },
    { type: "destroyed" as const, body: {}, ...stamp, ...nothing },
  ]
  const paths = getShortestPaths(resourceMachine, { events, limit: 20_000 })

  test("every state is reached", () => {
    expect([...new Set(paths.map(({ state }) => String(state.value)))].sort()).toEqual(
      ["active", "broken", "destroyed", "pending", "released", "unordered"].sort(),
    )
  })

  test("it keeps its slots until it is destroyed, and its cause for ever", () => {
    for (const { state } of paths) {
      if (state.hasTag("alive")) expect(state.context.slots).toEqual(["s"])
      if (state.hasTag("ended")) expect(state.context.slots).toEqual([])
      if (state.hasTag("ended") || state.hasTag("ending")) expect(state.context.reason).not.toBeNull()
    }
  })

  test("it is not destroyed while leases are left on it, unless its blueprint says that it is gone", () => {
    for (const { state, steps } of paths) {
      const last = steps.at(-1)?.event
      if (state.value !== "destroyed" || last === undefined || !("facts" in last)) continue
      const { facts } = last
      if (facts !== undefined && "leases" in facts) expect(facts.leases).toBe(0)
    }
  })
})

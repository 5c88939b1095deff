// What holds for every statechart, walked by paths: xstate's own graph functions explore lease and resource.

import { describe, expect, test } from "vitest"
import { getShortestPaths } from "xstate/graph"
import { leaseMachine } from "../../src/machines/lease.js"
import type { LeaseEvent } from "../../src/machines/lease-context.js"
import { type ActorKey, KINDS } from "../../src/machines/names.js"
import { registry } from "../../src/machines/registry.js"
import { resourceMachine } from "../../src/machines/resource.js"

interface Node {
  readonly key: string
  readonly description?: string | undefined
  readonly on?: { readonly [verb: string]: unknown }
  readonly states?: { readonly [name: string]: Node }
}

describe.each(KINDS)("the statechart of a %s", (kind) => {
  const { machine, bodies, internal, worker } = registry[kind]
  const definition = machine.definition as unknown as Node
  const states = Object.values(definition.states ?? {})

  test("has an id, a version, and a description on every state", () => {
    expect(machine.id).toBe(kind)
    expect(machine.version).toBe("1")
    for (const state of states) expect(state.description, state.key).toMatch(/\.$/)
  })

  test("takes no event that nobody can say, and no wildcard", () => {
    const verbs = new Set([bodies, internal, worker].flatMap((said) => Object.keys(said)))
    for (const state of states)
      for (const verb of Object.keys(state.on ?? {})) expect([...verbs]).toContain(verb)
  })

  test("takes every verb that can be said in at least one state", () => {
    const taken = new Set(states.flatMap((state) => Object.keys(state.on ?? {})))
    for (const verb of [bodies, internal, worker].flatMap((said) => Object.keys(said)))
      expect([...taken]).toContain(verb)
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

const stamp: { by: string; actor: ActorKey; rev: number; command: number; now: number } = {
  by: "alice",
  actor: "lease/L1",
  rev: 1,
  command: 1,
  now: Date.UTC(2026, 0, 1),
}
const work = {
  type: "slow",
  attempts: 2,
  firstDelayMs: 1_000,
  longestDelayMs: 1_000,
  limitMs: 60_000,
  silenceMs: 10_000,
} as const
const HOURS_LATER = stamp.now + 4 * 3_600_000
/** Two snapshots are one place on the map when nothing that the statechart looks at tells them apart. */
function serializeState(snapshot: { readonly value: unknown; readonly context: object }): string {
  const { value, context } = snapshot
  const known = new Map(Object.entries(context))
  const job = known.get("job")
  const told = [
    "reason",
    "waiting",
    "build",
    "throwBack",
    "quarantine",
    "warnAt",
    "cleanup",
    "draining",
    "work",
  ]
  return JSON.stringify({
    value,
    job: job === null ? null : [job.task, job.state, job.attempt, job.cancelled],
    told: told.map((name) => known.get(name) !== null && known.get(name) !== false),
    reclaim: known.get("reclaim")?.due,
    strikes: known.get("strikes")?.length,
    resource: known.get("resource") !== null,
  })
}

const grant = {
  kind: "grant",
  resource: "r1",
  slots: ["s"],
  token: 7,
  activates: true,
  cleansUp: false,
  work,
  bounds: { longestMs: null, warnMs: 60_000 },
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
  const events: LeaseEvent[] = [
    ...fates.map((facts) => ({ type: "request" as const, body, ...stamp, facts })),
    ...fates.map((facts) => ({ type: "wake" as const, body: { order: 1 }, ...stamp, facts })),
    { type: "unbuilt" as const, body: { resource: "r1" }, ...stamp, facts: wait },
    { type: "renew" as const, body: { ttl: "2h" }, ...stamp, ...nothing },
    { type: "release" as const, body: {}, ...stamp, ...nothing },
    { type: "release" as const, body: { token: 7, code: "resource-broken" }, ...stamp, ...nothing },
    { type: "throw-back" as const, body: { token: 7 }, ...stamp, ...nothing },
    ...[1, 2].flatMap((attempt) => {
      const said = { ...stamp, ...nothing, by: "worker-slow" }
      const body = { job: "lease/L1/1", attempt, worker: "w" }
      return [
        { type: "started" as const, ...said, body },
        { type: "heartbeat" as const, ...said, body },
        { type: "activated" as const, ...said, body },
        { type: "cleaned" as const, ...said, body },
        { type: "stopped" as const, ...said, body },
        { type: "failed" as const, ...said, body: { ...body, message: "x", retryable: true } },
        { type: "failed" as const, ...said, body: { ...body, message: "x", retryable: false } },
      ]
    }),
    { type: "destroy" as const, body: {}, ...stamp, ...nothing },
    { type: "retry" as const, body: {}, ...stamp, ...nothing },
    { type: "abandon" as const, body: {}, ...stamp, ...nothing },
    ...["until", "warn", "beat", "retry", "again"].map((timer) => ({
      type: "expire" as const,
      body: { timer, at: "" },
      ...stamp,
      now: HOURS_LATER,
      ...nothing,
    })),
  ]
  const paths = getShortestPaths(leaseMachine, { events, limit: 200_000, serializeState })

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
      const onward = getShortestPaths(leaseMachine, {
        events,
        limit: 200_000,
        serializeState,
        fromState: state,
      })
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
    work,
    bounds: { ttlMs: null, idleMs: 60_000, immunityMs: 60_000, strikes: 2 },
    base: null,
    demand: "",
  } as const
  const base = { lease: "B", request: { type: "host" }, token: null, activates: false } as const
  const plans = [
    { ...plan, base, activates: false, cleansUp: true },
    plan,
    { ...plan, activates: false },
    { ...plan, cleansUp: true },
    { ...plan, activates: false, cleansUp: true },
    { kind: "fail", type: "host", message: "no", policyFailed: false, demand: "" },
    { kind: "drop" },
  ] as const
  const order = { lease: "L1", blueprint: "b", site: "s" }
  const occupied = [
    { leases: 0, outdated: false, lastUsedMs: null, wanted: true },
    { leases: 0, outdated: true, lastUsedMs: null, wanted: false },
    { leases: 2, outdated: false, lastUsedMs: null, wanted: true },
  ] as const
  const strike = { lease: "L1", message: "x", at: new Date(stamp.now).toISOString() }
  const events = [
    ...plans.map((facts) => ({ type: "allocate" as const, body: order, ...stamp, facts })),
    ...occupied.flatMap((facts) => [
      { type: "release" as const, body: {}, ...stamp, facts },
      { type: "reclaim" as const, body: {}, ...stamp, facts },
      { type: "replace" as const, body: { reason: "moved" }, ...stamp, facts },
      { type: "settle" as const, body: {}, ...stamp, facts },
      { type: "drain" as const, body: {}, ...stamp, facts },
      { type: "yield" as const, body: { lease: "L2" }, ...stamp, facts },
      { type: "rest" as const, body: {}, ...stamp, facts },
      { type: "keep" as const, body: {}, ...stamp, facts },
      { type: "based" as const, body: { lease: "B", token: 3 }, ...stamp, facts },
      { type: "unbased" as const, body: { lease: "B", message: "gone" }, ...stamp, facts },
      { type: "retry" as const, body: {}, ...stamp, facts },
      { type: "abandon" as const, body: {}, ...stamp, facts },
      { type: "lost" as const, body: { message: "x" }, ...stamp, by: "worker-slow", facts },
      ...[1, 2].map((token) => ({ type: "strike" as const, body: { ...strike, token }, ...stamp, facts })),
      ...[1, 2].flatMap((attempt) => {
        const said = { ...stamp, facts, by: "worker-slow", actor: "resource/r1" } as const
        const body = { job: "resource/r1/1", attempt, worker: "w" }
        return [
          { type: "started" as const, ...said, body },
          { type: "heartbeat" as const, ...said, body },
          { type: "activated" as const, ...said, body },
          { type: "destroyed" as const, ...said, body },
          { type: "stopped" as const, ...said, body },
          { type: "failed" as const, ...said, body: { ...body, message: "x", retryable: true } },
          { type: "failed" as const, ...said, body: { ...body, message: "x", retryable: false } },
        ]
      }),
      ...["until", "idle", "reclaim", "beat", "retry"].map((timer) => ({
        type: "expire" as const,
        body: { timer, at: "" },
        ...stamp,
        now: HOURS_LATER,
        facts,
      })),
    ]),
  ].map((event) => ({ ...event, actor: "resource/r1" as const }))
  const paths = getShortestPaths(resourceMachine, { events, limit: 200_000, serializeState })

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

  test("it is not destroyed while leases are left on it", () => {
    for (const { state, steps } of paths) {
      const last = steps.at(-1)?.event
      if (state.value !== "destroyed" || last === undefined || !("facts" in last)) continue
      const { facts } = last
      if (facts !== undefined && "leases" in facts) expect(facts.leases).toBe(0)
    }
  })
})

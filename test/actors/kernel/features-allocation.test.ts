// Features of the ancestor's allocator (reference, section 9) that need things of different kinds, or a moment that only
// the bench can hold still: what fits whom, one victim and one wake-up under pressure, whose approval counts.

import { describe, expect, test } from "vitest"
import { explain } from "../../../src/actors/kernel/index.js"
import type { LeaseRecord, ResourceRecord } from "../../../src/machines/record.js"
import { allIsWell, timePasses } from "./crew.js"
import { pool, Workbench } from "./workbench.js"

const HOUR_MS = 3_600_000

function lease(bench: Workbench, id: string): LeaseRecord {
  const record = bench.yard.actors.get(`lease/${id}`)?.record
  if (record?.kind !== "lease") throw new Error(`there is no lease ${id}`)
  return record
}

function resources(bench: Workbench, state?: string): ResourceRecord[] {
  const all = [...bench.yard.actors.values()].flatMap(({ record }) =>
    record.kind === "resource" ? [record] : [],
  )
  return state === undefined ? all : all.filter(({ to }) => to === state)
}

function resourceOf(bench: Workbench, id: string): ResourceRecord {
  const found = resources(bench).find((one) => one.id === lease(bench, id).context.resource)
  if (found === undefined) throw new Error(`lease ${id} has no resource`)
  return found
}

function things(terms: object = {}): Workbench {
  const bench = new Workbench()
  bench.say("blueprint/s create", { type: "slow", config: { leasesPerThing: 1 }, ...terms }, "op")
  bench.drain()
  return bench
}

function asks(bench: Workbench, id: string, attributes: object = {}, by = "alice"): void {
  bench.say(`lease/${id} request`, { type: "thing", attributes }, by)
  bench.drain()
}

function served(bench: Workbench, id: string, attributes: object = {}): ResourceRecord {
  asks(bench, id, attributes)
  allIsWell(bench, 12)
  return resourceOf(bench, id)
}

function letsGo(bench: Workbench, id: string): void {
  bench.say(`lease/${id} release`)
  allIsWell(bench, 6)
}

/** A worker speaks about the job of an object as it stands. */
function says(bench: Workbench, record: LeaseRecord | ResourceRecord, verb: string, more: object = {}): void {
  const key = `${record.kind}/${record.id}` as const
  const now = bench.yard.actors.get(key)?.record
  const job = now?.kind === "lease" || now?.kind === "resource" ? now.context.job : null
  if (job === null) throw new Error(`${key} has no job`)
  bench.publish({
    subject: `drydock.default.internal.${record.kind}.${record.id}.${verb}.worker-${job.type}`,
    body: { job: job.id, attempt: job.attempt, worker: "w", ...more },
  })
  bench.drain()
}

describe("what fits", () => {
  test("a lease for one kind is never acquired on a thing of another, idle as it may be", () => {
    const bench = things()
    const a = served(bench, "A", { kind: "a" })
    letsGo(bench, "A")
    const b = served(bench, "B", { kind: "b" })
    expect(b.id).not.toBe(a.id)
    expect([a, b].map(({ context }) => context.attributes.kind)).toEqual(["a", "b"])
    for (const { record } of bench.records) {
      if (record.kind !== "lease" || record.context.resource === null) continue
      const on = resources(bench).find(({ id }) => id === record.context.resource)
      expect(on?.context.attributes.kind).toBe(record.context.attributes.kind)
    }
  })

  test("a lease that takes any kind is acquired on whatever is idle; one that is choosy has its own built", () => {
    const bench = things()
    const a = served(bench, "A", { kind: "a" })
    letsGo(bench, "A")
    expect(served(bench, "any").id).toBe(a.id)
    letsGo(bench, "any")
    expect(served(bench, "choosy", { kind: "b" }).id).not.toBe(a.id)
  })

  test("what no blueprint ever makes is told at once, with what each of them says", () => {
    const bench = things({ config: { kinds: ["a", "b"] } })
    asks(bench, "L", { kind: "z" })
    expect(lease(bench, "L").context.reason).toMatchObject({
      code: "unsatisfiable",
      message: "it makes no things of kind z",
    })
  })
})

describe("bad input", () => {
  test("attributes that a blueprint cannot read end the lease at once, say which, and hold nothing", () => {
    const bench = things()
    asks(bench, "L", { kind: 7 })
    expect(lease(bench, "L")).toMatchObject({
      path: ["destroyed"],
      context: {
        slots: [],
        reason: { code: "unsatisfiable", message: expect.stringMatching(/attributes\.kind/) },
      },
    })
    expect(bench.yard.slots.size).toBe(0)
    asks(bench, "M", { kind: "a" })
    expect(lease(bench, "M").context.waiting?.code).toBe("allocating")
  })

  test("an approval for somebody who was never heard of is kept, and gives nobody else anything", () => {
    const bench = things({ access: "approval" })
    expect(bench.say("blueprint/s authorize", { principal: "nobody-yet" }, "op").kind).toBe("recorded")
    expect(bench.say("blueprint/nowhere authorize", { principal: "alice" }, "op")).toMatchObject({
      kind: "rejected",
      rejection: { code: "unknown-actor" },
    })
    asks(bench, "L")
    expect(lease(bench, "L").context.waiting?.code).toBe("unauthorized")
    asks(bench, "M", {}, "nobody-yet")
    expect(lease(bench, "M").context.waiting?.code).toBe("allocating")
  })
})

describe("under pressure", () => {
  /** Three idle things of kind a, and a lease for kind b that needs the room of one; the first job of its end is ordered. */
  function pressed(): Workbench {
    const bench = things({ limit: 3, immunity: "1s" })
    for (const id of ["A1", "A2", "A3"]) served(bench, id, { kind: "a" })
    for (const id of ["A1", "A2", "A3"]) letsGo(bench, id)
    timePasses(bench, 10_000)
    asks(bench, "B", { kind: "b" })
    return bench
  }

  test("one lease has one victim, however long that takes to go", () => {
    const bench = pressed()
    const [victim] = resources(bench, "released")
    if (victim === undefined) throw new Error("nothing makes room")
    says(bench, victim, "started")
    for (let hour = 0; hour < 24; hour++) {
      // Its worker is heard of, and takes its time.
      says(bench, victim, "heartbeat")
      timePasses(bench, 10_000)
      bench.drain()
    }
    expect(resources(bench, "active")).toHaveLength(2)
    expect(lease(bench, "B").context.waiting).toMatchObject({
      code: "reclaiming",
      details: { resource: victim.id },
    })
    expect(bench.records.filter(({ record }) => record.event.type === "yield")).toHaveLength(1)
  })

  test("the build begins with the end of the victim, without a moment in between", () => {
    const bench = pressed()
    const [victim] = resources(bench, "released")
    if (victim === undefined) throw new Error("nothing makes room")
    says(bench, victim, "started")
    const before = bench.nowMs
    says(bench, victim, "destroyed")
    const [built] = resources(bench, "pending")
    expect(built?.context.by).toBe("B")
    // A millisecond for each command that the bench publishes.
    expect(Date.parse(built?.context.allocatedAt ?? "") - before).toBeLessThan(10)
    expect(bench.backlog).toBe(0)
  })
})

test("what a worker tells of a failure stays with the lease, piece by piece", () => {
  const bench = things({ work: { attempts: 1 } })
  asks(bench, "L")
  const [built] = resources(bench, "pending")
  if (built === undefined) throw new Error("nothing is built")
  says(bench, built, "started")
  says(bench, built, "activated")
  const details = { phase: "squash-merge", command: "git merge", exit: 1, output: "CONFLICT in README" }
  says(bench, lease(bench, "L"), "started")
  says(bench, lease(bench, "L"), "failed", { message: "the merge conflicts", retryable: false, details })
  expect(lease(bench, "L")).toMatchObject({
    to: "broken",
    context: { reason: { code: "failed", message: "the merge conflicts" }, details },
  })
  allIsWell(bench, 6)
  expect(lease(bench, "L")).toMatchObject({ to: "destroyed", context: { details } })
})

test("a lease waits for the thing that is built for it, and is acquired on none before it is active", () => {
  const bench = things({ config: {} })
  asks(bench, "L1")
  asks(bench, "L2")
  timePasses(bench, HOUR_MS)
  bench.drain()
  for (const id of ["L1", "L2"]) expect(lease(bench, id).context.waiting?.code).toBe("allocating")
  allIsWell(bench, 12)
  for (const { record } of bench.records)
    if (record.kind === "lease" && record.path.includes("acquired")) {
      const { resource, acquiredAt } = record.context
      const on = resources(bench).find(({ id }) => id === resource)
      expect((on?.context.activatedAt ?? "9") <= (acquiredAt ?? "")).toBe(true)
    }
})

test("whoever wants what stands on another needs an approval at every step, and each is asked for by who lacks it", () => {
  const bench = new Workbench()
  pool(bench, 1, {})
  const hosts = { type: "almanac-service-host", config: { services: ["labpool"] }, access: "approval" }
  bench.say("blueprint/lab configure", hosts, "op")
  const copies = { type: "slow", config: { on: "host" }, access: "approval", work: { firstDelay: "1s" } }
  bench.say("blueprint/copies create", copies, "op")
  bench.drain()
  asks(bench, "L")
  allIsWell(bench, 6)
  expect(lease(bench, "L").context.waiting?.code).toBe("unauthorized")
  expect(resources(bench)).toEqual([])
  bench.say("blueprint/copies authorize", { principal: "alice" }, "op")
  allIsWell(bench, 6)
  const [copy] = resources(bench)
  const base = lease(bench, copy?.context.base?.lease ?? "")
  expect(base).toMatchObject({ to: "pending", context: { waiting: { code: "unauthorized" } } })
  expect(explain(bench.yard, base.id)?.summary).toBe(
    "blueprint/copies is not authorized on blueprint lab yet",
  )
  const asked = bench.yard.actors.get("blueprint/lab")?.record
  expect(asked?.kind === "blueprint" && asked.context.authorizations).toMatchObject({
    "blueprint/copies": { state: "requested" },
  })
  bench.say("blueprint/lab authorize", { principal: "blueprint/copies" }, "op")
  allIsWell(bench, 12)
  expect(lease(bench, "L").to).toBe("active")
  // The approval of the copies was not one for hosts.
  bench.say("lease/direct request", { type: "host" })
  bench.drain()
  expect(lease(bench, "direct").context.waiting?.code).toBe("unauthorized")
})

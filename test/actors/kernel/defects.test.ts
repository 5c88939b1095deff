// The ancestor's defects (reference, section 10), each played again: what broke there must not break here. Rows that
// need a real working copy, a real disk or a real server are in other files; docs/features.md says where.

import { describe, expect, test } from "vitest"
import { allDuties, explain } from "../../../src/actors/kernel/index.js"
import type { LeaseRecord, ResourceRecord, YardRecord } from "../../../src/machines/record.js"
import { allIsWell, jobsIn, timePasses } from "./crew.js"
import { portrait } from "./portrait.js"
import { pool, Workbench } from "./workbench.js"

const SLOW = { type: "slow", config: { leasesPerThing: 1 } }

function lease(bench: Workbench, id: string): LeaseRecord {
  const record = bench.yard.actors.get(`lease/${id}`)?.record
  if (record?.kind !== "lease") throw new Error(`there is no lease ${id}`)
  return record
}

function resources(bench: Workbench): ResourceRecord[] {
  return [...bench.yard.actors.values()].flatMap(({ record }) => (record.kind === "resource" ? [record] : []))
}

function only<T>(items: readonly T[]): T {
  const [first] = items
  if (first === undefined || items.length !== 1) throw new Error(`expected one, got ${items.length}`)
  return first
}

/** A worker speaks about the job of an object as it stands. */
function work(bench: Workbench, key: string, verb: string, more: object = {}): void {
  const record = bench.yard.actors.get(key as `lease/${string}`)?.record
  if (record?.kind !== "lease" && record?.kind !== "resource") throw new Error(`there is no ${key}`)
  const { job } = record.context
  if (job === null) throw new Error(`${key} has no job`)
  bench.publish({
    subject: `drydock.default.internal.${record.kind}.${record.id}.${verb}.worker-${job.type}`,
    body: { job: job.id, attempt: job.attempt, worker: "w", ...more },
  })
  bench.drain()
}

function did(bench: Workbench, key: string, verb: string, more: object = {}): void {
  work(bench, key, "started")
  work(bench, key, verb, more)
}

/** A yard with one blueprint of slow things, drained. */
function slowYard(terms: object = {}, count = 1): Workbench {
  const bench = new Workbench()
  for (let n = 0; n < count; n++) bench.say(`blueprint/s${n} create`, { ...SLOW, ...terms }, "op")
  bench.drain()
  return bench
}

function asked(bench: Workbench, id: string, body: object = {}, by = "alice"): void {
  bench.say(`lease/${id} request`, { type: "thing", ...body }, by)
  bench.drain()
}

/** A lease that is active on a thing that was built for it. */
function served(bench: Workbench, id: string, body: object = {}): ResourceRecord {
  asked(bench, id, body)
  allIsWellFor(bench, id)
  const resource = lease(bench, id).context.resource
  const found = resources(bench).find((one) => one.id === resource)
  if (found === undefined) throw new Error(`lease ${id} was not served`)
  return found
}

function allIsWellFor(bench: Workbench, id: string): void {
  for (let round = 0; round < 20 && lease(bench, id).to !== "active"; round++) {
    for (const { record, job } of jobsIn(bench.yard))
      did(bench, `${record.kind}/${record.id}`, SUCCESS[job.task])
    bench.drain()
  }
}
const SUCCESS = {
  allocate: "activated",
  destroy: "destroyed",
  activate: "activated",
  release: "cleaned",
} as const

const ordersOf = (records: readonly { readonly record: YardRecord }[], task: string) =>
  records.flatMap(({ record }) => record.jobs).filter((job) => job.task === task)

describe("correctness", () => {
  test("K-01: two releases in the queue clean up once, and both are answered", () => {
    const bench = slowYard()
    served(bench, "L")
    for (let n = 0; n < 2; n++)
      bench.publish({ subject: "drydock.default.command.lease.L.release.alice", body: {} })
    bench.drain()
    expect(bench.verdicts.slice(-2).map(({ kind }) => kind)).toEqual(["recorded", "repeated"])
    did(bench, "lease/L", "cleaned")
    expect(lease(bench, "L").to).toBe("destroyed")
    expect(ordersOf(bench.records, "release")).toHaveLength(1)
  })

  test("K-02: a resource that dies in the moment of the grant leaves no lock behind", () => {
    const bench = new Workbench()
    pool(bench, 1)
    asked(bench, "L1", { type: "host" })
    const { id } = only(resources(bench))
    asked(bench, "L2", { type: "host" })
    bench.publish({ subject: "drydock.default.command.lease.L1.release.alice", body: {} })
    bench.publish({ subject: `drydock.default.command.resource.${id}.release.op`, body: {} })
    bench.drain()
    expect(lease(bench, "L2").to).toBe("active")
    expect(lease(bench, "L2").context.resource).not.toBe(id)
    for (const [slot, holder] of bench.yard.slots) {
      const record = bench.yard.actors.get(holder)?.record
      expect(record?.to, `${slot} is held by ${holder}`).toBe("active")
    }
  })

  test("K-03: a broken resource takes a release, and ends", () => {
    const bench = slowYard({ work: { attempts: 1 } })
    asked(bench, "L")
    const { id } = only(resources(bench))
    work(bench, `resource/${id}`, "started")
    work(bench, `resource/${id}`, "failed", { message: "no disk", retryable: false })
    expect(only(resources(bench)).to).toBe("broken")
    expect(bench.say(`resource/${id} release`, {}, "op").kind).toBe("recorded")
    bench.say("lease/L release")
    bench.drain()
    did(bench, `resource/${id}`, "destroyed")
    expect(only(resources(bench)).to).toBe("destroyed")
  })

  test("K-04: a reclaim that came to nothing does not keep its lease from the next one", () => {
    const bench = slowYard({ limit: 2, immunity: "1m" })
    served(bench, "A1", { attributes: { kind: "a" } })
    served(bench, "A2", { attributes: { kind: "a" } })
    const [first, second] = resources(bench)
    bench.say("lease/A1 release")
    bench.drain()
    did(bench, "lease/A1", "cleaned")
    asked(bench, "B", { attributes: { kind: "b" } })
    expect(lease(bench, "B").context.waiting).toMatchObject({
      code: "reclaiming",
      details: { resource: first?.id },
    })
    // Somebody uses it again before its immunity ends, and the other one becomes idle.
    asked(bench, "A3", { attributes: { kind: "a" } })
    allIsWellFor(bench, "A3")
    bench.say("lease/A2 release")
    bench.drain()
    did(bench, "lease/A2", "cleaned")
    timePasses(bench, 61_000)
    bench.drain()
    timePasses(bench, 61_000)
    bench.drain()
    bench.say("lease/A3 release")
    bench.drain()
    for (let round = 0; round < 6; round++) {
      for (const { record, job } of jobsIn(bench.yard))
        did(bench, `${record.kind}/${record.id}`, SUCCESS[job.task])
      timePasses(bench, 61_000)
      bench.drain()
    }
    expect(lease(bench, "B").to).toBe("active")
    expect([first?.id, second?.id]).toContain(resources(bench).find(({ to }) => to === "destroyed")?.id)
  })

  test("K-05: a crash after any command of a resource's release leaves no lease behind", () => {
    const bench = slowYard({ config: { leasesPerThing: 3 }, limit: 1 })
    const { id } = served(bench, "L1")
    for (const more of ["L2", "L3"]) served(bench, more)
    expect(only(resources(bench)).id).toBe(id)
    bench.say(`resource/${id} release`, {}, "op")
    for (let command = 0; command < 40; command++) {
      // Whatever was on its way is lost; who takes over sends what is due.
      bench.yard = Object.assign(bench.recovered(), { journal: bench.yard.journal })
      for (const { kind, id: target, verb, sender, body } of allDuties(bench.yard))
        bench.publish({ subject: `drydock.default.internal.${kind}.${target}.${verb}.${sender}`, body })
      bench.decideNext()
      for (const { record, job } of jobsIn(bench.yard).slice(0, 1))
        if (bench.backlog === 0) did(bench, `${record.kind}/${record.id}`, SUCCESS[job.task])
    }
    allIsWell(bench, 20)
    for (const name of ["L1", "L2", "L3"]) expect(lease(bench, name).to).toBe("destroyed")
    expect(only(resources(bench)).to).toBe("destroyed")
  })

  test("K-06: a resource is taken down only when its leases are cleaned up", () => {
    const bench = slowYard()
    const { id } = served(bench, "L")
    bench.say(`resource/${id} release`, {}, "op")
    bench.drain()
    expect(lease(bench, "L").context.job?.task).toBe("release")
    expect(only(resources(bench)).context.job).toBeNull()
    did(bench, "lease/L", "cleaned")
    expect(only(resources(bench)).context.job?.task).toBe("destroy")
  })

  test("K-07: releasing a host ends what was built on it first, and what is built on nothing is built no more", () => {
    const bench = new Workbench()
    pool(bench, 1)
    bench.say("blueprint/copies create", { type: "slow", config: { on: "host", leasesPerThing: 1 } }, "op")
    bench.drain()
    asked(bench, "L")
    const copy = resources(bench).find(({ context }) => context.blueprint === "copies")
    const base = lease(bench, copy?.context.base?.lease ?? "")
    expect(base).toMatchObject({ to: "active", context: { by: "blueprint/copies", carries: copy?.id } })
    allIsWellFor(bench, "L")
    const host = resources(bench).find(({ context }) => context.blueprint === "lab")
    bench.say(`resource/${host?.id} release`, { reason: "it is sold" }, "op")
    bench.drain()
    const seen = (id: string | undefined) => resources(bench).find((one) => one.id === id)?.to
    expect([lease(bench, "L").to, seen(copy?.id), lease(bench, base.id).to, seen(host?.id)]).toEqual([
      "released",
      "released",
      "active",
      "released",
    ])
    did(bench, "lease/L", "cleaned")
    expect(lease(bench, base.id).to).toBe("active")
    did(bench, `resource/${copy?.id}`, "destroyed")
    expect([seen(copy?.id), lease(bench, base.id).to, seen(host?.id)]).toEqual([
      "destroyed",
      "destroyed",
      "destroyed",
    ])
  })

  test("K-07: a resource whose ground is lost is lost with it, and its leases are told", () => {
    const bench = new Workbench()
    pool(bench, 1)
    bench.say("blueprint/copies create", { type: "slow", config: { on: "host" } }, "op")
    bench.drain()
    asked(bench, "L")
    allIsWellFor(bench, "L")
    const copy = resources(bench).find(({ context }) => context.blueprint === "copies")
    bench.say(`lease/${copy?.context.base?.lease} release`, {}, "op")
    bench.drain()
    expect(resources(bench).find(({ id }) => id === copy?.id)).toMatchObject({
      to: "broken",
      context: { reason: { code: "lost" } },
    })
    expect(lease(bench, "L")).toMatchObject({
      to: "released",
      context: { reason: { code: "resource-broken" } },
    })
  })

  test("K-10: a resource whose ground nobody can give suspends its blueprint instead of being built for ever", () => {
    const bench = slowYard({ config: { on: "moon" }, suspendAfter: 3, work: { firstDelay: "5s" } })
    asked(bench, "L")
    const before = bench.records.length
    for (let minute = 0; minute < 120; minute++) {
      for (const { record, job } of jobsIn(bench.yard))
        did(bench, `${record.kind}/${record.id}`, SUCCESS[job.task])
      timePasses(bench, 60_000)
      bench.drain()
    }
    expect(bench.records.length - before).toBeLessThan(60)
    expect(lease(bench, "L").to).toBe("pending")
    expect(explain(bench.yard, "L")?.summary).toContain("no blueprint provides moon")
  })

  test("K-08: what becomes of an active resource that is lost is told to its leases", () => {
    const bench = slowYard()
    const { id } = served(bench, "L")
    bench.publish({
      subject: `drydock.default.internal.resource.${id}.lost.worker-slow`,
      body: { message: "it does not answer" },
    })
    bench.drain()
    expect(lease(bench, "L").to).toBe("released")
    expect(lease(bench, "L").context.reason).toEqual({
      code: "resource-broken",
      message: "it does not answer",
    })
  })

  test("K-09: a blueprint whose policy throws serves nobody and breaks nobody", () => {
    const bench = slowYard({}, 2)
    bench.say("blueprint/s0 configure", { type: "slow", config: { fails: "plan" } }, "op")
    asked(bench, "L")
    for (let round = 0; round < 8; round++) {
      timePasses(bench, 5_000)
      bench.drain()
    }
    allIsWellFor(bench, "L")
    expect(lease(bench, "L").to).toBe("active")
    expect(
      resources(bench)
        .filter(({ to }) => to === "active")
        .map(({ context }) => context.blueprint),
    ).toEqual(["s1"])
    bench.say("blueprint/s0 configure", { type: "slow", config: { fails: "cannot" } }, "op")
    asked(bench, "M")
    allIsWellFor(bench, "M")
    expect(lease(bench, "M").to).toBe("active")
  })

  test("K-10: builds that fail come slower and slower, and then not at all", () => {
    const bench = slowYard({ work: { attempts: 1, firstDelay: "10s" }, suspendAfter: 4 })
    asked(bench, "L")
    const builds: number[] = []
    for (let second = 0; second < 600; second++) {
      for (const { record, job } of jobsIn(bench.yard)) {
        const key = `${record.kind}/${record.id}`
        if (job.task === "destroy") did(bench, key, "destroyed")
        else {
          builds.push(second)
          did(bench, key, "failed", { message: "no image", retryable: false })
        }
      }
      timePasses(bench, 1_000)
      bench.drain()
    }
    expect(builds).toHaveLength(4)
    const gaps = builds.slice(1).map((at, index) => at - (builds[index] ?? 0))
    expect(gaps[0]).toBeGreaterThanOrEqual(9)
    expect(gaps[1]).toBeGreaterThanOrEqual(19)
    expect(gaps[2]).toBeGreaterThanOrEqual(39)
    const blueprint = bench.yard.actors.get("blueprint/s0")?.record
    expect(blueprint?.kind === "blueprint" && blueprint.context.hopeless[0]?.message).toContain("no image")
    expect(explain(bench.yard, "L")?.summary).toContain("no image")
    // Somebody repairs it: the lease has waited, and is served.
    bench.say("blueprint/s0 enable", {}, "op")
    bench.drain()
    allIsWellFor(bench, "L")
    expect(lease(bench, "L").to).toBe("active")
  })

  test("K-11: what fails in passing is tried again, and then elsewhere; it breaks no lease", () => {
    const bench = slowYard({ work: { attempts: 2 } })
    asked(bench, "L")
    did(bench, `resource/${only(resources(bench)).id}`, "activated")
    for (let attempt = 1; attempt <= 2; attempt++) {
      expect(lease(bench, "L").context.job).toMatchObject({ task: "activate", attempt })
      did(bench, "lease/L", "failed", { message: "connection reset", retryable: true })
      timePasses(bench, 60_000)
      bench.drain()
    }
    expect(lease(bench, "L").context.job?.task).toBe("release")
    did(bench, "lease/L", "cleaned")
    expect(lease(bench, "L").to).toBe("pending")
    expect(lease(bench, "L").context.failures).toMatchObject([{ message: "connection reset" }])
    timePasses(bench, 5_000)
    bench.drain()
    allIsWellFor(bench, "L")
    expect(lease(bench, "L").to).toBe("active")
  })

  test("K-12: a resource that fails its leases is put into quarantine and chosen no more", () => {
    const bench = slowYard({ work: { attempts: 1 }, quarantineAfter: 2, limit: 1 })
    const { id } = served(bench, "first")
    bench.say("lease/first release")
    bench.drain()
    did(bench, "lease/first", "cleaned")
    for (const name of ["L1", "L2"]) {
      asked(bench, name)
      expect(lease(bench, name).context.resource).toBe(id)
      did(bench, `lease/${name}`, "failed", { message: "no space left", retryable: true })
      did(bench, `lease/${name}`, "cleaned")
    }
    const poisoned = resources(bench).find((one) => one.id === id)
    expect(poisoned?.context.quarantine).toMatchObject({ code: "fails-its-leases" })
    expect(poisoned?.context.quarantine?.message).toContain("no space left")
    timePasses(bench, 10_000)
    bench.drain()
    expect([lease(bench, "L1").to, lease(bench, "L2").to]).toEqual(["pending", "pending"])
    expect(explain(bench.yard, "L1")?.unblock.join()).toContain(`retry or abandon resource ${id}`)
    // An operator looks after it: it is chosen again, by the first in line.
    bench.say(`resource/${id} retry`, {}, "op")
    bench.drain()
    expect(lease(bench, "L1").context.resource).toBe(id)
  })

  test("K-12: one lease that fails everywhere is no reason to distrust the resources", () => {
    const bench = slowYard({ work: { attempts: 1, firstDelay: "1s" }, quarantineAfter: 2, limit: 2 })
    asked(bench, "POISON")
    for (let minute = 0; minute < 30; minute++) {
      for (const { record, job } of jobsIn(bench.yard)) {
        const key = `${record.kind}/${record.id}`
        if (job.task === "activate") did(bench, key, "failed", { message: "no such branch", retryable: true })
        else did(bench, key, SUCCESS[job.task])
      }
      timePasses(bench, 60_000)
      bench.drain()
    }
    for (const { context } of resources(bench)) expect(context.quarantine).toBeNull()
    expect(lease(bench, "POISON").context.failed).toBeGreaterThan(5)
    served(bench, "GOOD")
  })

  test("K-13: disabled for maintenance, busy, not yet approved: a lease waits, and is served afterwards", () => {
    const bench = slowYard({ access: "approval" })
    asked(bench, "L")
    expect(lease(bench, "L")).toMatchObject({ to: "pending", context: { waiting: { code: "unauthorized" } } })
    bench.say("blueprint/s0 disable", {}, "op")
    bench.say("blueprint/s0 authorize", { principal: "alice" }, "op")
    bench.drain()
    expect(lease(bench, "L")).toMatchObject({ to: "pending", context: { waiting: { code: "disabled" } } })
    bench.say("blueprint/s0 enable", {}, "op")
    bench.drain()
    allIsWellFor(bench, "L")
    expect(lease(bench, "L").to).toBe("active")
    // What can never be is told at once.
    asked(bench, "N", { type: "nonsense" })
    expect(lease(bench, "N").context.reason?.code).toBe("unsatisfiable")
  })

  test("K-14: a disabled binding or device gives nothing new and leaves what is held", () => {
    const bench = new Workbench()
    pool(bench, 1, {})
    asked(bench, "L1", { type: "host" })
    for (const [off, on] of [
      ["device/lab0 disable", "device/lab0 enable"],
      ["blueprint/lab disable", "blueprint/lab enable"],
    ] as const) {
      bench.say(off, {}, "op")
      asked(bench, `M-${off.split("/")[0]}`, { type: "host" })
      expect(lease(bench, `M-${off.split("/")[0]}`).to).toBe("pending")
      expect(lease(bench, "L1").to).toBe("active")
      bench.say(on, {}, "op")
      bench.drain()
      expect(lease(bench, `M-${off.split("/")[0]}`).to).toBe("active")
    }
  })

  test("K-15: an interface that is edited does not redirect a live lease", () => {
    const bench = new Workbench()
    pool(bench, 1)
    asked(bench, "L", { type: "host" })
    const before = only(resources(bench)).context.attributes
    bench.say("device/lab0 put", { interfaces: { eth0: { network: "net", address: "10.9.9.9" } } }, "op")
    bench.drain()
    expect(only(resources(bench)).context.attributes).toEqual(before)
    expect(lease(bench, "L").to).toBe("active")
  })

  test("K-17: a blueprint that shares a place with another knows that it is taken", () => {
    const bench = new Workbench()
    pool(bench, 1)
    bench.say("blueprint/second create", {
      type: "almanac-service-host",
      config: { services: ["labpool"], leasesPerHost: 1 },
    })
    asked(bench, "L1", { type: "host", blueprints: ["lab"] })
    const before = bench.records.length
    asked(bench, "L2", { type: "host", blueprints: ["second"] })
    timePasses(bench, 3_600_000)
    bench.drain()
    // Its request, the wish for the place, and that the wish is due: nothing is tried again and again.
    expect(bench.records.length - before).toBeLessThanOrEqual(4)
    expect(lease(bench, "L2").context.waiting?.code).toBe("reclaiming")
    // The idle resource of the first makes room for the second, when its immunity is over.
    bench.say("lease/L1 release")
    bench.drain()
    timePasses(bench, 180_000)
    bench.drain()
    expect(lease(bench, "L2").to).toBe("active")
  })

  test("K-20: whatever is lost between two effects is found again by who takes over", () => {
    const bench = slowYard({ limit: 1 })
    for (const id of ["L1", "L2", "L3"]) asked(bench, id)
    for (let round = 0; round < 60; round++) {
      bench.yard = Object.assign(bench.recovered(), { journal: bench.yard.journal })
      for (const { kind, id, verb, sender, body } of allDuties(bench.yard))
        bench.publish({ subject: `drydock.default.internal.${kind}.${id}.${verb}.${sender}`, body })
      bench.decideNext()
      const jobs = jobsIn(bench.yard)
      if (bench.backlog === 0)
        for (const { record, job } of jobs.slice(0, 1))
          did(bench, `${record.kind}/${record.id}`, SUCCESS[job.task])
      for (const id of ["L1", "L2", "L3"])
        if (lease(bench, id).to === "active") bench.say(`lease/${id} release`)
    }
    for (const id of ["L1", "L2", "L3"]) expect(lease(bench, id).to).toBe("destroyed")
  })

  test("K-21: commands that come during a long activation wait for nothing and fail for nothing", () => {
    const bench = slowYard()
    asked(bench, "L")
    const { id } = only(resources(bench))
    work(bench, `resource/${id}`, "started")
    expect(bench.say(`resource/${id} annotate`, { set: { ticket: "7" } }, "op").kind).toBe("recorded")
    expect(bench.say("lease/L renew", { ttl: "1h" }).kind).toBe("recorded")
    work(bench, `resource/${id}`, "activated")
    expect(only(resources(bench)).to).toBe("active")
  })

  test("K-22: a release during activation is honoured at once, and what runs is told to stop", () => {
    const bench = slowYard()
    asked(bench, "L")
    const { id } = only(resources(bench))
    did(bench, `resource/${id}`, "activated")
    work(bench, "lease/L", "started")
    bench.say("lease/L release")
    bench.drain()
    expect(lease(bench, "L")).toMatchObject({ to: "released", context: { job: { cancelled: true } } })
    work(bench, "lease/L", "stopped")
    expect(lease(bench, "L").context.job).toMatchObject({ task: "release", cancelled: false })
    did(bench, "lease/L", "cleaned")
    expect(lease(bench, "L").to).toBe("destroyed")
  })

  test("K-22: what stops for nobody is taken for dead, and only then is cleaned up", () => {
    const bench = slowYard({ work: { silence: "10s" } })
    asked(bench, "L")
    const { id } = only(resources(bench))
    work(bench, `resource/${id}`, "started")
    bench.say(`resource/${id} release`, {}, "op")
    bench.drain()
    const task = () => resources(bench).find((one) => one.id === id)?.context.job?.task
    timePasses(bench, 9_000)
    bench.drain()
    expect(task()).toBe("allocate")
    timePasses(bench, 2_000)
    bench.drain()
    expect(task()).toBe("destroy")
  })

  test("K-23: what cannot be taken down is put into quarantine: seen, held, and for an operator to decide", () => {
    const bench = slowYard({ limit: 1, work: { attempts: 2 } })
    const { id } = served(bench, "L")
    bench.say("lease/L release")
    bench.drain()
    did(bench, "lease/L", "cleaned")
    bench.say(`resource/${id} release`, {}, "op")
    bench.drain()
    for (let attempt = 0; attempt < 2; attempt++) {
      did(bench, `resource/${id}`, "failed", { message: "the provider is down", retryable: true })
      timePasses(bench, 600_000)
      bench.drain()
    }
    const stuck = only(resources(bench))
    expect(stuck).toMatchObject({
      to: "released",
      context: { quarantine: { code: "clean-up-failed" }, job: null },
    })
    expect(stuck.context.slots).not.toEqual([])
    asked(bench, "M")
    expect(lease(bench, "M").to).toBe("pending")
    expect(bench.say(`resource/${id} retry`, {}, "op").kind).toBe("recorded")
    did(bench, `resource/${id}`, "failed", { message: "still down", retryable: false })
    expect(only(resources(bench)).context.quarantine?.message).toBe("still down")
    expect(bench.say(`resource/${id} abandon`, { reason: "removed by hand" }, "op").kind).toBe("recorded")
    bench.drain()
    expect(resources(bench).find((one) => one.id === id)).toMatchObject({
      to: "destroyed",
      context: { slots: [], reason: { code: "abandoned", message: "removed by hand" } },
    })
    allIsWellFor(bench, "M")
    expect(lease(bench, "M").to).toBe("active")
  })

  test("K-24: a lease ends when its time does, and says so before", () => {
    const bench = slowYard({ maxDuration: "10m", warnBefore: "1m" })
    served(bench, "L", { ttl: "1h" })
    const { until } = lease(bench, "L").context
    expect(Date.parse(until ?? "") - Date.parse(lease(bench, "L").context.activatedAt ?? "")).toBe(600_000)
    expect(bench.say("lease/L renew", { ttl: "2h" })).toMatchObject({
      kind: "rejected",
      rejection: { code: "over-limit" },
    })
    timePasses(bench, 9.5 * 60_000)
    bench.drain()
    expect(lease(bench, "L").event).toMatchObject({ type: "expire", body: { timer: "warn" } })
    expect(lease(bench, "L").to).toBe("active")
    timePasses(bench, 60_000)
    bench.drain()
    expect(lease(bench, "L")).toMatchObject({ to: "released", context: { reason: { code: "expired" } } })
  })

  test("K-26: a lease is given to nobody else before the work of its last holder's set-up is dead", () => {
    const bench = slowYard({ limit: 1 })
    asked(bench, "L1")
    const { id } = only(resources(bench))
    did(bench, `resource/${id}`, "activated")
    work(bench, "lease/L1", "started")
    asked(bench, "L2")
    bench.say("lease/L1 release")
    bench.drain()
    expect(lease(bench, "L2").to).toBe("pending")
    work(bench, "lease/L1", "stopped")
    expect(lease(bench, "L2").to).toBe("pending")
    did(bench, "lease/L1", "cleaned")
    expect(lease(bench, "L2")).toMatchObject({ to: "acquired", context: { resource: id } })
  })
})

describe("throughput and fairness", () => {
  test("P-01: who waits costs nothing, and a release wakes exactly the first", () => {
    const bench = slowYard({ limit: 1 })
    served(bench, "L0")
    for (let n = 1; n <= 20; n++) asked(bench, `L${n}`)
    const before = bench.commands.length
    timePasses(bench, 3_600_000)
    bench.drain()
    expect(bench.commands.length).toBe(before)
    const records = bench.records.length
    bench.say("lease/L0 release")
    bench.drain()
    did(bench, "lease/L0", "cleaned")
    const woken = bench.records
      .slice(records)
      .flatMap(({ record }) => record.sends)
      .filter(({ verb, kind }) => verb === "wake" && kind === "lease")
    expect(woken.map(({ id }) => id)).toEqual(["L1"])
  })

  test("P-02: nobody starves: a lease that needs another's room gets it although the room is kept busy", () => {
    const bench = slowYard({ limit: 1, immunity: "1m" })
    served(bench, "A0", { attributes: { kind: "a" } })
    asked(bench, "B", { attributes: { kind: "b" } })
    let holder = "A0"
    for (let n = 1; n < 40 && lease(bench, "B").to !== "active"; n++) {
      asked(bench, `A${n}`, { attributes: { kind: "a" } })
      if (lease(bench, holder).to === "active") {
        bench.say(`lease/${holder} release`)
        bench.drain()
      }
      for (const { record, job } of jobsIn(bench.yard))
        did(bench, `${record.kind}/${record.id}`, SUCCESS[job.task])
      bench.drain()
      const next = [...bench.yard.actors.values()].find(
        ({ record }) => record.kind === "lease" && (record.to === "active" || record.to === "acquired"),
      )
      holder = next?.record.id ?? holder
      timePasses(bench, 20_000)
      bench.drain()
    }
    expect(lease(bench, "B").to).toBe("active")
  })

  test("P-03: who loses one place takes the next in the same step", () => {
    const bench = new Workbench()
    pool(bench, 2)
    for (const id of ["L1", "L2"])
      bench.publish({ subject: `drydock.default.command.lease.${id}.request.alice`, body: { type: "host" } })
    bench.drain()
    for (const id of ["L1", "L2"]) expect(lease(bench, id).to).toBe("active")
    expect(lease(bench, "L1").context.resource).not.toBe(lease(bench, "L2").context.resource)
  })

  test("P-05: one order of requests for everybody, whoever builds for whom", () => {
    const bench = slowYard({ limit: 1 })
    const order: string[] = []
    bench.after = (verdict) => {
      if (verdict.kind === "recorded" && verdict.record.path.includes("acquired"))
        order.push(verdict.record.id)
    }
    const ids = Array.from({ length: 8 }, (_, n) => `L${n}`)
    for (const id of ids) asked(bench, id)
    for (let round = 0; round < 60; round++) {
      for (const { record, job } of jobsIn(bench.yard))
        did(bench, `${record.kind}/${record.id}`, SUCCESS[job.task])
      for (const id of ids) if (lease(bench, id).to === "active") bench.say(`lease/${id} release`)
      bench.drain()
    }
    expect(order).toEqual(ids)
  })

  test("P-07: the victim of a reclaim is the one that was used least recently, and its room helps", () => {
    const bench = slowYard({ limit: 3, immunity: "1s" })
    for (const id of ["A1", "A2", "A3"]) served(bench, id, { attributes: { kind: "a" } })
    const built = resources(bench).map(({ id }) => id)
    for (const id of ["A2", "A1", "A3"]) {
      bench.say(`lease/${id} release`)
      bench.drain()
      did(bench, `lease/${id}`, "cleaned")
      timePasses(bench, 5_000)
    }
    const second = bench.records
      .map(({ record }) => record)
      .find(
        (record): record is LeaseRecord =>
          record.kind === "lease" && record.id === "A2" && record.to === "active",
      )?.context.resource
    asked(bench, "B", { attributes: { kind: "b" } })
    expect(built).toContain(second)
    expect(
      resources(bench)
        .filter(({ to }) => to !== "active")
        .map(({ id }) => id),
    ).toContain(second)
    expect(resources(bench).filter(({ context }) => context.reason?.code === "reclaimed")).toHaveLength(1)
  })
})

test("a yard that was read back knows all of this as well", () => {
  const bench = slowYard({ limit: 2, access: "approval", immunity: "1s" }, 2)
  asked(bench, "L1")
  bench.say("blueprint/s0 authorize", { principal: "alice" }, "op")
  bench.drain()
  allIsWellFor(bench, "L1")
  expect(portrait(bench.recovered())).toEqual(portrait(bench.yard))
})

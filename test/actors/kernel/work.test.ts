// Properties of everything that takes time: jobs, failures, reclaim, quarantine, approval, drain. Workers behave well
// and badly, people release whatever they like at any moment, timers come late.
// More runs: DRYDOCK_RUNS=2000 npx vitest run test/actors/kernel/work.test.ts

import fc from "fast-check"
import { expect, test } from "vitest"
import { allDuties, step } from "../../../src/actors/kernel/index.js"
import { allIsWell, BEHAVIOURS, type Behaviour, Crew, jobsIn, timePasses } from "./crew.js"
import { portrait } from "./portrait.js"
import { emptyYard, type Spoken, Workbench } from "./workbench.js"

const numRuns = Number(process.env.DRYDOCK_RUNS ?? 100)

type Happening =
  | { readonly speak: Spoken }
  | { readonly decide: number }
  | { readonly work: Behaviour; readonly nth: number }
  | { readonly passes: number }
  | { readonly about: string; readonly verb: string; readonly nth: number }

const LIMIT = 3
const WELL: readonly Behaviour[] = ["begin and succeed", "begin and succeed", "start", "fail"]

function said(kind: string, id: string, verb: string, body: object, by = "alice"): Happening {
  return { speak: { subject: `drydock.default.command.${kind}.${id}.${verb}.${by}`, body } }
}

const lease = fc.integer({ min: 0, max: 9 }).map((n) => `L${n}`)
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        id: lease,
        kind: fc.constantFrom(undefined, "a", "b"),
        ttl: fc.constantFrom(undefined, undefined, "30s", "10m"),
        by: fc.constantFrom("alice", "bob", "carol"),
        blueprints: fc.constantFrom(undefined, undefined, ["s0"], ["s1", "s0"], ["s2"]),
      })
      .map(({ id, kind, ttl, by, blueprints }) =>
        said(
          "lease",
          id,
          "request",
          JSON.parse(
            JSON.stringify({
              type: "thing",
              ttl,
              blueprints,
              attributes: kind === undefined ? {} : { kind },
            }),
          ),
          by,
        ),
      ),
  },
  { weight: 4, arbitrary: lease.map((id) => said("lease", id, "release", {})) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom("retry", "abandon")
      .chain((verb) => lease.map((id) => said("lease", id, verb, {}))),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      about: fc.constant("resource"),
      verb: fc.constantFrom("release", "reclaim", "drain", "retry", "abandon"),
      nth: fc.nat(20),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      said("blueprint", "s0", "disable", {}),
      said("blueprint", "s0", "enable", {}),
      said("blueprint", "s0", "enable", {}),
      said("blueprint", "s1", "enable", {}),
      said("blueprint", "s1", "authorize", { principal: "bob" }),
      said("blueprint", "s1", "decline", { principal: "bob" }),
      said("blueprint", "s1", "authorize", { principal: "alice" }),
      said("blueprint", "s0", "configure", {
        type: "slow",
        config: { leasesPerThing: 1 },
        limit: 1,
        idle: "5m",
      }),
      said("blueprint", "s0", "configure", { type: "slow", config: { kinds: ["a"] }, limit: LIMIT }),
      said("blueprint", "s1", "configure", {
        type: "slow",
        config: { fails: "cannot" },
        limit: LIMIT,
        access: "approval",
      }),
      said("blueprint", "s1", "configure", {
        type: "slow",
        config: { fails: "plan" },
        limit: LIMIT,
        access: "approval",
      }),
      said("blueprint", "s1", "configure", {
        type: "slow",
        config: {},
        limit: LIMIT,
        immunity: "10s",
        access: "approval",
      }),
    ),
  },
  {
    weight: 24,
    arbitrary: fc.record({
      work: fc.constantFrom<Behaviour>(...BEHAVIOURS, ...WELL, ...WELL),
      nth: fc.nat(9),
    }),
  },
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 24 }).map((decide) => ({ decide })) },
  { weight: 3, arbitrary: fc.constantFrom(500, 5_000, 30_000, 240_000).map((passes) => ({ passes })) },
)
const happenings = fc.array(happening, { minLength: 1, maxLength: 160, size: "max" })

const blueprints: readonly Happening[] = [
  said("blueprint", "s0", "create", {
    type: "slow",
    config: { leasesPerThing: 2 },
    limit: 2,
    suspendAfter: 3,
    quarantineAfter: 2,
    work: { attempts: 2 },
  }),
  said("blueprint", "s1", "create", {
    type: "slow",
    config: { leasesPerThing: 1 },
    limit: LIMIT,
    access: "approval",
    resourceTtl: "1h",
    maxDuration: "2h",
  }),
]

const grounds: readonly Happening[] = [
  ...["d0", "d1"].map((id) =>
    said("device", id, "put", { interfaces: { eth0: { network: "net", address: "10.0.0.1" } } }),
  ),
  said("service", "pool", "put", {
    type: "drydock.pool",
    bindings: { x: { device: "d0", interface: "eth0" }, y: { device: "d1", interface: "eth0" } },
  }),
  said("blueprint", "hosts", "create", {
    type: "almanac-service-host",
    config: { services: ["pool"], leasesPerHost: 1 },
  }),
  said("blueprint", "s2", "create", { type: "slow", config: { on: "host" }, work: { attempts: 2 } }),
]

interface Played {
  readonly bench: Workbench
  readonly crew: Crew
}

function play(all: readonly Happening[], { bench, crew }: Played, between: () => void = () => {}): void {
  const before = bench.after
  bench.after = (verdict) => {
    crew.watch(verdict)
    before(verdict)
  }
  for (const one of [...grounds, ...blueprints, ...all]) {
    happen(one, { bench, crew })
    between()
  }
}

function happen(one: Happening, { bench, crew }: Played): void {
  if ("speak" in one) bench.publish(one.speak)
  else if ("decide" in one) for (let n = 0; n < one.decide; n++) bench.decideNext()
  else if ("work" in one) crew.act(one.nth, one.work)
  else if ("passes" in one) timePasses(bench, one.passes)
  else {
    const ids = [...bench.yard.actors.keys()].filter((key) => key.startsWith(`${one.about}/`)).sort()
    const id = ids[one.nth % Math.max(1, ids.length)]?.split("/")[1]
    if (id === undefined) return
    bench.publish({ subject: `drydock.default.command.${one.about}.${id}.${one.verb}.op`, body: {} })
  }
}

function stage(): Played {
  const bench = new Workbench()
  return { bench, crew: new Crew(bench) }
}

function property(name: string, check: (all: Happening[]) => void): void {
  test(name, () => fc.assert(fc.property(happenings, check), { numRuns, endOnFailure: true }), 600_000)
}

property("the step is total and deterministic whatever workers say", (all) => {
  const played = stage()
  played.bench.after = (verdict) => {
    if (verdict.kind === "rejected" && verdict.fault !== undefined) throw verdict.fault
  }
  play(all, played)
  played.bench.drain()
  const again = emptyYard()
  played.bench.commands.forEach((command, index) => {
    expect(step(again, command)).toEqual(played.bench.verdicts[index])
  })
})

property("a yard read back from its records is the yard that never stopped, after every happening", (all) => {
  const played = stage()
  const { bench } = played
  play(all, played, () => expect(portrait(bench.recovered())).toEqual(portrait(bench.yard)))
})

property("once follow-ups are drained nothing is due and nobody is entitled", (all) => {
  const played = stage()
  play(all, played)
  played.bench.drain()
  expect(allDuties(played.bench.yard)).toEqual([])
  for (const pool of played.bench.yard.pools.values()) expect([...pool.entitled.keys()]).toEqual([])
})

property("one attempt at a time, and whoever is told that it is destroyed was taken down", (all) => {
  const played = stage()
  const { bench, crew } = played
  bench.after = (verdict) => {
    if (verdict.kind !== "recorded" || verdict.record.kind !== "resource") return
    if (verdict.record.to === "destroyed") expect([...crew.inventory]).not.toContain(verdict.record.id)
  }
  play(all, played)
  allIsWell(bench)
})

property("a blueprint never has more resources than its limit allowed when they were ordered", (all) => {
  const played = stage()
  const { bench } = played
  bench.after = (verdict) => {
    if (verdict.kind !== "recorded" || verdict.record.event.type !== "allocate") return
    if (verdict.record.kind !== "resource" || verdict.record.to === "broken") return
    const { blueprint } = verdict.record.context
    const room = bench.yard.rooms.get(blueprint)
    expect(bench.yard.resourcesOf.get(blueprint)?.size ?? 0).toBeLessThanOrEqual(room?.limit ?? 0)
  }
  play(all, played)
  bench.drain()
})

property("a resource is destroyed only after its leases, and no slot outlives its holder", (all) => {
  const played = stage()
  const { bench } = played
  bench.after = (verdict) => {
    if (verdict.kind !== "recorded") return
    for (const [, { record }] of bench.yard.actors) {
      if (record.kind === "resource" && record.to === "destroyed")
        expect([...(bench.yard.leasesOn.get(record.id) ?? [])]).toEqual([])
      if (record.kind !== "lease" && record.kind !== "resource") continue
      if (record.to === "destroyed") expect(record.context.slots).toEqual([])
      for (const slot of record.context.slots)
        expect(bench.yard.slots.get(slot)).toBe(`${record.kind}/${record.id}`)
    }
  }
  play(all, played)
  bench.drain()
})

property(
  "when workers do well again and operators clear up, every lease is served or knows why not",
  (all) => {
    const played = stage()
    const { bench } = played
    play(all, played)
    bench.drain()
    for (const id of ["s0", "s1"]) {
      bench.say(
        `blueprint/${id} configure`,
        { type: "slow", config: { leasesPerThing: 1 }, limit: LIMIT },
        "op",
      )
      bench.say(`blueprint/${id} enable`, {}, "op")
    }
    for (const principal of ["alice", "bob", "carol"])
      bench.say("blueprint/s1 authorize", { principal }, "op")
    allIsWell(bench)
    for (const [key, { record }] of [...bench.yard.actors])
      if ((record.kind === "lease" || record.kind === "resource") && record.context.quarantine !== null)
        bench.say(`${key} retry`, {}, "op")
    allIsWell(bench)
    expect(jobsIn(bench.yard)).toEqual([])
    // Whoever holds lets go, until everybody was served.
    for (let round = 0; round < 40; round++) {
      const held = [...bench.yard.actors].filter(
        ([, { record }]) => record.kind === "lease" && record.to === "active",
      )
      if (held.length === 0) break
      for (const [key] of held) bench.say(`${key} release`, {}, "op")
      allIsWell(bench)
    }
    const left = [...bench.yard.actors].filter(
      ([, { record }]) => record.kind === "lease" && record.to !== "destroyed",
    )
    expect(
      left.map(([key, { record }]) => [key, record.to, record.kind === "lease" && record.context.waiting]),
    ).toEqual([])
  },
)

property("nobody is overtaken by a later lease that asks for the same", (all) => {
  const played = stage()
  const { bench } = played
  bench.after = (verdict) => {
    if (verdict.kind !== "recorded" || verdict.record.kind !== "lease") return
    const { record } = verdict
    if (!record.path.includes("acquired")) return
    const pool = bench.yard.pools.get(record.context.type)
    for (const [id] of pool?.waiters ?? []) {
      const other = bench.yard.actors.get(`lease/${id}`)?.record
      if (other?.kind !== "lease" || other.context.order > record.context.order) continue
      // Whoever has a resource of his own on its way waits for it; others may share meanwhile what is in use.
      if (other.context.build !== null) continue
      const isAlike = (["type", "by", "attributes", "blueprints"] as const).every(
        (name) => JSON.stringify(other.context[name]) === JSON.stringify(record.context[name]),
      )
      if (isAlike) expect([...(pool?.entitled.keys() ?? [])], `${id} before ${record.id}`).toContain(id)
    }
  }
  play(all, played)
  bench.drain()
})

test("N leases for slow things have N built, whichever is ready first", () => {
  const bench = new Workbench()
  bench.say("blueprint/s create", { type: "slow", config: { leasesPerThing: 1 } }, "op")
  for (let n = 0; n < 10; n++) bench.say(`lease/L${n} request`, { type: "thing" })
  bench.drain()
  for (let round = 0; round < 60; round++) {
    // The last that was begun is ready first.
    const last = jobsIn(bench.yard).at(-1)
    if (last === undefined) break
    const { record, job } = last
    for (const verb of [
      "started",
      job.task === "allocate" || job.task === "activate" ? "activated" : "cleaned",
    ])
      bench.publish({
        subject: `drydock.default.internal.${record.kind}.${record.id}.${verb}.worker-slow`,
        body: { job: job.id, attempt: job.attempt, worker: "w" },
      })
    bench.drain()
  }
  const records = [...bench.yard.actors.values()].map(({ record }) => record)
  expect(records.filter(({ kind, to }) => kind === "lease" && to === "active")).toHaveLength(10)
  expect(records.filter(({ kind }) => kind === "resource")).toHaveLength(10)
})

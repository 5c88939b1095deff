// Rule 7, and issue 3 "Shown by" 5: a yard that was read back and one that never stopped decide alike while what has
// ended is forgotten. Retention is tiny here, so that ids come back all the time; that nothing else changes is shown by
// a yard that hears the same and forgets nothing.
// More runs: DRYDOCK_RUNS=2000 npx vitest run test/actors/kernel/forgetting.test.ts

import fc from "fast-check"
import { expect, test } from "vitest"
import { countForgettable, recordOf } from "../../../src/actors/kernel/index.js"
import { LIMITS } from "../../../src/machines/limits.js"
import { type Happening, happenings, workingAlmanac } from "./arbitrary.js"
import { timePasses } from "./crew.js"
import { portrait } from "./portrait.js"
import { pool, Workbench } from "./workbench.js"

const numRuns = Number(process.env.DRYDOCK_RUNS ?? 100)

type Moment = Happening | { readonly passes: number } | { readonly retention: string }

const moments: fc.Arbitrary<Moment[]> = fc
  .tuple(
    happenings,
    fc.array(
      fc.tuple(
        fc.nat(1_000),
        fc.oneof(
          {
            weight: 6,
            arbitrary: fc.constantFrom(500, 5_000, 61_000, 200_000).map((passes) => ({ passes })),
          },
          {
            weight: 1,
            arbitrary: fc.constantFrom("1ms", "1s", "90s", "1d").map((retention) => ({ retention })),
          },
        ),
      ),
      { maxLength: 30, size: "max" },
    ),
  )
  .map(([all, others]) => {
    const mixed: Moment[] = [...all]
    for (const [at, other] of others) mixed.splice(at % (mixed.length + 1), 0, other)
    return mixed
  })

const YARD = "yard.default"

function takenOver(bench: Workbench, retention = "1s"): void {
  bench.publish({
    subject: `drydock.default.internal.${YARD}.take-over.system`,
    body: { host: "h", generation: 1 },
  })
  bench.publish({ subject: `drydock.default.command.${YARD}.configure.op`, body: { retention } })
  bench.decideNext()
  bench.decideNext()
}

function play(bench: Workbench, all: readonly Moment[], between: () => void = () => {}): void {
  takenOver(bench)
  for (const speak of workingAlmanac) bench.publish(speak)
  for (const moment of all) {
    if ("speak" in moment) bench.publish(moment.speak)
    else if ("decide" in moment) for (let n = 0; n < moment.decide; n++) bench.decideNext()
    else if ("passes" in moment) timePasses(bench, moment.passes)
    else
      bench.publish({
        subject: `drydock.default.command.${YARD}.configure.op`,
        body: { retention: moment.retention },
      })
    between()
  }
  bench.drain()
}

function property(name: string, check: (all: Moment[]) => void): void {
  test(name, () => fc.assert(fc.property(moments, check), { numRuns }), 600_000)
}

property("a yard read back is the yard that never stopped, after every happening", (all) => {
  const bench = new Workbench()
  play(bench, all, () => expect(portrait(bench.recovered())).toEqual(portrait(bench.yard)))
  expect(portrait(bench.recovered())).toEqual(portrait(bench.yard))
})

property(
  "a yard that is read back after every k-th command decides on like one that never stopped",
  (all) => {
    const steady = new Workbench()
    play(steady, all)
    for (const every of [1, 4]) {
      const shaky = new Workbench()
      let decided = 0
      shaky.after = () => {
        if (++decided % every !== 0) return
        const yard = shaky.recovered()
        yard.journal = shaky.yard.journal
        shaky.yard = yard
      }
      play(shaky, all)
      expect(shaky.records).toEqual(steady.records)
    }
  },
)

property(
  "only what has ended for as long as the retention is forgotten, and a new life begins at 1",
  (all) => {
    const bench = new Workbench()
    const last = new Map<string, { rev: number; to: string; seq: number; at: string }>()
    bench.after = (verdict) => {
      if (verdict.kind === "rejected" && verdict.fault !== undefined) throw verdict.fault
      if (verdict.kind !== "recorded") return
      const { record, seq } = verdict
      if (record.kind === "yard" && record.event.type === "expire") {
        expect(record.context.forgets.length).toBeLessThanOrEqual(LIMITS.forgottenPerSweep)
        for (const { kind, id, seq: theirs } of record.context.forgets) {
          const gone = last.get(`${kind}/${id}`)
          expect(gone).toMatchObject({ seq: theirs })
          expect(["destroyed", "removed"]).toContain(gone?.to)
          expect(Date.parse(gone?.at ?? "") + retentionMs(record.context.retention)).toBeLessThanOrEqual(
            Date.parse(record.at),
          )
          last.delete(`${kind}/${id}`)
          expect(bench.yard.actors.has(`${kind}/${id}`)).toBe(false)
        }
      }
      expect(record.rev).toBe((last.get(verdict.actor)?.rev ?? 0) + 1)
      last.set(verdict.actor, { rev: record.rev, to: record.to, seq, at: record.at })
    }
    play(bench, all)
  },
)

property(
  "forgetting changes nothing but what is gone: rooms, queues, duties and last uses stay as they were",
  (all) => {
    const bench = new Workbench()
    let before: object | undefined
    bench.after = (verdict) => {
      if (before !== undefined && verdict.kind === "recorded") expect(decisive(bench)).toEqual(before)
      const next = bench.commands[bench.verdicts.length]?.subject
      before = next?.includes(`${YARD}.expire`) ? decisive(bench) : undefined
    }
    play(bench, all)
  },
)

/** What decisions look at, but for the records themselves. */
function decisive(bench: Workbench): object {
  const { actors, ended, cursor, lastAtMs, lastUsed, ...others } = portrait(bench.yard) as {
    [part: string]: object
  }
  const living = [...bench.yard.lastUsed].filter(
    ([id]) => (recordOf(bench.yard, "resource", id)?.to ?? "destroyed") !== "destroyed",
  )
  return { ...others, lastUsed: living.sort() }
}

test("what waits longest to be forgotten goes first, 1,000 at a time, and the rest at once after", () => {
  const bench = new Workbench()
  takenOver(bench, "1h")
  for (let n = 0; n < 1_200; n++) {
    bench.publish({
      subject: `drydock.default.command.network.n${n}.put.op`,
      body: {},
    })
    bench.publish({ subject: `drydock.default.command.network.n${n}.remove.op`, body: {} })
  }
  bench.drain()
  timePasses(bench, 2 * 3_600_000)
  bench.drain()
  const first = recordOf(bench.yard, "yard", "default")
  expect(first?.context.forgets).toHaveLength(1_000)
  expect(first?.context.forgets[0]).toMatchObject({ kind: "network", id: "n0" })
  expect(first?.timers).toEqual([{ id: "sweep", at: first?.at }])
  expect(JSON.stringify(first).length).toBeLessThan(LIMITS.recordBytes)
  timePasses(bench, 0)
  bench.drain()
  const second = recordOf(bench.yard, "yard", "default")
  expect(second?.context.forgets).toHaveLength(200)
  expect(second?.context.sweepAt).toBe(new Date(bench.yard.lastAtMs + 3_600_000).toISOString())
  expect(bench.yard.actors.size).toBe(1)
})

test("the last lease on a resource that lives is remembered, however old", () => {
  const bench = new Workbench()
  takenOver(bench, "1s")
  pool(bench, 1)
  for (const id of ["L1", "L2"]) {
    bench.say(`lease/${id} request`, { type: "host" })
    bench.drain()
    bench.say(`lease/${id} release`)
    bench.drain()
  }
  timePasses(bench, 120_000)
  bench.drain()
  expect(recordOf(bench.yard, "lease", "L1")).toBeUndefined()
  const resource = recordOf(bench.yard, "lease", "L2")?.context.resource ?? ""
  expect(bench.yard.lastUsed.get(resource)?.key).toBe("lease/L2")
  bench.say(`resource/${resource} release`)
  bench.drain()
  timePasses(bench, 120_000)
  bench.drain()
  expect(recordOf(bench.yard, "lease", "L2")).toBeUndefined()
  expect(recordOf(bench.yard, "resource", resource)).toBeUndefined()
  expect(bench.yard.lastUsed.size).toBe(0)
})

test("a request under a forgotten id is a new request; other verbs do not know it any more", () => {
  const bench = new Workbench()
  takenOver(bench, "1s")
  bench.say("lease/L1 request", { type: "nonsense" })
  bench.drain()
  expect(bench.say("lease/L1 request", { type: "host" })).toMatchObject({
    kind: "rejected",
    rejection: { code: "already-exists" },
  })
  timePasses(bench, 120_000)
  bench.drain()
  expect(bench.say("lease/L1 release")).toMatchObject({
    kind: "rejected",
    rejection: { code: "unknown-actor" },
  })
  expect(bench.say("lease/L1 request", { type: "nonsense", ttl: "1m" })).toMatchObject({
    kind: "recorded",
    record: { rev: 1, from: null },
  })
})

test("less is remembered from the moment that the retention is lowered, more from the moment that it is raised", () => {
  const bench = new Workbench()
  takenOver(bench, "7d")
  bench.say("network/n put", {}, "op")
  bench.say("network/n remove", {}, "op")
  bench.wait(60_000)
  expect(countForgettable(bench.yard, 3_600_000, bench.nowMs)).toBe(0)
  expect(countForgettable(bench.yard, 60_000, bench.nowMs)).toBe(1)
  expect(bench.say("yard/default configure", { retention: "7d" })).toMatchObject({ kind: "repeated" })
  expect(bench.say("yard/default configure", { retention: "0s" })).toMatchObject({
    rejection: { code: "invalid" },
  })
  bench.say("yard/default configure", { retention: "1m" })
  timePasses(bench, 0)
  bench.say("yard/default configure", { retention: "30d" })
  expect(recordOf(bench.yard, "network", "n")).toBeUndefined()
  bench.say("network/n put", {}, "op")
  bench.say("network/n remove", {}, "op")
  timePasses(bench, 29 * 86_400_000)
  bench.drain()
  expect(recordOf(bench.yard, "network", "n")).toBeDefined()
})

function retentionMs(text: string): number {
  return { "1ms": 1, "1s": 1_000, "90s": 90_000, "1d": 86_400_000, "7d": 604_800_000 }[text] ?? Number.NaN
}

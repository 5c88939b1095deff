// "Shown by" 7: the step is total and deterministic, never leaves two holders of a slot; when follow-ups are drained
// nobody is entitled; nobody is overtaken; a yard read back from its records goes on like one that never stopped.
// More runs: DRYDOCK_RUNS=5000 npx vitest run test/actors/kernel/properties.test.ts

import fc from "fast-check"
import { expect, test } from "vitest"
import { allDuties, step, type Verdict } from "../../../src/actors/kernel/index.js"
import type { LeaseRecord } from "../../../src/machines/record.js"
import { type Happening, happenings, workingAlmanac } from "./arbitrary.js"
import { entitledBy } from "./oracle.js"
import { portrait } from "./portrait.js"
import { emptyYard, Workbench } from "./workbench.js"

const numRuns = Number(process.env.DRYDOCK_RUNS ?? 150)

function play(bench: Workbench, all: readonly Happening[], between: () => void = () => {}): void {
  for (const speak of workingAlmanac) bench.publish(speak)
  for (const happening of all) {
    if ("speak" in happening) bench.publish(happening.speak)
    else for (let n = 0; n < happening.decide; n++) bench.decideNext()
    between()
  }
  bench.drain()
}

function property(name: string, check: (all: Happening[]) => void): void {
  test(name, () => fc.assert(fc.property(happenings, check), { numRuns }), 600_000)
}

property("the step is total: nothing that comes in makes it throw", (all) => {
  const bench = new Workbench()
  bench.after = (verdict) => {
    if (verdict.kind === "rejected" && verdict.fault !== undefined) throw verdict.fault
    if (verdict.kind === "rejected") expect(verdict.rejection.code).not.toBe("internal")
  }
  play(bench, all)
})

property("the step is deterministic: the same commands give the same verdicts", (all) => {
  const bench = new Workbench()
  play(bench, all)
  const again = emptyYard()
  bench.commands.forEach((command, index) => {
    expect(step(again, command)).toEqual(bench.verdicts[index])
  })
})

property("a slot never has two holders, and a resource never more leases than its slots", (all) => {
  const bench = new Workbench()
  bench.after = (verdict) => {
    if (verdict.kind !== "recorded") return
    const holders = new Map<string, string>()
    for (const [key, { record }] of bench.yard.actors) {
      if (record.kind !== "lease" && record.kind !== "resource") continue
      for (const slot of record.context.slots) {
        expect(holders.get(slot), `holders of ${slot}`).toBeUndefined()
        holders.set(slot, key)
      }
    }
    expect(new Map([...bench.yard.slots].sort())).toEqual(new Map([...holders].sort()))
  }
  play(bench, all)
})

property("entitlement by the indexes is entitlement by the plain rule, after every record", (all) => {
  const bench = new Workbench()
  bench.after = (verdict) => {
    if (verdict.kind !== "recorded") return
    const entitled = [...(bench.yard.pools.get("host")?.entitled ?? [])].map(
      ([lease, place]) => [lease, place.kind === "grant" ? place.resource : place.site] as const,
    )
    expect(entitled).toEqual([...entitledBy(bench.yard, "host")])
  }
  play(bench, all)
})

property(
  "nobody barges: only the entitled are granted, and no grant takes from those who asked before",
  (all) => {
    const bench = new Workbench()
    let before = new Map<string, string>()
    const order = (id: string) => {
      const record = bench.yard.actors.get(`lease/${id}`)?.record
      return record?.kind === "lease" ? record.context.order : Number.POSITIVE_INFINITY
    }
    bench.after = (verdict) => {
      const after = entitledBy(bench.yard, "host")
      const granted = grantOf(verdict)
      if (granted !== undefined) {
        const mine = granted.context.order
        if (granted.rev > 1) expect([...before.keys()]).toContain(granted.id)
        for (const id of before.keys())
          if (id !== granted.id && order(id) < mine) expect([...after.keys()]).toContain(id)
      }
      before = after
    }
    play(bench, all)
  },
)

property("once follow-ups are drained nothing is due and nobody is entitled, after every prefix", (all) => {
  for (const length of [Math.floor(all.length / 3), Math.floor((2 * all.length) / 3), all.length]) {
    const bench = new Workbench()
    play(bench, all.slice(0, length))
    expect(allDuties(bench.yard)).toEqual([])
    expect([...entitledBy(bench.yard, "host").keys()]).toEqual([])
  }
})

property("revisions have no gaps, tokens strictly grow, a record orders at most 64 follow-ups", (all) => {
  const bench = new Workbench()
  const revs = new Map<string, number>()
  let token = 0
  let journal = 0
  bench.after = (verdict) => {
    if (verdict.kind !== "recorded") return
    const { record, seq } = verdict
    expect(seq).toBe(++journal)
    expect(record.rev).toBe((revs.get(verdict.actor) ?? 0) + 1)
    revs.set(verdict.actor, record.rev)
    expect(record.sends.length).toBeLessThanOrEqual(64)
    const granted = grantOf(verdict)
    if (granted === undefined) return
    expect(granted.context.token).toBeGreaterThan(token)
    token = granted.context.token ?? 0
  }
  play(bench, all)
})

property("a yard read back from its records is the yard that never stopped, after every happening", (all) => {
  const bench = new Workbench()
  play(bench, all, () => expect(portrait(bench.recovered())).toEqual(portrait(bench.yard)))
  expect(portrait(bench.recovered())).toEqual(portrait(bench.yard))
})

property(
  "a yard that is read back after every k-th command decides on like one that never stopped",
  (all) => {
    const steady = new Workbench()
    play(steady, all)
    for (const every of [1, 3, 7]) {
      const shaky = new Workbench()
      let decided = 0
      shaky.after = () => {
        if (++decided % every === 0) shaky.yard = readBack(shaky)
      }
      play(shaky, all)
      expect(shaky.records).toEqual(steady.records)
    }
  },
)

/** The journal's last sequence is known besides the records: it is the stream's. */
function readBack(bench: Workbench) {
  const yard = bench.recovered()
  yard.journal = bench.yard.journal
  return yard
}

function grantOf(verdict: Verdict): LeaseRecord | undefined {
  if (verdict.kind !== "recorded" || verdict.record.kind !== "lease") return undefined
  return verdict.record.path.includes("acquired") ? verdict.record : undefined
}

test("a site that was ordered again, after an order for it came to nothing, is still kept when the yard is read back", () => {
  const bench = new Workbench()
  const say = (target: string, body: unknown = {}) => {
    const [kind, id, verb] = target.split(/[/ ]/)
    bench.publish({ subject: `drydock.default.command.${kind}.${id}.${verb}.alice`, body })
  }
  const decide = (count: number) => {
    for (let n = 0; n < count; n++) bench.decideNext()
  }
  for (const speak of workingAlmanac) bench.publish(speak)
  decide(workingAlmanac.length)
  say("lease/L1 request", { type: "host" })
  say("lease/L2 request", { type: "host" })
  say("blueprint/b0 disable")
  say("blueprint/b2 create", { type: "almanac-service-host", config: { services: ["s0"] } })
  while (bench.backlog > 0) {
    decide(1)
    expect(portrait(bench.recovered())).toEqual(portrait(bench.yard))
  }
})

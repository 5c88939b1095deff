// Forgetting (rule 7) while workers are at it, well and badly, and while resources stand on leases: a yard that is read
// back is the yard that never stopped.

import fc from "fast-check"
import { expect, test } from "vitest"
import { allIsWell, BEHAVIOURS, type Behaviour, Crew, timePasses } from "./crew.js"
import { portrait } from "./portrait.js"
import { type Spoken, Workbench } from "./workbench.js"

const numRuns = Number(process.env.DRYDOCK_RUNS ?? 100)

type Moment =
  | { readonly speak: Spoken }
  | { readonly decide: number }
  | { readonly work: Behaviour; readonly nth: number }
  | { readonly passes: number }
  | { readonly verb: string; readonly kind: "resource" | "lease"; readonly nth: number }

function said(kind: string, id: string, verb: string, body: object = {}): Moment {
  return { speak: { subject: `drydock.default.command.${kind}.${id}.${verb}.alice`, body } }
}

const lease = fc.integer({ min: 0, max: 5 }).map((n) => `L${n}`)
const WELL: readonly Behaviour[] = Array.from({ length: 12 }, () => "begin and succeed")
const moment: fc.Arbitrary<Moment> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(lease, fc.constantFrom(["s0"], ["s1"], ["s1", "s0"]), fc.constantFrom("30s", "1h"))
      .map(([id, blueprints, ttl]) => said("lease", id, "request", { type: "thing", blueprints, ttl })),
  },
  { weight: 4, arbitrary: lease.map((id) => said("lease", id, "release")) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("resource", "lease"),
      verb: fc.constantFrom("release", "release", "retry", "abandon"),
      nth: fc.nat(12),
    }),
  },
  { weight: 20, arbitrary: fc.record({ work: fc.constantFrom(...BEHAVIOURS, ...WELL), nth: fc.nat(9) }) },
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 24 }).map((decide) => ({ decide })) },
  { weight: 5, arbitrary: fc.constantFrom(500, 30_000, 61_000, 240_000).map((passes) => ({ passes })) },
)

function played(all: readonly Moment[], between: (bench: Workbench) => void): Workbench {
  const bench = new Workbench()
  const crew = new Crew(bench)
  const yard = "drydock.default.internal.yard.default"
  bench.publish({ subject: `${yard}.take-over.system`, body: { host: "h", generation: 1 } })
  const start = [
    said("yard", "default", "configure", { retention: "1s" }),
    said("blueprint", "s0", "create", { type: "slow", config: { leasesPerThing: 2 }, limit: 2 }),
    said("blueprint", "s1", "create", { type: "slow", config: { on: "thing" }, limit: 3, idle: "1m" }),
  ]
  for (const one of [...start, ...all]) {
    if ("speak" in one) bench.publish(one.speak)
    else if ("decide" in one) for (let n = 0; n < one.decide; n++) bench.decideNext()
    else if ("work" in one) crew.act(one.nth, one.work)
    else if ("passes" in one) timePasses(bench, one.passes)
    else {
      const keys = [...bench.yard.actors.keys()].filter((key) => key.startsWith(`${one.kind}/`)).sort()
      const id = keys[one.nth % Math.max(1, keys.length)]?.split("/")[1]
      if (id !== undefined)
        bench.publish({ subject: `drydock.default.command.${one.kind}.${id}.${one.verb}.op`, body: {} })
    }
    between(bench)
  }
  return bench
}

test("with workers and resources on leases, a yard read back is the yard that never stopped", () => {
  let forgotten = 0
  const check = (all: Moment[]) => {
    const bench = played(all, (bench) => expect(portrait(bench.recovered())).toEqual(portrait(bench.yard)))
    forgotten += bench.records.reduce(
      (sum, { record }) => sum + (record.kind === "yard" ? record.context.forgets.length : 0),
      0,
    )
  }
  fc.assert(fc.property(fc.array(moment, { minLength: 20, maxLength: 200, size: "max" }), check), {
    numRuns,
    endOnFailure: true,
  })
  expect(forgotten).toBeGreaterThan(numRuns)
}, 600_000)

test("when all goes well nothing is left over but what lives, and the last lease on it", () => {
  const check = (all: Moment[]) => {
    const bench = played(all, () => {})
    bench.drain()
    for (let n = 0; n < 6; n++) bench.say(`lease/L${n} release`)
    allIsWell(bench, 200)
    timePasses(bench, 3_600_000)
    bench.drain()
    const left = [...bench.yard.actors.values()].filter(({ record }) => record.to === "destroyed")
    for (const { record } of left) expect(record.kind).toBe("lease")
    expect(bench.yard.ended.size).toBe(0)
  }
  fc.assert(fc.property(fc.array(moment, { minLength: 20, maxLength: 120, size: "max" }), check), {
    numRuns: Math.ceil(numRuns / 4),
    endOnFailure: true,
  })
}, 600_000)

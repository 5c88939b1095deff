// Whatever leases, workers, operators and time do: every record has its words in the log, of a type that is listed,
// and no word is missing in them. The kernel itself makes the records.

import fc from "fast-check"
import { expect, test } from "vitest"
import { LOG_TYPES, logEntries } from "../../src/client/log/entries.js"
import { BEHAVIOURS, Crew, timePasses } from "../actors/kernel/crew.js"
import { Workbench } from "../actors/kernel/workbench.js"

const numRuns = Number(process.env.DRYDOCK_RUNS ?? 100)

type Happening = (bench: Workbench, crew: Crew) => void

function says(target: string, body: object = {}, by = "alice"): Happening {
  const [kind, id, verb] = target.split(/[/ ]/)
  return (bench) => bench.publish({ subject: `drydock.default.command.${kind}.${id}.${verb}.${by}`, body })
}

function blueprint(id: string, config: object, terms: object): Happening {
  return says(`blueprint/${id} create`, { type: "slow", config, limit: 3, ...terms })
}

const TERMS = {
  maxDuration: "1h",
  idle: "5m",
  immunity: "1m",
  resourceTtl: "2h",
  suspendAfter: 2,
  quarantineAfter: 1,
}
const WORK = { attempts: 2, firstDelay: "1s", longestDelay: "10s", limit: "1m", silence: "9s" }

const GROUNDS: readonly Happening[] = [
  blueprint("open", {}, { ...TERMS, work: WORK }),
  blueprint("closed", { leasesPerThing: 1 }, { ...TERMS, access: "approval", work: WORK }),
  blueprint("narrow", { kinds: ["a"], leasesPerThing: 2 }, { work: WORK }),
]

const lease = fc.integer({ min: 0, max: 6 }).map((n) => `L${n}`)
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({
        id: lease,
        kind: fc.constantFrom("a", "b"),
        blueprints: fc.constantFrom(["open"], ["closed"], ["narrow"], ["closed", "open"]),
        by: fc.constantFrom("alice", "bob"),
      })
      .map(({ id, kind, blueprints, by }) =>
        says(`lease/${id} request`, { type: "thing", blueprints, attributes: { kind }, ttl: "10m" }, by),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ id: lease, verb: fc.constantFrom("release", "retry", "abandon", "renew") })
      .map(({ id, verb }) => says(`lease/${id} ${verb}`)),
  },
  {
    weight: 1,
    arbitrary: lease.map((id) => says(`lease/${id} annotate`, { set: { build: "7", old: null } })),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({
        nth: fc.nat(20),
        verb: fc.constantFrom("release", "reclaim", "drain", "retry", "abandon"),
      })
      .map(
        ({ nth, verb }): Happening =>
          (bench, crew) => {
            const ids = [...bench.yard.actors.keys()].filter((key) => key.startsWith("resource/")).sort()
            const id = ids[nth % Math.max(1, ids.length)]
            if (id !== undefined) says(`${id} ${verb}`)(bench, crew)
          },
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        id: fc.constantFrom("open", "closed", "narrow"),
        verb: fc.constantFrom("enable", "disable", "authorize", "decline"),
      })
      .map(({ id, verb }) =>
        says(`blueprint/${id} ${verb}`, verb.endsWith("able") ? {} : { principal: "bob" }, "op"),
      ),
  },
  {
    weight: 12,
    arbitrary: fc.record({ nth: fc.nat(10), what: fc.constantFrom(...BEHAVIOURS) }).map(
      ({ nth, what }): Happening =>
        (_, crew) =>
          crew.act(nth, what),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(1_000, 10_000, 70_000, 600_000).map(
      (ms): Happening =>
        (bench) =>
          timePasses(bench, ms),
    ),
  },
  {
    weight: 8,
    arbitrary: fc.nat(12).map(
      (times): Happening =>
        (bench) =>
          decide(bench, times),
    ),
  },
)

function decide(bench: Workbench, times: number): void {
  for (let n = 0; n < times; n++) bench.decideNext()
}

test("every record has its words, of a type that is listed, and none of them is missing", () => {
  const types = new Set<string>()
  fc.assert(
    fc.property(fc.array(happening, { minLength: 60, maxLength: 160, size: "max" }), (all) => {
      const bench = new Workbench()
      const crew = new Crew(bench)
      for (const one of [...GROUNDS, ...all]) {
        one(bench, crew)
        decide(bench, 2)
      }
      bench.drain()
      for (const event of bench.records) {
        const entries = logEntries(event)
        expect(entries.length).toBeGreaterThan(0)
        for (const { type, text } of entries) {
          types.add(type)
          expect(LOG_TYPES, JSON.stringify(event.record)).toContain(type)
          expect(text, `${type}: ${JSON.stringify(event.record)}`).toMatch(
            /^(?!.*(undefined|null|\[object|\?))./,
          )
        }
      }
    }),
    { numRuns },
  )
  // The property is worth something only when it sees much of the list.
  expect(types.size, [...types].sort().join(" ")).toBeGreaterThan(30)
}, 300_000)

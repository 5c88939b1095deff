// Many at once: windows keep every record small, and nobody is forgotten.

import { expect, test } from "vitest"
import { leasesOn } from "../../../src/actors/kernel/yard.js"
import { pool, Workbench } from "./workbench.js"

const states = (bench: Workbench, kind: string) => {
  const counted: { [state: string]: number } = {}
  for (const { record } of bench.yard.actors.values())
    if (record.kind === kind) counted[record.to] = (counted[record.to] ?? 0) + 1
  return counted
}
const mostSends = (bench: Workbench) => Math.max(...bench.records.map(({ record }) => record.sends.length))

test("a resource with 1,000 leases is released: told 16 at a time, and destroyed after the last", () => {
  const bench = new Workbench()
  pool(bench, 1, {})
  for (let n = 0; n < 1_000; n++) bench.say(`lease/L${n} request`, { type: "host" })
  bench.drain()
  expect(states(bench, "lease")).toEqual({ active: 1_000 })
  const [resource] = bench.records.flatMap(({ record }) => (record.kind === "resource" ? [record.id] : []))
  bench.say(`resource/${resource} release`, { reason: "it moves to another rack" })
  bench.drain()
  expect(states(bench, "lease")).toEqual({ destroyed: 1_000 })
  expect(states(bench, "resource")).toEqual({ destroyed: 1 })
  expect(mostSends(bench)).toBeLessThanOrEqual(32)
  expect(bench.yard.slots.size).toBe(0)
})

test("64 hosts come back while 200 wait: 32 are woken together, the rest as these are served, in order", () => {
  const bench = new Workbench()
  pool(bench, 64)
  bench.say("blueprint/lab disable")
  for (let n = 0; n < 200; n++) bench.say(`lease/L${n} request`, { type: "host" })
  bench.drain()
  const { sends } = recordedSends(bench, "blueprint/lab enable")
  // And two more whose reason to wait is over: they write down another one.
  expect(sends).toBe(34)
  bench.drain()
  expect(states(bench, "lease")).toEqual({ active: 64, pending: 136 })
  const served = bench.records.flatMap(({ record }) => (record.path.includes("acquired") ? [record.id] : []))
  expect(served).toEqual(Array.from({ length: 64 }, (_, n) => `L${n}`))
})

test("10,000 wait for a full pool: each release wakes exactly one, the first in line", () => {
  const bench = new Workbench()
  pool(bench, 4)
  for (let n = 0; n < 10_004; n++) bench.say(`lease/L${n} request`, { type: "host" })
  bench.drain()
  expect(states(bench, "lease")).toEqual({ active: 4, pending: 10_000 })
  for (let n = 0; n < 50; n++) {
    const { record } = recordedSends(bench, `lease/L${n} release`)
    expect(record.sends).toMatchObject([{ kind: "lease", id: `L${n + 4}`, verb: "wake" }])
    bench.drain()
  }
  expect(states(bench, "lease")).toEqual({ active: 4, pending: 9_950, destroyed: 50 })
})

test("leases are spread over every host before two share one, and shares go to the least loaded", () => {
  const bench = new Workbench()
  pool(bench, 3, {})
  for (let n = 0; n < 9; n++) {
    bench.say(`lease/L${n} request`, { type: "host" })
    bench.drain()
  }
  const hosts = bench.records.flatMap(({ record }) =>
    record.kind === "resource" && record.rev === 1 ? [record.id] : [],
  )
  expect(hosts).toHaveLength(3)
  expect(hosts.map((host) => leasesOn(bench.yard, host).size)).toEqual([3, 3, 3])
})

function recordedSends(bench: Workbench, target: string) {
  const verdict = bench.say(target)
  if (verdict.kind !== "recorded") throw new Error(`${target}: ${verdict.kind}`)
  return { record: verdict.record, sends: verdict.record.sends.length }
}

test("requests that are refused leave nothing behind in memory", () => {
  const bench = new Workbench()
  pool(bench, 1)
  bench.say("lease/L1 request", { type: "host" })
  bench.drain()
  const pools = bench.yard.pools.size
  for (let n = 0; n < 100; n++) bench.say("lease/L1 request", { type: `t${n}` })
  expect(bench.yard.pools.size).toBe(pools)
})

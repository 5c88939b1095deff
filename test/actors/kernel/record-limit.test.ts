// Rule 8: the step measures its record. A record that grows command by command stops at its limit, and nothing breaks.

import { expect, test } from "vitest"
import { LIMITS } from "../../../src/machines/limits.js"
import { Workbench } from "./workbench.js"

test("a service that grows binding by binding ends as over-limit, before its record is too large to append", () => {
  const bench = new Workbench()
  const long = (n: number) => `${"あ".repeat(94)}${n}`
  bench.say("service/s put", { type: "drydock.pool", bindings: {} })
  let bound = 0
  for (; bound < LIMITS.bindingsPerService; bound++) {
    const body = { name: long(bound), device: "d".repeat(64), interface: "い".repeat(100) }
    const verdict = bench.say("service/s bind", body)
    if (verdict.kind === "recorded") continue
    expect(verdict).toMatchObject({ kind: "rejected", rejection: { code: "over-limit" } })
    break
  }
  expect(bound).toBeGreaterThan(100)
  expect(bound).toBeLessThan(LIMITS.bindingsPerService)
  const last = bench.records.at(-1)?.record
  const bytes = Buffer.byteLength(JSON.stringify(last))
  expect(bytes).toBeLessThanOrEqual(LIMITS.recordBytes)
  expect(bytes).toBeGreaterThan(LIMITS.recordBytes - LIMITS.recordSendsBytes - 2_000)
  expect(last?.rev).toBe(bound + 1)

  // What makes it smaller, or leaves it as it is, is still taken.
  expect(
    bench.say("service/s bind", { name: long(0), device: "d".repeat(64), interface: "い".repeat(100) }).kind,
  ).toBe("repeated")
  expect(bench.say("service/s unbind", { name: long(0) }).kind).toBe("recorded")
})

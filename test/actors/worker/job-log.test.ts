import { expect, it } from "vitest"
import { JobLog } from "../../../src/actors/worker/job-log.js"
import { LIMITS } from "../../../src/machines/limits.js"

it("keeps the last lines and says how many were left out", () => {
  const log = new JobLog()
  for (let line = 1; line <= 200; line++) log.add(`line ${line}`)
  const lines = log.take()
  expect(lines).toHaveLength(LIMITS.logLinesPerMessage)
  expect(lines[0]).toBe("… 151 lines left out")
  expect(lines.at(-1)).toBe("line 200")
})

it("cuts lines, and carries no more characters than an object keeps", () => {
  const log = new JobLog()
  log.add("x".repeat(10_000))
  expect(log.take()).toEqual(["x".repeat(LIMITS.logLineChars)])
  for (let line = 0; line < 100; line++) log.add("y".repeat(LIMITS.logLineChars))
  const chars = log.take().reduce((sum, line) => sum + line.length, 0)
  expect(chars).toBeLessThanOrEqual(LIMITS.logChars + 40)
})

it("says the same again until it was heard, and then only what is new", () => {
  const log = new JobLog()
  log.add("one")
  expect(log.take()).toEqual(["one"])
  log.add("two")
  expect(log.take()).toEqual(["one", "two"])
  log.add("three")
  log.sent()
  expect(log.take()).toEqual(["three"])
  log.sent()
  expect(log.take()).toEqual([])
})

it("takes colours and controls out, and makes lines of texts", () => {
  const log = new JobLog()
  log.add("\u001b[31mred\u001b[0m\ttab\r\n\n  \nnext\u0007")
  expect(log.take()).toEqual([" red  tab", "next"])
})

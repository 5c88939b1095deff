import { expect, it } from "vitest"
import { done, failedBy } from "../../../src/actors/worker/answer.js"
import { ProgramError, RetryableError, TerminalError } from "../../../src/blueprints/failure.js"
import type { JobOrder } from "../../../src/machines/job.js"

const order: JobOrder = {
  job: "lease/L1/3",
  kind: "lease",
  id: "L1",
  rev: 3,
  task: "activate",
  type: "t",
  attempt: 1,
  token: 1,
  limitMs: 1_000,
  silenceMs: 1_000,
}

it("keeps what a blueprint returns where it is a JSON object that fits", () => {
  expect(done(order, undefined, {})).toMatchObject({ verb: "activated", body: {} })
  expect(done(order, { path: "/x", none: undefined }, {})).toMatchObject({
    body: { details: { path: "/x" } },
  })
  expect(done({ ...order, task: "release" }, { path: "/x" }, {})).toEqual({
    verb: "cleaned",
    body: {},
    ending: "done",
    message: "",
  })
  for (const bad of [
    7,
    "text",
    [],
    new Date(),
    { a: 1n },

    { a: "x".repeat(17_000) },
    () => 1,
  ])
    expect(done(order, bad, {})).toMatchObject({ verb: "failed", body: { retryable: false } })
})

it("does not tell a failure any more that is mended", () => {
  expect(done(order, { path: "/x" }, { failure: { phase: "activate" } }).body).toEqual({
    details: { failure: null, path: "/x" },
  })
  expect(done(order, undefined, { failure: null }).body).toEqual({})
})

it("tells failures by their type, or by the name of it, and anything else as one that may pass", () => {
  const retryable = (error: unknown) => (failedBy(order, error).body as { retryable: boolean }).retryable
  expect(retryable(new TerminalError("x"))).toBe(false)
  expect(retryable(Object.assign(new Error("x"), { name: "TerminalError" }))).toBe(false)
  for (const error of [new RetryableError("x"), new TypeError("x"), "text", undefined, null, { a: 1 }])
    expect(retryable(error)).toBe(true)
})

it("bounds what it says, and tells what the error knows in pieces", () => {
  const { body } = failedBy(
    order,
    new ProgramError("m".repeat(5_000), ["a", "b"], 2, null, "out", "e".repeat(9_000)),
  )
  const { message, details } = body as { message: string; details: { failure: { output: string } } }
  expect(message).toHaveLength(1_000)
  expect(details.failure).toMatchObject({ phase: "activate", command: "a b", exit: 2, signal: null })
  expect(details.failure.output).toHaveLength(2_000)
  const own = new TerminalError("it conflicts", { details: { phase: "merge", file: "README" } })
  expect(failedBy(order, own).body).toMatchObject({
    details: { failure: { phase: "merge", file: "README" } },
  })
  const odd = Object.assign(new Error("x"), { details: { a: 1n } })
  expect(failedBy(order, odd).body).toMatchObject({ details: { failure: { phase: "activate" } } })
})

import { expect, test } from "vitest"
import { DrydockError } from "../../src/actors/error.js"
import { ClientError, isClientError, RejectedError, UndecidedError } from "../../src/client/errors.js"
import { REJECTION_CODES } from "../../src/machines/rejection.js"

test("every rejection code has a kind and a cure", () => {
  for (const code of REJECTION_CODES) {
    const error = new RejectedError({
      outcome: "rejected",
      command: 1,
      actor: "lease/L1",
      code,
      message: "because",
    })
    expect(error.kind).toBeTruthy()
    expect(error.cure).toBeTruthy()
    expect(error.code).toBe(code)
    expect(error.message).toContain("lease/L1: because")
  }
})

test("a rejection names the fields that are wrong", () => {
  const issues = [{ path: "ttl", message: "not a duration" }]
  const error = new RejectedError({
    outcome: "rejected",
    command: 1,
    actor: "lease/L1",
    code: "invalid",
    message: "the body does not fit",
    issues,
  })
  expect(error.message).toContain("ttl: not a duration")
})

test("only what can succeed unchanged is retryable", () => {
  const kinds = ["unavailable", "timeout", "impossible", "denied", "lost", "conflict", "bug"] as const
  const retryable = kinds.filter((kind) => new ClientError(kind, "x", "x", "x").retryable)
  expect(retryable).toEqual(["unavailable", "timeout"])
})

test("an undecided command says its place in the queue", () => {
  expect(new UndecidedError("timeout", "no-outcome", "no answer", "look", 7).message).toContain("command 7")
})

test("errors of the library are told from others, its base class included", () => {
  expect(isClientError(new ClientError("bug", "x", "x", "x"))).toBe(true)
  expect(isClientError(new UndecidedError("timeout", "x", "x", "x", undefined))).toBe(true)
  for (const other of [new DrydockError("x", "x", "x"), new Error("x"), "x", null, undefined])
    expect(isClientError(other)).toBe(false)
})

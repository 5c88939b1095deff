import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { pause, timeLimit } from "../../src/client/pause.js"

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }))
afterEach(() => vi.useRealTimers())

const DAY_MS = 86_400_000

test("a pause of months does not end at once", async () => {
  let over = false
  void pause(100 * DAY_MS).then(() => {
    over = true
  })
  await vi.advanceTimersByTimeAsync(20 * DAY_MS)
  expect(over).toBe(false)
})

test("a time limit of months ends then, and not before", async () => {
  const limit = timeLimit(60 * DAY_MS, new AbortController().signal)
  await vi.advanceTimersByTimeAsync(60 * DAY_MS - 1)
  expect(limit.aborted).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  expect(limit.aborted).toBe(true)
})

test("a time limit of what is settled leaves no timer behind", async () => {
  const settled = new AbortController()
  const limit = timeLimit(1_000, settled.signal)
  settled.abort()
  await vi.advanceTimersByTimeAsync(0)
  expect(vi.getTimerCount()).toBe(0)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(limit.aborted).toBe(false)
})

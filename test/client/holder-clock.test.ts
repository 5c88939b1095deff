import { expect, test } from "vitest"
import { HolderClock } from "../../src/client/holder-clock.js"
import { YardTime } from "../../src/client/yard-time.js"

/** Two clocks in hand. */
function hands() {
  let monotonic = 5_000
  let wall = 1_700_000_000_000
  return {
    source: { monotonicMs: () => monotonic, wallMs: () => wall },
    pass(ms: number) {
      monotonic += ms
      wall += ms
    },
    sleep(ms: number) {
      wall += ms
    },
    setWall(byMs: number) {
      wall += byMs
    },
  }
}

test("time passes by the monotonic clock", () => {
  const { source, pass } = hands()
  const clock = new HolderClock(source)
  pass(250)
  expect(clock.nowMs()).toBe(250)
})

test("a sleep of the machine counts, although the monotonic clock stood still", () => {
  const { source, pass, sleep } = hands()
  const clock = new HolderClock(source)
  pass(100)
  sleep(60_000)
  pass(1)
  expect(clock.nowMs()).toBe(60_101)
})

test("small adjustments of the wall clock count for nothing, however many", () => {
  const { source, pass, setWall } = hands()
  const clock = new HolderClock(source)
  for (let n = 0; n < 1_000; n++) {
    pass(10)
    setWall(n % 2 === 0 ? 9 : -9)
    clock.nowMs()
  }
  expect(clock.nowMs()).toBe(10_000)
})

test("a wall clock that is set back does not stop the time", () => {
  const { source, pass, setWall } = hands()
  const clock = new HolderClock(source)
  pass(100)
  setWall(-3_600_000)
  pass(100)
  expect(clock.nowMs()).toBe(200)
})

test("the yard's times are placed as early as they can be: from before the command was sent", () => {
  const { source, pass } = hands()
  const clock = new HolderClock(source)
  const time = new YardTime(clock)
  pass(1_000)
  const sentMs = clock.nowMs()
  pass(300)
  // The yard's clock is a day ahead, and dated the record somewhere within those 300 ms.
  time.learnFrom(recordAt("2026-01-02T00:00:00.000Z"), sentMs)
  expect(time.toHolderMs("2026-01-02T00:01:00.000Z")).toBe(sentMs + 60_000)
})

test("a record that another command made says nothing about when ours was decided", () => {
  const { source } = hands()
  const time = new YardTime(new HolderClock(source))
  const record = recordAt("2026-01-02T00:00:00.000Z")
  time.learn({ outcome: "accepted", command: 7, actor: "network/n", record }, 0)
  expect(time.isKnown).toBe(false)
  time.learn({ outcome: "accepted", command: 1, actor: "network/n", record }, 0)
  expect(time.isKnown).toBe(true)
})

function recordAt(at: string) {
  return {
    v: 1 as const,
    yard: "default",
    kind: "network" as const,
    id: "n",
    rev: 1,
    from: null,
    to: "present" as const,
    path: ["present"],
    event: { type: "put" },
    context: { name: null },
    cause: { command: 1, id: null, verb: "put", by: "alice" },
    at,
    machine: { id: "network", version: "1", hash: "x" },
    jobs: [],
    timers: [],
    sends: [],
  }
}

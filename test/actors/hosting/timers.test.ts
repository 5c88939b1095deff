import { expect, test } from "vitest"
import { StreamClock } from "../../../src/actors/hosting/stream-clock.js"
import { Timers } from "../../../src/actors/hosting/timers.js"
import type { Timer } from "../../../src/machines/stimulus.js"
import { VirtualClock } from "../../support/virtual-clock.js"

function stage(fire: (actor: string, timer: Timer) => Promise<boolean>) {
  const clock = new VirtualClock()
  const streamClock = new StreamClock(clock)
  streamClock.observe(0)
  return { clock, timers: new Timers(clock, streamClock, fire) }
}
const due = (ms: number): readonly Timer[] => [{ id: "until", at: new Date(ms).toISOString() }]

test("a firing that is under way is not fired again", async () => {
  let fired = 0
  const { clock, timers } = stage(() => {
    fired++
    return new Promise(() => {})
  })
  timers.set("lease/L1", due(1_000))
  await clock.advance(25_000)
  expect(fired).toBe(1)
})

test("10,000 deadlines that passed together are fired a few at a time, and each of them once", async () => {
  const acks: (() => void)[] = []
  let mostUnderWay = 0
  let underWay = 0
  const fired = new Set<string>()
  const { clock, timers } = stage((actor) => {
    fired.add(actor)
    mostUnderWay = Math.max(mostUnderWay, ++underWay)
    return new Promise((resolve) =>
      acks.push(() => {
        underWay--
        timers.set(actor as "lease/L1", [])
        resolve(true)
      }),
    )
  })
  for (let n = 0; n < 10_000; n++) timers.set(`lease/L${n}`, due(1_000))
  await clock.advance(1_000)
  let total = 0
  for (let ack = acks.shift(); ack !== undefined; ack = acks.shift()) {
    ack()
    total++
    if (acks.length === 0) await clock.advance(1)
  }
  expect(fired.size).toBe(10_000)
  expect(total).toBe(10_000)
  expect(mostUnderWay).toBeLessThanOrEqual(64)
})

test("after its end nothing is fired", async () => {
  let fired = 0
  const { clock, timers } = stage(async () => {
    fired++
    return true
  })
  timers.set("lease/L1", due(1_000))
  timers.end()
  await clock.advance(60_000)
  expect(fired).toBe(0)
})

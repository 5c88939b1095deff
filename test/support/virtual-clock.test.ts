import { describe, expect, it } from "vitest"
import { VirtualClock } from "./virtual-clock.js"

describe("the virtual clock", () => {
  it("stands still until it is told to go on", async () => {
    const clock = new VirtualClock()
    let called = false
    clock.after(0, () => {
      called = true
    })
    await Promise.resolve()
    expect([clock.monotonicMs(), called]).toEqual([0, false])
    await clock.advance(0)
    expect([clock.monotonicMs(), called]).toEqual([0, true])
  })

  it("runs due timers at their time and in their order, those that they arm included", async () => {
    const clock = new VirtualClock()
    const calls: string[] = []
    const note = (name: string) => () => calls.push(`${name}@${clock.monotonicMs()}`)
    clock.after(20, note("c"))
    clock.after(10, () => {
      note("a")()
      clock.after(5, note("b"))
    })
    clock.after(20, note("d"))
    clock.after(31, note("late"))
    expect(clock.nextMs()).toBe(10)
    await clock.advance(30)
    expect(calls).toEqual(["a@10", "b@15", "c@20", "d@20"])
    expect(clock.monotonicMs()).toBe(30)
    expect(clock.nextMs()).toBe(31)
  })

  it("lets promises settle between two timers, and forgets cancelled ones", async () => {
    const clock = new VirtualClock()
    const calls: string[] = []
    const cancelled = clock.after(2, () => calls.push("cancelled"))
    clock.after(1, () => {
      void Promise.resolve().then(() => {
        cancelled.cancel()
        clock.after(1, () => calls.push("armed in a promise"))
      })
    })
    await clock.advance(2)
    expect(calls).toEqual(["armed in a promise"])
  })
})

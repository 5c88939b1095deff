// A command has one outcome, through any number of take-overs.

import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { RepeatedList, wasRepeated } from "../../../src/actors/hosting/repeated.js"
import { Stage } from "./stage.js"

let stage: Stage
beforeEach(() => {
  stage = new Stage()
})
afterEach(() => stage.leave())

const request = { type: "host" }
const outcomes = (id: string) => [...new Set(stage.told.get(id)?.map(({ outcome }) => outcome))]

/** From here on nothing that a record orders is acknowledged: a successor tells everything since again. */
function loseFollowUps(): void {
  for (let n = 0; n < 400; n++) stage.server.inject({ on: "send", what: "uncertain" })
}

/** The active host vanishes without a word, and another takes over. */
async function takeOver(name: string): Promise<void> {
  for (const { log } of stage.hosts) log.disconnect()
  while (stage.server.takeMishap("send") !== undefined);
  await stage.enter(name)
  await stage.clock.advance(5_000)
}

describe("an outcome that is told again", () => {
  beforeEach(async () => {
    await stage.enter("a")
    await stage.pool(1)
  })

  test("is refused still, where what was refused would hold by now", async () => {
    loseFollowUps()
    await stage.publish("lease/L0 request", request)
    await stage.say("lease/L9 release", {}, "early")
    expect(outcomes("early")).toEqual(["rejected"])
    await stage.say("lease/L9 request", { type: "host", ttl: "1h" }, "ask")
    await stage.say("lease/L9 release", {}, "late")
    await stage.say("network/n put")
    await takeOver("b")
    expect(stage.told.get("early")?.length).toBeGreaterThan(1)
    expect([outcomes("early"), outcomes("late")]).toEqual([["rejected"], ["accepted"]])
  })

  test("is accepted still, where what was accepted holds no more", async () => {
    await stage.say("network/n put", { name: "first" })
    loseFollowUps()
    await stage.publish("lease/L0 request", request)
    expect(await stage.say("network/n put", { name: "first" }, "same")).toMatchObject({ outcome: "accepted" })
    await stage.say("network/n put", { name: "second" }, "other")
    await takeOver("b")
    expect(stage.told.get("same")?.length).toBeGreaterThan(1)
    expect(outcomes("same")).toEqual(["accepted"])
    await stage.clock.advance(1_000)
    await takeOver("c")
    expect(outcomes("same")).toEqual(["accepted"])
  })

  test("of a command that a second host went past is refused, also when it was asked for again and granted", async () => {
    const [first] = stage.hosts
    await stage.say("lease/L1 request", request)
    const model = stage.journal().find(({ record }) => record?.id === "L1")?.record ?? {}
    first?.log.disconnect()
    await stage.publish("lease/L2 request", request, "passed")
    const decided = await stage.publish("lease/L3 request", request)
    const context = { ...(model.context as object), order: decided, build: null }
    const cause = { command: decided, id: "lease-L3-request", verb: "request", by: "alice" }
    const foreign = JSON.stringify({ ...model, id: "L3", context, cause, sends: [] })
    await stage.server.publish("drydock.default.journal.lease.L3", foreign)
    loseFollowUps()
    first?.log.reconnect()
    await stage.clock.advance(3_000)
    expect(outcomes("passed")).toEqual(["rejected"])
    await stage.say("lease/L2 request", request, "again")
    await takeOver("b")
    await stage.clock.advance(1_000)
    expect(outcomes("passed")).toEqual(["rejected"])
    expect(outcomes("again")).toEqual(["accepted"])
  })
})

describe("the list of what was accepted without a record", () => {
  test("names ranges, and begins anew with each record", () => {
    const list = new RepeatedList()
    for (const command of [11, 12, 13, 20]) list.add(command)
    const header = list.take(10)
    expect(header).toBe("11:11-13,20")
    expect([11, 13, 14, 20, 21].map((command) => wasRepeated(header, command))).toEqual([
      true,
      true,
      false,
      true,
      false,
    ])
    expect(list.take(20)).toBeUndefined()
  })

  test("says from where on it is complete when there are too many, and stays short", () => {
    const list = new RepeatedList()
    for (let command = 1_000_001; command < 1_010_000; command += 2) list.add(command)
    const header = list.take(1_000_000) ?? ""
    expect(header.length).toBeLessThan(5_000)
    expect(wasRepeated(header, 1_000_001)).toBeUndefined()
    expect(wasRepeated(header, 1_009_999)).toBe(true)
    expect(wasRepeated(header, 1_009_998)).toBe(false)
  })

  test("that is not there knows of none", () => {
    expect(wasRepeated(undefined, 7)).toBe(false)
  })
})

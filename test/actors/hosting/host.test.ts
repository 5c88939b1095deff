// The host on a log in memory: rules 9 to 17, one by one, with every fault exactly where it hurts.

import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { LateClock } from "../../support/late-clock.js"
import { Stage } from "./stage.js"

let stage: Stage
beforeEach(() => {
  stage = new Stage()
})
afterEach(() => stage.leave())

const request = { type: "host" }

test("a queue that was filled while nobody served is decided, and the take-over follows (rule 17)", async () => {
  stage.server.setUp()
  const commands = stage.server.stream("COMMANDS")
  if (commands !== undefined) commands.maxMessages = 20
  for (let n = 0; n < 20; n++) await stage.publish(`lease/L${n} release`)
  await expect(stage.publish("lease/L20 release")).rejects.toThrow("10077")
  const { host } = await stage.enter("a")
  await stage.clock.advance(5_000)
  expect(host.role).toBe("active")
  expect(stage.outcomes.get("lease-L19-release")).toMatchObject({ code: "unknown-actor" })
  expect(await stage.ask("get", { kind: "yard", id: "default" })).toMatchObject({
    record: { context: { host: "a" } },
  })
})

describe("writing (rules 9, 10)", () => {
  test("a record is told only after it is stored, and carries what was sent before it", async () => {
    await stage.enter("a")
    await stage.pool(1)
    const outcome = await stage.say("lease/L1 request", request)
    expect(outcome).toMatchObject({ outcome: "accepted", record: { to: "pending" } })
    const journal = stage.journal()
    expect(journal.at(-1)).toMatchObject({
      subject: "drydock.default.journal.lease.L1",
      record: { to: "active" },
    })
    for (const { seq, headers } of journal)
      expect(headers).toMatchObject({ "Drydock-After": String(seq - 1) })
    expect(journal.at(-1)?.headers).toHaveProperty("Drydock-Sent")
  })

  test("a refused append makes the host forget and read back, and the command is decided again", async () => {
    const { reports } = await stage.enter("a")
    await stage.pool(1)
    stage.server.inject({ on: "append", what: "fenced" })
    await stage.say("lease/L1 request", request)
    await stage.clock.advance(1_000)
    expect(reports.filter(({ event }) => event === "reload")).toHaveLength(1)
    expect(stage.outcomes.get("lease-L1-request")).toMatchObject({ outcome: "accepted" })
    expect(stage.journal().filter(({ record }) => record?.id === "L1" && record.rev === 1)).toHaveLength(1)
  })

  test("an append that was stored but not acknowledged is found again: one record, one outcome", async () => {
    await stage.enter("a")
    await stage.pool(1)
    stage.server.inject({ on: "append", what: "lose-ack" })
    await stage.say("lease/L1 request", request)
    await stage.clock.advance(1_000)
    expect(stage.outcomes.get("lease-L1-request")).toMatchObject({ outcome: "accepted", record: { rev: 1 } })
    const mine = stage.journal().filter(({ record }) => record?.id === "L1")
    expect(mine.map(({ record }) => record?.rev)).toEqual([1, 2])
    expect(mine.at(-1)?.record).toMatchObject({ to: "active" })
  })

  test("a rejection waits until the record that it rests on is stored, and is decided again when that was not", async () => {
    await stage.enter("a")
    await stage.pool(1)
    const told: string[] = []
    stage.server.subscribe("drydock.default.outcome.>", ({ subject }) => {
      const id = subject.split(".").at(-1) ?? ""
      if (id === "first" || id === "second") told.push(id)
    })
    stage.server.inject({ on: "append", what: "storage-full" })
    await stage.publish("lease/L1 request", request, "first")
    await stage.publish("lease/L1 request", { type: "other" }, "second")
    await stage.settle()
    expect(told).toEqual([])
    stage.server.inject({ on: "append", what: "fenced" })
    await stage.clock.advance(2_000)
    expect(told).toEqual(["first", "second"])
    expect(stage.outcomes.get("second")).toMatchObject({ outcome: "rejected", code: "already-exists" })
  })

  test("no space left: it stops deciding, stays readable, says so, and goes on when there is space", async () => {
    const { reports } = await stage.enter("a")
    await stage.pool(1)
    stage.server.inject({ on: "append", what: "storage-full" })
    await stage.publish("lease/L1 request", request, "x")
    await stage.settle()
    expect(stage.outcomes.get("x")).toBeUndefined()
    expect(reports.map(({ event }) => event)).toContain("storage-full")
    const status = await stage.ask("status")
    expect(status).toMatchObject({ trouble: "storage-full" })
    await stage.clock.advance(2_000)
    expect(stage.outcomes.get("x")).toMatchObject({ outcome: "accepted" })
    expect(reports.map(({ event }) => event)).toContain("storage-back")
  })

  test("a record that the server finds too large is refused as over-limit, and the queue goes on", async () => {
    await stage.enter("a")
    await stage.pool(1)
    stage.server.inject({ on: "append", what: "too-large" })
    await stage.publish("lease/L1 request", request)
    await stage.publish("lease/L2 request", request)
    await stage.clock.advance(1_000)
    expect(stage.outcomes.get("lease-L1-request")).toMatchObject({ outcome: "rejected", code: "over-limit" })
    expect(stage.outcomes.get("lease-L2-request")).toMatchObject({ outcome: "accepted" })
  })
})

describe("effects (rule 11)", () => {
  test("a follow-up whose ack is lost is sent again, and does its work once", async () => {
    await stage.enter("a")
    await stage.pool(1)
    stage.server.inject({ on: "send", what: "lose-ack" })
    await stage.say("lease/L1 request", request)
    await stage.clock.advance(1_000)
    const resources = stage.journal().filter(({ subject }) => subject.includes(".resource."))
    expect(resources).toHaveLength(1)
    expect(stage.journal().at(-1)?.record).toMatchObject({ id: "L1", to: "active" })
  })

  test("what a host did not get to send, the next one sends", async () => {
    const first = await stage.enter("a")
    await stage.pool(1)
    for (let n = 0; n < 50; n++) stage.server.inject({ on: "send", what: "uncertain" })
    await stage.say("lease/L1 request", request)
    first.log.disconnect()
    await stage.enter("b")
    await stage.clock.advance(20_000)
    expect(
      stage
        .journal()
        .filter(({ record }) => record?.id === "L1")
        .at(-1)?.record,
    ).toMatchObject({ to: "active" })
  })
})

describe("strangers in the journal (rule 12)", () => {
  const write = async (
    subject: string,
    record: object | string,
    headers: { [name: string]: string } = {},
  ) => {
    const data = typeof record === "string" ? record : JSON.stringify(record)
    return stage.server.publish(`drydock.default.journal.${subject}`, data, headers)
  }

  test("garbage is void: the previous record stands, and the yard goes on", async () => {
    const { reports } = await stage.enter("a")
    await stage.pool(1)
    await stage.say("lease/L1 request", request)
    await write("lease.L1", "not a record")
    await stage.say("lease/L1 annotate", { set: { a: "b" } })
    await stage.clock.advance(1_000)
    expect(stage.outcomes.get("lease-L1-annotate")).toMatchObject({ outcome: "accepted", record: { rev: 3 } })
    expect(reports.filter(({ event }) => event === "void-record").length).toBeGreaterThan(0)
  })

  test("a second record of a decided command is void, also for a host that reads the journal later", async () => {
    await stage.enter("a")
    await stage.pool(1)
    await stage.say("lease/L1 request", request)
    const last = stage.journal().at(-1)
    await write("lease.L1", { ...last?.record, rev: 3, to: "released" })
    await stage.say("lease/L1 annotate", { set: { a: "b" } })
    await stage.clock.advance(1_000)
    await stage.say("lease/L2 request", request)
    await stage.leave()
    await stage.enter("b")
    expect(await stage.ask("get", { kind: "lease", id: "L1" })).toMatchObject({
      record: { to: "active", rev: 3 },
    })
  })

  test("a record of a second host that was first counts, and what it went past is refused as stale", async () => {
    const first = await stage.enter("a")
    await stage.pool(1)
    await stage.say("lease/L1 request", request)
    const model = stage.journal().find(({ record }) => record?.id === "L1")?.record ?? {}
    first.log.disconnect()
    const skipped = await stage.publish("lease/L2 request", request)
    const decided = await stage.publish("lease/L3 request", request)
    const context = { ...(model.context as object), order: decided, build: null }
    const cause = { command: decided, id: "lease-L3-request", verb: "request", by: "alice" }
    await write("lease.L3", { ...model, id: "L3", context, cause, sends: [] })
    first.log.reconnect()
    await stage.clock.advance(5_000)
    expect(skipped).toBeLessThan(decided)
    expect(stage.outcomes.get("lease-L2-request")).toMatchObject({ outcome: "rejected", code: "stale" })
    expect(stage.outcomes.get("lease-L3-request")).toMatchObject({ outcome: "accepted" })
    expect(stage.journal().filter(({ record }) => record?.id === "L3" && record.rev === 1)).toHaveLength(1)
  })

  test("a record about a command that does not exist is void", async () => {
    await stage.enter("a")
    await stage.pool(1)
    await stage.say("lease/L1 request", request)
    const last = stage.journal().at(-1)
    const cause = { ...(last?.record?.cause as object), command: 1_000_000 }
    await write("lease.L1", { ...last?.record, rev: 3, cause, to: "released" })
    await stage.say("lease/L1 annotate", { set: { a: "b" } })
    await stage.clock.advance(1_000)
    expect(stage.outcomes.get("lease-L1-annotate")).toMatchObject({ record: { to: "active", rev: 3 } })
  })
})

describe("who is active (rule 13)", () => {
  test("a standby takes over when the claim runs out, and the first stands down when it comes back", async () => {
    const first = await stage.enter("a")
    const second = await stage.enter("b")
    expect([first.host.role, second.host.role]).toEqual(["active", "standby"])
    first.log.disconnect()
    await stage.clock.advance(2_900)
    expect(second.host.role).toBe("active")
    first.log.reconnect()
    await stage.clock.advance(3_000)
    expect([first.host.role, second.host.role]).toEqual(["standby", "active"])
  })

  test("a host that was late takes its claim again and forgets nothing, if nobody came in between", async () => {
    const clock = new LateClock(stage.clock)
    const { host, reports } = await stage.enter("a", clock)
    await stage.pool(1)
    const before = reports.length
    clock.busy()
    await stage.clock.advance(10_000)
    expect(await stage.say("lease/L1 request", request)).toMatchObject({ outcome: "accepted" })
    let answered: object | undefined
    void stage.ask("get", { kind: "lease", id: "L1" }).then((answer) => {
      answered = answer
    })
    await stage.settle()
    expect(answered).toBe(undefined)
    clock.free()
    await stage.clock.advance(3_000)
    expect(answered).toMatchObject({ record: { to: "active" } })
    expect(reports.slice(before)).toEqual([])
    expect(host.role).toBe("active")
  })

  test("a host that was late stands down if another came in between, even one that is gone again", async () => {
    const clock = new LateClock(stage.clock)
    const first = await stage.enter("a", clock)
    await stage.pool(1)
    const second = await stage.enter("b")
    clock.busy()
    await stage.clock.advance(3_000)
    expect(second.host.role).toBe("active")
    await stage.say("lease/L1 request", request)
    await second.host.stop()
    let answered = false
    void stage.ask("get", { kind: "lease", id: "L1" }).then(() => {
      answered = true
    })
    clock.free()
    await stage.settle()
    expect(answered).toBe(false)
    await stage.clock.advance(3_000)
    expect(first.reports.map(({ event }) => event)).toEqual(expect.arrayContaining(["role", "recovered"]))
    expect(first.host.role).toBe("active")
    expect(await stage.ask("get", { kind: "lease", id: "L1" })).toMatchObject({ record: { to: "active" } })
  })

  test("a host that stops gives the claim back: the standby need not wait", async () => {
    const first = await stage.enter("a")
    const second = await stage.enter("b")
    await first.host.stop()
    await stage.clock.advance(300)
    expect(second.host.role).toBe("active")
  })

  test("losing the claim's stream costs a new race and nothing more", async () => {
    const first = await stage.enter("a")
    const second = await stage.enter("b")
    await stage.pool(1)
    stage.server.deleteStream("CLAIM")
    await stage.clock.advance(5_000)
    expect([first.host.role, second.host.role].filter((role) => role === "active")).toHaveLength(1)
    expect(await stage.say("lease/L1 request", request)).toMatchObject({ outcome: "accepted" })
  })
})

describe("time (rule 14)", () => {
  test("a lease ends on time, also when nobody says anything", async () => {
    await stage.enter("a")
    await stage.pool(1)
    await stage.say("lease/L1 request", { type: "host", ttl: "10s" })
    await stage.clock.advance(9_900)
    expect(stage.journal().at(-1)?.record).toMatchObject({ id: "L1", to: "active" })
    await stage.clock.advance(200)
    expect(stage.journal().at(-1)?.record).toMatchObject({
      id: "L1",
      to: "destroyed",
      context: { reason: { code: "expired" } },
    })
  })

  test("a renewal that was there first wins over the timer", async () => {
    await stage.enter("a")
    await stage.pool(1)
    await stage.say("lease/L1 request", { type: "host", ttl: "10s" })
    await stage.clock.advance(9_000)
    await stage.say("lease/L1 renew", { ttl: "10s" })
    await stage.clock.advance(9_000)
    expect(stage.journal().at(-1)?.record).toMatchObject({ id: "L1", to: "active" })
    await stage.clock.advance(2_000)
    expect(stage.journal().at(-1)?.record).toMatchObject({ id: "L1", to: "destroyed" })
  })

  test("a timer whose firing is lost is fired again", async () => {
    await stage.enter("a")
    await stage.pool(1)
    await stage.say("lease/L1 request", { type: "host", ttl: "10s" })
    await stage.clock.advance(9_900)
    for (let n = 0; n < 3; n++) stage.server.inject({ on: "send", what: "uncertain" })
    await stage.clock.advance(2_500)
    expect(stage.journal().at(-1)?.record).toMatchObject({ id: "L1", to: "destroyed" })
  })

  test("a lease that waits ends at its `until`, and a host that takes over late ends it at once", async () => {
    const first = await stage.enter("a")
    await stage.pool(1)
    await stage.say("lease/L1 request", request)
    const until = new Date(stage.server.nowMs() + 20_000).toISOString()
    await stage.say("lease/L2 request", { type: "host", until })
    await first.host.stop()
    await stage.clock.advance(60_000)
    await stage.enter("b")
    await stage.clock.advance(100)
    const last = stage
      .journal()
      .filter(({ record }) => record?.id === "L2")
      .at(-1)?.record
    expect(last).toMatchObject({ from: "pending", to: "destroyed", context: { reason: { code: "expired" } } })
  })
})

describe("the queue (rule 17)", () => {
  test("a queue shorter than the journal knows is moved forward, said, and goes on", async () => {
    const first = await stage.enter("a")
    await stage.pool(1)
    await stage.say("lease/L1 request", request)
    await first.host.stop()
    stage.server.deleteStream("COMMANDS")
    const second = await stage.enter("b")
    await stage.clock.advance(1_000)
    expect(second.reports.map(({ event }) => event)).toContain("commands-lost")
    expect(await stage.say("lease/L1 release", {})).toMatchObject({
      outcome: "accepted",
      record: { to: "destroyed" },
    })
  })

  test("commands that wait while no host is there are decided in their order", async () => {
    const first = await stage.enter("a")
    await stage.pool(1)
    await first.host.stop()
    for (const id of ["L1", "L2", "L3"]) await stage.publish(`lease/${id} request`, request)
    await stage.publish("lease/L1 release", {})
    await stage.enter("b")
    await stage.clock.advance(1_000)
    const grants = stage
      .journal()
      .flatMap(({ record }) => (String(record?.path).includes("acquired") ? [record?.id] : []))
    expect(grants).toEqual(["L2"])
    expect(
      stage
        .journal()
        .filter(({ record }) => record?.id === "L3")
        .at(-1)?.record,
    ).toMatchObject({ to: "pending" })
  })
})

describe("queries", () => {
  test("who asks for a sequence that never comes is told so, and is in nobody's way", async () => {
    await stage.enter("a")
    await stage.pool(1)
    const hopeless = stage.ask("status", { atLeast: Number.MAX_SAFE_INTEGER })
    await stage.settle()
    // Decided, and its append is still on its way: the answer waits for it, and must not wait for the hopeless one.
    await stage.publish("lease/L1 request", request)
    expect(await stage.ask("get", { kind: "blueprint", id: "lab" })).toHaveProperty("record")
    await stage.clock.advance(5_100)
    expect(await hopeless).toMatchObject({ error: { code: "behind" } })
    expect(await stage.ask("get", { kind: "lease", id: "L1" })).toMatchObject({ record: { to: "active" } })
  })

  test("a question that comes while memory is read back is answered after it", async () => {
    await stage.enter("a")
    await stage.pool(1)
    stage.server.inject({ on: "append", what: "lose-ack" })
    await stage.publish("lease/L1 request", request)
    const asked = [stage.ask("get", { kind: "lease", id: "L1" }), stage.ask("status")]
    await stage.clock.advance(1_000)
    expect(await Promise.all(asked)).toMatchObject([{ record: { id: "L1" } }, { role: "active" }])
  })
})

describe("a host that stops", () => {
  test("lets nobody wait for what does not come any more", async () => {
    const { host } = await stage.enter("a")
    await stage.pool(1)
    const hopeless = stage.ask("status", { atLeast: Number.MAX_SAFE_INTEGER })
    await stage.settle()
    const stopped = host.stop()
    await stage.settle()
    expect(await hopeless).toMatchObject({ error: { code: "behind" } })
    await stopped
  })

  test("answers what reaches it in its last moment", async () => {
    const { host } = await stage.enter("a")
    await stage.pool(1)
    const asked = [stage.ask("status"), stage.ask("get", { kind: "blueprint", id: "lab" })]
    await host.stop()
    expect(await Promise.all(asked)).toMatchObject([{ host: "a" }, { record: { id: "lab" } }])
  })

  test("says that it is stopping where its memory was dropped and cannot be read back", async () => {
    const { host, reports } = await stage.enter("a")
    await stage.pool(1)
    const { lastSeq } = stage.server.stream("JOURNAL")?.facts() ?? { lastSeq: 0 }
    const newer = JSON.stringify({ v: 2, kind: "lease", id: "L1" })
    const proof = { "Drydock-After": String(lastSeq) }
    await stage.server.publish("drydock.default.journal.lease.L1", newer, proof)
    await stage.publish("lease/L1 request", request)
    await stage.settle()
    expect(reports.map(({ event }) => event)).toContain("reload")
    const asked = stage.ask("status")
    await stage.settle()
    const stopped = host.stop()
    await stage.settle()
    expect(await asked).toMatchObject({ error: { code: "not-ready" } })
    await stopped
  })
})

describe("what a hostile review found", () => {
  test("a time that a record could not be read back with is refused", async () => {
    await stage.enter("a")
    await stage.pool(1)
    const far = { type: "host", until: "9999-12-31T23:59:59-01:00" }
    expect(await stage.say("lease/L1 request", far)).toMatchObject({ outcome: "rejected", code: "invalid" })
    const last = { type: "host", until: "9999-12-31T23:59:59.999Z" }
    expect(await stage.say("lease/L2 request", last)).toMatchObject({ outcome: "accepted" })
  })

  test("a record of our own that cannot be read stops the take-over: it is never forgotten", async () => {
    const first = await stage.enter("a")
    await stage.pool(1)
    await first.host.stop()
    const { lastSeq } = stage.server.stream("JOURNAL")?.facts() ?? { lastSeq: 0 }
    const newer = JSON.stringify({ v: 2, kind: "lease", id: "L1" })
    await stage.server.publish("drydock.default.journal.lease.L1", newer, {
      "Drydock-After": String(lastSeq),
    })
    const second = await stage.enter("b")
    await stage.clock.advance(2_000)
    const troubles = second.reports.filter(({ event }) => event === "trouble")
    expect(
      troubles.map((report) => ("fault" in report ? (report.fault as { code?: string }).code : "")),
    ).toContain("unreadable-record")
    expect(second.reports.map(({ event }) => event)).not.toContain("role")
  })

  test("a host that is told of a later generation gives no earlier token, not even to who waited before", async () => {
    await (await stage.enter("a")).host.stop()
    const commands = ["device/h0 put", "service/pool put", "blueprint/lab create"] as const
    await stage.publish(commands[0], { interfaces: { eth0: { network: "net", address: "10.0.0.1" } } })
    await stage.publish(commands[1], {
      type: "drydock.pool",
      bindings: { b0: { device: "h0", interface: "eth0" } },
    })
    await stage.publish(commands[2], { type: "almanac-service-host", config: { services: ["pool"] } })
    await stage.publish("lease/L1 request", request)
    await stage.enter("b", undefined, 7)
    await stage.clock.advance(500)
    const granted = stage.journal().flatMap(({ record }) => (record?.id === "L1" ? [record.context] : []))
    const { token } = granted.at(-1) as { token: number }
    expect(Math.floor(token / 2 ** 40)).toBe(7)
  })

  test("a host that takes over is silent until its first record is stored", async () => {
    const first = await stage.enter("a")
    await stage.pool(1)
    await first.host.stop()
    for (let n = 0; n < 4; n++) stage.server.inject({ on: "append", what: "storage-full" })
    for (let n = 0; n < 40; n++) stage.server.inject({ on: "send", what: "uncertain" })
    await stage.enter("b")
    let answered = false
    void stage.ask("status").then(() => {
      answered = true
    })
    await stage.settle()
    expect(answered).toBe(false)
  })
})

// protocol.md, "Query": what was (`history`, `events`, `commands`), why a lease waits, and the same answers from a host
// that has just read the yard back.

import { afterEach, describe, expect, onTestFinished, test } from "vitest"
import { startTestHost } from "../support/yard.js"
import { type Answer, canonical, inquire } from "./questions.js"
import {
  accepted,
  hold,
  letGo,
  makePool,
  rejected,
  releaseAll,
  settled,
  stage,
  story,
  type TestRecord,
} from "./stage.js"

const on = stage(async (alice) => {
  await makePool(alice, 2, 1)
  await makePool(alice, 1, 1, "alt")
})
const { ask, items, failure } = inquire(on)
afterEach(() => releaseAll(on.alice))

describe("history", () => {
  test("answers all records of an object, from the first", async () => {
    const { alice } = on
    await hold(alice, "past", { ttl: "1h" })
    accepted(await alice.say("lease/past renew", { ttl: "2h" }))
    await letGo(alice, "past")
    const records = await items<TestRecord>("history", { kind: "lease", id: "past" })
    expect(records.map(({ rev }) => rev)).toEqual(records.map((_, index) => index + 1))
    expect(records).toHaveLength(story(alice, "lease/past").length)
    for (const [index, record] of story(alice, "lease/past").entries())
      expect(records[index]).toMatchObject({ ...record })
  })

  test("of more records than one answer holds goes on page by page", async () => {
    const { alice } = on
    const wide = (n: number) => ({ interfaces: {}, properties: { n, x: "x".repeat(60_000) } })
    await Promise.all(Array.from({ length: 12 }, (_, n) => alice.say("device/wide put", wide(n))))
    const revisions: number[] = []
    let pages = 0
    for (let after = 0; ; pages++) {
      const page = await ask("history", { kind: "device", id: "wide", after })
      const found = page.items as TestRecord[]
      if (found.length === 0) break
      revisions.push(...found.map(({ rev }) => rev))
      after = Number(page.next)
    }
    expect(revisions).toEqual(Array.from({ length: 12 }, (_, n) => n + 1))
    expect(pages).toBeGreaterThan(1)
  })

  test("of an object that there never was is empty", async () => {
    expect(await items("history", { kind: "lease", id: "nobody" })).toEqual([])
  })
})

describe("events", () => {
  test("answers the journal after a sequence, page by page, gapless", async () => {
    const { alice } = on
    await hold(alice, "journal")
    await letGo(alice, "journal")
    const seen: { seq: number; record: TestRecord }[] = []
    let after = 0
    for (;;) {
      const page = await ask("events", { after, limit: 7 })
      const found = page.items as { seq: number; record: TestRecord }[]
      expect(found.length).toBeLessThanOrEqual(7)
      if (found.length === 0) break
      seen.push(...found)
      expect(page.next).toBeGreaterThan(after)
      after = Number(page.next)
    }
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index + 1))
    expect(seen.length).toBeGreaterThan(20)
    const heard = new Map(alice.events.map(({ seq, record }) => [seq, record]))
    for (const { seq, record } of seen) if (heard.has(seq)) expect(record).toEqual(heard.get(seq))
  })

  test("of one kind, and of one object, goes on after what it has looked at", async () => {
    const { alice } = on
    await hold(alice, "lonely")
    await letGo(alice, "lonely")
    const own = await ask("events", { after: 0, kind: "lease", id: "lonely" })
    const found = own.items as { seq: number; record: TestRecord }[]
    expect(found.map(({ record }) => record)).toEqual(story(alice, "lease/lonely"))
    expect(own.next).toBe(own.journal)
    expect(await items("events", { after: found.at(-1)?.seq, kind: "lease", id: "lonely" })).toEqual([])
    const kinds = await items<{ record: TestRecord }>("events", { after: 0, kind: "blueprint", limit: 1_000 })
    expect(kinds.map(({ record }) => record.id).sort()).toEqual(["alt", "lab"])
  })

  test("of an id without a kind are of that id, not of everything", async () => {
    const { alice } = on
    accepted(await alice.say("network/only put"))
    const found = await items<{ record: TestRecord }>("events", { after: 0, id: "only", limit: 1_000 })
    expect(found.map(({ record }) => `${record.kind}/${record.id}`)).toEqual(["network/only"])
  })

  test("after the end is empty, and goes on from where it was asked", async () => {
    const { journal } = await ask("status")
    const page = await ask("events", { after: Number(journal) + 1_000 })
    expect(page).toMatchObject({ items: [], next: Number(journal) + 1_000 })
  })

  test.each([
    {},
    { after: -1 },
    { after: "0" },
    { after: 1.5 },
    { after: 0, kind: "widget" },
    { after: 0, kind: "lease", id: "a.b" },
    { after: 0, id: "*" },
    { after: 0, limit: 0 },
  ])("asked %j is invalid", async (body) => {
    expect((await failure("events", body)).code).toBe("invalid")
  })
})

describe("commands", () => {
  test("answers the queue of an object with what became of each command", async () => {
    const { alice } = on
    const asked = await alice.say("lease/queue request", { type: "host" })
    const bad = rejected(await alice.say("lease/queue renew", { ttl: "x" }), "invalid")
    const gone = await alice.say("lease/queue release", {}, { as: "bob" })
    const found = await items<Answer>("commands", { kind: "lease", id: "queue" })
    const said = found.filter(({ by }) => by === "alice" || by === "bob")
    expect(said).toMatchObject([
      { seq: asked.command, verb: "request", by: "alice", state: "accepted", at: expect.any(String) },
      {
        seq: bad.command,
        verb: "renew",
        by: "alice",
        state: "rejected",
        code: "invalid",
        message: bad.message,
      },
      { seq: gone.command, verb: "release", by: "bob", state: "accepted" },
    ])
  })

  test("of an object that nobody spoke to are none", async () => {
    expect(await items("commands", { kind: "lease", id: "unheard" })).toEqual([])
  })
})

describe("why", () => {
  test("answers position, every blueprint considered, and what would unblock", async () => {
    const { alice } = on
    await hold(alice, "w-1", { blueprints: ["alt"], ttl: "1h" })
    accepted(await alice.say("lease/w-2 request", { type: "host", blueprints: ["alt", "nope"] }))
    accepted(await alice.say("lease/w-3 request", { type: "host", blueprints: ["alt"] }))
    const second = await ask("why", { id: "w-2" })
    expect(second).toMatchObject({
      position: 1,
      considered: [
        { blueprint: "alt", code: expect.any(String), message: expect.stringMatching(/\S/) },
        { blueprint: "nope", code: expect.any(String), message: expect.stringMatching(/nope/) },
      ],
      unblock: expect.any(Array),
    })
    expect(JSON.stringify(second.unblock)).toContain("w-1")
    expect(await ask("why", { id: "w-3" })).toMatchObject({ position: 2, considered: [{ blueprint: "alt" }] })
    await letGo(alice, "w-2")
    expect(await ask("why", { id: "w-3" })).toMatchObject({ position: 1 })
  })

  test("considers every blueprint of the type when none was named", async () => {
    const { alice } = on
    for (const id of ["e-1", "e-2", "e-3"]) await hold(alice, id)
    accepted(await alice.say("lease/e-4 request", { type: "host" }))
    const { considered } = await ask("why", { id: "e-4" })
    expect((considered as Answer[]).map(({ blueprint }) => blueprint)).toEqual(["alt", "lab"])
  })

  test("of a lease that does not wait has no position", async () => {
    await hold(on.alice, "w-active")
    expect(await ask("why", { id: "w-active" })).toMatchObject({ position: null })
    await letGo(on.alice, "w-active")
    expect(await ask("why", { id: "w-active" })).toMatchObject({ position: null })
  })

  test("of a lease that there is not is unknown-actor", async () => {
    expect((await failure("why", { id: "nobody" })).code).toBe("unknown-actor")
  })
})

describe("a host that reads the yard back", () => {
  test("answers the same about everything", async () => {
    const { alice, yard } = on
    await hold(alice, "stays", { ttl: "1h", attributes: JSON.parse('{"__proto__":{"a":1}}') })
    accepted(await alice.say("lease/stays annotate", '{"set":{"__proto__":"x"}}'))
    await settled(alice)
    const everything = async () => {
      const found: Answer[] = []
      for (const kind of ["lease", "resource", "blueprint", "service", "device", "network"])
        found.push(...(await items<Answer>("list", { kind, limit: 1_000 })))
      return canonical([found, await items("slots"), await items("history", { kind: "lease", id: "stays" })])
    }
    const before = await everything()
    await yard.host.stop()
    const next = await startTestHost(yard.server)
    onTestFinished(() => next.stop())
    await next.host.active()
    expect(await everything()).toBe(before)
  })
})

// protocol.md, "Query": every query, its filters and pages, `atLeast`, and failures.

import { afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { startTestHost } from "../support/yard.js"
import {
  accepted,
  current,
  ended,
  hold,
  letGo,
  makePool,
  rejected,
  releaseAll,
  resourceOf,
  settled,
  stage,
  story,
  type TestRecord,
} from "./stage.js"

const on = stage(async (alice) => {
  await makePool(alice, 2, 1)
  await makePool(alice, 1, 1, "alt")
})
afterEach(() => releaseAll(on.alice))

type Answer = { [key: string]: unknown }

/** Asks, and checks what the page says of every answer. */
async function ask(name: string, body: object = {}): Promise<Answer> {
  const answer = await on.alice.ask(name, body)
  expect(answer).not.toHaveProperty("error")
  expect(answer.journal).toEqual(expect.any(Number))
  return answer
}

async function items<Item>(name: string, body: object = {}): Promise<Item[]> {
  const answer = await ask(name, body)
  expect(answer.items).toEqual(expect.any(Array))
  return answer.items as Item[]
}

async function failure(name: string, body: unknown = {}): Promise<{ code: string; message: string }> {
  const answer = await on.alice.nc.request(
    `drydock.default.query.${name}.alice`,
    typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
    { timeout: 8_000 },
  )
  const said = answer.json<Answer>()
  expect(said.error).toEqual({
    code: expect.stringMatching(/^[a-z-]+$/),
    message: expect.stringMatching(/\S/),
  })
  return said.error as { code: string; message: string }
}

/** JSON with sorted keys, `__proto__` among them, which matchers pass over. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`
}

const ids = (records: readonly TestRecord[]) => records.map(({ id }) => id)

describe("get", () => {
  test("answers the last record, so you read your writes", async () => {
    const { alice } = on
    for (const name of ["one.example", "two.example", "three.example"]) {
      const record = accepted(await alice.say("network/mine put", { name }))
      expect((await ask("get", { kind: "network", id: "mine" })).record).toEqual(record)
    }
  })

  test("answers what has follow-ups with them", async () => {
    const { alice } = on
    await hold(alice, "sends")
    const record = accepted(
      await alice.say(`resource/${resourceOf(await current(alice, "lease/sends"))} release`),
    )
    expect(record.sends).toHaveLength(1)
    const stored = await items<{ record: TestRecord }>("events", {
      after: 0,
      kind: "resource",
      id: record.id,
      limit: 1_000,
    })
    expect(stored.map((item) => item.record)).toContainEqual(record)
    await ended(alice, "sends")
    for (const actor of ["lease/sends", `resource/${record.id}`]) {
      const last = await current(alice, actor)
      expect(last).toEqual(story(alice, actor).at(-1))
    }
  })

  test("knows the yard itself", async () => {
    const { record } = await ask("get", { kind: "yard", id: "default" })
    expect(record).toMatchObject({ kind: "yard", id: "default", to: "open", context: { generation: 1 } })
  })

  test.each(["nobody", "constructor", "toString"])(
    "of %s, which there is not, is unknown-actor",
    async (id) => {
      expect((await failure("get", { kind: "lease", id })).code).toBe("unknown-actor")
    },
  )
})

describe("list", () => {
  beforeAll(async () => {
    const { alice } = on
    for (const [n, id] of ["p1", "p2", "p3", "p4", "p5"].entries())
      accepted(await alice.say(`network/${id} put`, n % 2 === 0 ? {} : { name: "even.example" }))
    accepted(await alice.say("network/p4 remove"))
  })

  test("answers the records of a kind", async () => {
    const found = await items<TestRecord>("list", { kind: "blueprint" })
    expect(ids(found)).toEqual(["alt", "lab"])
    expect(found[0]).toEqual(await current(on.alice, "blueprint/alt"))
  })

  test("goes page by page, without a gap and without a repetition", async () => {
    const seen: string[] = []
    let after: unknown
    do {
      const page = await ask("list", { kind: "network", limit: 2, ...(after === undefined ? {} : { after }) })
      const found = ids(page.items as TestRecord[])
      expect(found.length).toBeLessThanOrEqual(2)
      seen.push(...found)
      after = page.next
    } while (after !== null)
    const all = await ask("list", { kind: "network" })
    expect(all.next).toBe(null)
    expect(seen).toEqual(ids(all.items as TestRecord[]))
    expect(seen).toEqual(expect.arrayContaining(["p1", "p2", "p3", "p4", "p5"]))
  })

  test("filters by state", async () => {
    expect(ids(await items("list", { kind: "network", state: "removed" }))).toEqual(["p4"])
    expect(await items("list", { kind: "network", state: "__proto__" })).toEqual([])
  })

  test("filters leases by state, type, blueprint and resource, and resources by blueprint", async () => {
    const { alice } = on
    const one = await hold(alice, "f-lab", { blueprints: ["lab"] })
    const two = await hold(alice, "f-alt", { blueprints: ["alt"] })
    const live = { kind: "lease", state: "active" }
    expect(ids(await items("list", live))).toEqual(["f-alt", "f-lab"])
    expect(ids(await items("list", { ...live, blueprint: "lab" }))).toEqual(["f-lab"])
    expect(ids(await items("list", { ...live, blueprint: "alt", type: "host" }))).toEqual(["f-alt"])
    expect(ids(await items("list", { ...live, type: "zeppelin" }))).toEqual([])
    expect(ids(await items("list", { ...live, resource: resourceOf(one) }))).toEqual(["f-lab"])
    expect(ids(await items("list", { kind: "resource", state: "active", blueprint: "alt" }))).toEqual([
      resourceOf(two),
    ])
    expect(ids(await items("list", { kind: "lease", blueprint: "nope" }))).toEqual([])
  })

  test("finds a lease that named no blueprint under the one that serves it", async () => {
    const { alice } = on
    const record = await hold(alice, "any")
    const { context } = (await current(alice, `resource/${resourceOf(record)}`)) ?? {}
    expect(
      ids(await items("list", { kind: "lease", state: "active", blueprint: context?.blueprint })),
    ).toContain("any")
  })

  test("whose records are large comes in pages that a message can carry", async () => {
    const { alice } = on
    const large = { interfaces: {}, properties: { x: "x".repeat(60_000) } }
    const wide = Array.from({ length: 12 }, (_, n) => `wide-${10 + n}`)
    await Promise.all(wide.map((id) => alice.say(`device/${id} put`, large)))
    const seen: string[] = []
    let after: unknown
    do {
      const page = await ask("list", {
        kind: "device",
        limit: 1_000,
        ...(after === undefined ? {} : { after }),
      })
      seen.push(...ids(page.items as TestRecord[]))
      after = page.next
    } while (after !== null)
    expect(seen).toEqual(expect.arrayContaining(wide))
    expect(new Set(seen).size).toBe(seen.length)
  })

  test.each([
    {},
    { kind: "widget" },
    { kind: "__proto__" },
    { kind: "lease", limit: 0 },
    { kind: "lease", limit: 1.5 },
    { kind: "lease", limit: "10" },
    { kind: "lease", limit: -1 },
    { kind: "lease", state: 7 },
    { kind: "lease", colour: "red" },
  ])("asked %j is invalid", async (body) => {
    expect((await failure("list", body)).code).toBe("invalid")
  })
})

describe("slots", () => {
  test("answers keys with their holders, all or by prefix", async () => {
    const { alice } = on
    const lease = await hold(alice, "slotted", { blueprints: ["alt"] })
    const resource = resourceOf(lease)
    const expected = [
      { key: "almanac.host.binding(alt-pool/b0)", holder: `resource/${resource}` },
      { key: `almanac.host.lease(${resource},0)`, holder: "lease/slotted" },
    ]
    expect(await items("slots")).toEqual(expect.arrayContaining(expected))
    expect(await items("slots", { prefix: "almanac.host.binding(alt" })).toEqual(expected.slice(0, 1))
    expect(await items("slots", { prefix: "nothing" })).toEqual([])
    await letGo(alice, "slotted")
    expect(await items("slots", { prefix: `almanac.host.lease(${resource},` })).toEqual([])
  })
})

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

describe("status", () => {
  test("tells who serves the yard and how far", async () => {
    const { alice, yard } = on
    const outcome = await alice.say("network/last put")
    const status = await ask("status")
    expect(status).toMatchObject({
      yard: "default",
      role: "active",
      host: yard.host.name,
      lag: 0,
      uptime: expect.any(Number),
      version: expect.any(String),
    })
    expect(status.cursor).toBeGreaterThanOrEqual(outcome.command)
    accepted(await alice.say("network/last remove"))
    expect((await ask("status")).journal).toBe(Number(status.journal) + 1)
  })
})

describe("atLeast", () => {
  test("of what is stored answers at once", async () => {
    const { journal } = await ask("status")
    expect((await ask("get", { kind: "blueprint", id: "lab", atLeast: journal })).journal).toBe(journal)
    expect(await ask("list", { kind: "blueprint", atLeast: 0 })).toMatchObject({ items: [{}, {}] })
  })

  test("of what comes soon waits for it", async () => {
    const { alice } = on
    await settled(alice)
    const { journal } = await ask("status")
    const asked = ask("get", { kind: "network", id: "awaited", atLeast: Number(journal) + 1 })
    await alice.nc.flush()
    const record = accepted(await alice.say("network/awaited put"))
    expect(await asked).toMatchObject({ record: { id: record.id, rev: 1 }, journal: Number(journal) + 1 })
  })

  // Both wait their 5 s at the same time.
  test.each(["get", "status"])(
    "of what does not come is answered `behind` after 5 s by %s",
    { concurrent: true },
    async (name) => {
      const started = performance.now()
      const body = name === "get" ? { kind: "blueprint", id: "lab" } : {}
      expect((await failure(name, { ...body, atLeast: 1_000_000 })).code).toBe("behind")
      expect(performance.now() - started).toBeGreaterThan(4_500)
    },
  )

  test.each([-1, 1.5, "1", null])("%j is invalid", async (atLeast) => {
    expect((await failure("status", { atLeast })).code).toBe("invalid")
  })
})

describe("a question that is none", () => {
  test.each(["nothing", "__proto__", "constructor", "toString", "Get"])(
    "the query %s is invalid",
    async (name) => {
      expect((await failure(name)).code).toBe("invalid")
    },
  )

  test.each([
    "{",
    "null",
    "[]",
    '"get"',
    "7",
    new Uint8Array([0x7b, 0xff, 0x7d]),
    '{"kind":"lease","id":"x","__proto__":{}}',
  ])("with the body %j is invalid", async (body) => {
    expect((await failure("get", body)).code).toBe("invalid")
  })

  test("an empty body is {}", async () => {
    const answer = await on.alice.nc.request("drydock.default.query.status.alice", new Uint8Array())
    expect(answer.json()).toMatchObject({ yard: "default", role: "active" })
  })

  test.each([
    { kind: "lease" },
    { id: "x" },
    { kind: "lease", id: "a.b" },
    { kind: "lease", id: ">" },
    { kind: "lease", id: 7 },
    { kind: "Lease", id: "x" },
  ])("get %j is invalid", async (body) => {
    for (const name of ["get", "history", "commands"])
      expect((await failure(name, body)).code).toBe("invalid")
  })

  test("from a principal outside its alphabet is invalid", async () => {
    for (const who of ["a_b", "-a", "x".repeat(33)]) {
      const answer = await on.alice.nc.request(`drydock.default.query.status.${who}`, "{}")
      expect(answer.json()).toMatchObject({ error: { code: "invalid" } })
    }
  })

  test("is answered with the journal's sequence all the same", async () => {
    const answer = await on.alice.ask("get", { kind: "lease", id: "nobody" })
    expect(answer).toMatchObject({ error: { code: "unknown-actor" }, journal: expect.any(Number) })
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

// protocol.md, "Query": what is now (`get`, `list`, `slots`, `status`), `atLeast`, and failures.

import { afterEach, beforeAll, describe, expect, test } from "vitest"
import { ids, inquire } from "./questions.js"
import {
  accepted,
  current,
  ended,
  hold,
  letGo,
  makePool,
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
const { ask, items, failure } = inquire(on)
afterEach(() => releaseAll(on.alice))

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

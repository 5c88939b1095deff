// protocol.md: the verbs of a lease in every state that it can be in, and what its context says there.

import { afterEach, describe, expect, test } from "vitest"
import {
  accepted,
  current,
  ended,
  hold,
  isLease,
  letGo,
  makePool,
  refuses,
  rejected,
  releaseAll,
  repeats,
  resourceOf,
  stage,
  story,
} from "./stage.js"

// One host for one lease at a time: whoever holds it makes all others wait.
const on = stage((alice) => makePool(alice, 1, 1))

afterEach(() => releaseAll(on.alice))

describe("request", () => {
  test("again by the same principal with the same canonical body is the same lease, in every state", async () => {
    const { alice } = on
    const body = {
      type: "host",
      blueprints: ["lab"],
      attributes: { b: [1, 2], a: { y: 1, x: "é" } },
      ttl: "1h",
    }
    const same = [
      body,
      '{"ttl":"1h","attributes":{"a":{"x":"\\u00e9","y":1.0},"b":[1,2]},"blueprints":["lab"],"type":"host"}',
      ` { "type" : "host", "ttl":"1h" , "blueprints":["lab"],\n "attributes":{"b":[1,2e0],"a":{"y":1,"x":"é"}} } `,
    ]
    await hold(alice, "blocker")
    accepted(await alice.say("lease/again request", body))
    for (const one of same) expect((await repeats(alice, "lease/again request", one)).to).toBe("pending")
    await letGo(alice, "blocker")
    await alice.seen((record) => isLease(record, "again") && record.to === "active")
    for (const one of same) expect((await repeats(alice, "lease/again request", one)).to).toBe("active")
    await letGo(alice, "again")
    for (const one of same) expect((await repeats(alice, "lease/again request", one)).to).toBe("destroyed")
  })

  test("absent attributes are empty attributes", async () => {
    const { alice } = on
    await hold(alice, "bare")
    await repeats(alice, "lease/bare request", { type: "host", attributes: {} })
    await letGo(alice, "bare")
  })

  test.each([
    { type: "host", ttl: "2h" },
    { type: "host", until: "2099-01-01T00:00:00Z" },
    { type: "host", attributes: { a: 1 } },
    { type: "host", blueprints: ["lab"] },
    { type: "other" },
  ])("of another body %j under a used id is already-exists, also after its end", async (other) => {
    const { alice } = on
    const id = `used${Object.keys(other).join("")}${other.type}`
    await hold(alice, id, { ttl: "1h" })
    await refuses(alice, `lease/${id} request`, other, "already-exists")
    await letGo(alice, id)
    await refuses(alice, `lease/${id} request`, other, "already-exists")
  })

  test("of the same body by somebody else is already-exists", async () => {
    const { alice } = on
    await hold(alice, "mine")
    rejected(await alice.say("lease/mine request", { type: "host" }, { as: "bob" }), "already-exists")
    await letGo(alice, "mine")
    rejected(await alice.say("lease/mine request", { type: "host" }, { as: "bob" }), "already-exists")
  })

  test("with an `until` that has passed is stale, and the id stays free", async () => {
    const { alice } = on
    for (const until of ["2020-01-01T00:00:00Z", new Date(Date.now() - 1).toISOString()])
      await refuses(alice, "lease/past request", { type: "host", until }, "stale")
    expect(await current(alice, "lease/past")).toBe(null)
    await hold(alice, "past")
    await letGo(alice, "past")
  })

  test.each([
    ["a type that nothing provides", { type: "zeppelin" }],
    ["a blueprint that does not exist", { type: "host", blueprints: ["nope"] }],
    ["a blueprint of another type", { type: "zeppelin", blueprints: ["lab"] }],
    ["blueprints that all cannot", { type: "host", blueprints: ["nope", "constructor", "nada"] }],
  ])("for %s breaks at once, says why, and ends by itself", async (what, body) => {
    const { alice } = on
    const id = `never-${what.length}`
    const record = accepted(await alice.say(`lease/${id} request`, body))
    expect(record).toMatchObject({
      rev: 1,
      from: null,
      to: "broken",
      path: ["pending", "broken"],
      context: { waiting: null, reason: { code: "unsatisfiable", message: expect.stringMatching(/\S/) } },
    })
    expect(await ended(alice, id)).toMatchObject({
      from: "broken",
      path: ["destroyed"],
      context: { reason: record.context.reason },
    })
    await refuses(alice, `lease/${id} renew`, { ttl: "1h" }, "not-allowed")
    await repeats(alice, `lease/${id} release`)
  })

  test("that one of its blueprints can serve is served, whatever the others are", async () => {
    const { alice } = on
    expect(await hold(alice, "some", { blueprints: ["nope", "lab"] })).toMatchObject({
      context: { blueprints: ["nope", "lab"] },
    })
    await letGo(alice, "some")
  })

  test("takes a public key to seal to", async () => {
    const { alice } = on
    await hold(alice, "sealed", { sealTo: "A".repeat(43) })
    await letGo(alice, "sealed")
  })
})

describe("a lease that has to wait", () => {
  test("says why, is granted when the host is free, in the order of the requests", async () => {
    const { alice } = on
    await hold(alice, "first")
    for (const id of ["second", "third"]) {
      const record = accepted(await alice.say(`lease/${id} request`, { type: "host" }))
      expect(record).toMatchObject({
        to: "pending",
        path: ["pending"],
        context: {
          waiting: { code: "no-free-resource", details: expect.anything() },
          resource: null,
          slots: [],
          token: null,
        },
      })
    }
    const tokens: number[] = []
    for (const id of ["first", "second", "third"]) {
      const active = await alice.seen((record) => isLease(record, id) && record.to === "active")
      expect(active.context.waiting).toBe(null)
      tokens.push(Number(active.context.token))
      await letGo(alice, id)
    }
    expect(tokens).toEqual([...tokens].sort((a, b) => a - b))
    const [grant, release] = [
      story(alice, "lease/second").find(({ to }) => to === "active"),
      await current(alice, "lease/first"),
    ]
    expect(Date.parse(grant?.at ?? "")).toBeGreaterThanOrEqual(Date.parse(release?.at ?? ""))
  })

  test("has its `waiting` rewritten only when its code changes", async () => {
    const { alice } = on
    await hold(alice, "h0")
    const asked = accepted(await alice.say("lease/w1 request", { type: "host" }))
    accepted(await alice.say("lease/w2 request", { type: "host" }))
    const noted = accepted(await alice.say("lease/w1 annotate", { set: { a: "b" } }))
    expect(noted.context.waiting).toEqual(asked.context.waiting)
    await letGo(alice, "w2")
    expect((await current(alice, "lease/w1"))?.rev).toBe(2)
    await letGo(alice, "w1")
    await letGo(alice, "h0")
  })

  test("and is released ends without ever holding anything", async () => {
    const { alice } = on
    await hold(alice, "h1")
    accepted(await alice.say("lease/cancelled request", { type: "host" }))
    const record = accepted(await alice.say("lease/cancelled release", { reason: "changed my mind" }))
    expect(record).toMatchObject({
      from: "pending",
      to: "destroyed",
      path: ["released", "destroyed"],
      context: {
        resource: null,
        token: null,
        waiting: null,
        reason: { code: "released", message: "changed my mind" },
      },
    })
    await letGo(alice, "h1")
  })
})

describe("release", () => {
  test("is accepted once with a record and then again without one", async () => {
    const { alice } = on
    await hold(alice, "once")
    const record = accepted(await alice.say("lease/once release"))
    expect(record.context).toMatchObject({ slots: [], reason: { code: "released" } })
    await repeats(alice, "lease/once release")
    await repeats(alice, "lease/once release", { reason: "another reason" })
  })

  test("of a broken lease is accepted, and its reason stays", async () => {
    const { alice } = on
    const said = [
      alice.say("lease/broke request", { type: "zeppelin" }),
      alice.say("lease/broke release", { reason: "x" }),
    ]
    for (const outcome of await Promise.all(said)) accepted(outcome)
    expect(await ended(alice, "broke")).toMatchObject({ context: { reason: { code: "unsatisfiable" } } })
  })
})

describe("annotate", () => {
  test("sets and removes texts, for a waiting lease and for an active one", async () => {
    const { alice } = on
    await hold(alice, "notes")
    accepted(await alice.say("lease/notes-w request", { type: "host" }))
    for (const id of ["notes", "notes-w"]) {
      const before = await current(alice, `lease/${id}`)
      const record = accepted(
        await alice.say(`lease/${id} annotate`, { set: { build: "42", empty: "", url: "http://x" } }),
      )
      expect(record).toMatchObject({
        from: before?.to,
        to: before?.to,
        path: [],
        rev: (before?.rev ?? 0) + 1,
      })
      expect(record.context).toEqual({
        ...before?.context,
        notes: { build: "42", empty: "", url: "http://x" },
      })
      const less = accepted(
        await alice.say(`lease/${id} annotate`, { set: { build: null, empty: "full", never: null } }),
      )
      expect(less.context.notes).toEqual({ empty: "full", url: "http://x" })
      await repeats(alice, `lease/${id} annotate`, { set: { empty: "full" } })
      await repeats(alice, `lease/${id} annotate`, { set: {} })
      await repeats(alice, `lease/${id} annotate`, { set: { build: null } })
    }
    await letGo(alice, "notes-w")
    await letGo(alice, "notes")
  })

  test("keeps 32 keys and 4 KiB, and refuses more as over-limit", async () => {
    const { alice } = on
    const keys = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, "v"]))
    await hold(alice, "many")
    await refuses(alice, "lease/many annotate", { set: keys(33) }, "over-limit")
    accepted(await alice.say("lease/many annotate", { set: keys(32) }))
    await refuses(alice, "lease/many annotate", { set: { more: "v" } }, "over-limit")
    accepted(await alice.say("lease/many annotate", { set: { more: "v", k0: null } }))
    await letGo(alice, "many")

    await hold(alice, "long")
    accepted(await alice.say("lease/long annotate", { set: { key: "x".repeat(4096 - 3) } }))
    await refuses(alice, "lease/long annotate", { set: { key: "x".repeat(4096 - 2) } }, "over-limit")
    await refuses(alice, "lease/long annotate", { set: { a: "" } }, "over-limit")
    // Bytes, not characters.
    await refuses(alice, "lease/long annotate", { set: { key: "é".repeat(2_047) } }, "over-limit")
    accepted(await alice.say("lease/long annotate", { set: { key: "é".repeat(2_046) } }))
    await letGo(alice, "long")
  })
})

describe("a lease that is over", () => {
  test("takes nothing but what holds already", async () => {
    const { alice } = on
    await hold(alice, "over")
    await letGo(alice, "over")
    await refuses(alice, "lease/over renew", { ttl: "1h" }, "not-allowed")
    await refuses(alice, "lease/over annotate", { set: { a: "b" } }, "not-allowed")
    await repeats(alice, "lease/over release")
    await repeats(alice, "lease/over request", { type: "host" })
  })

  test("keeps who had what: its resource, its token, its reason", async () => {
    const { alice } = on
    const active = await hold(alice, "kept")
    const { context } = await letGo(alice, "kept")
    expect(context).toMatchObject({
      resource: resourceOf(active),
      token: active.context.token,
      slots: [],
      by: "alice",
    })
  })
})

test("a renewal that names no time at all is invalid when none was ever named", async () => {
  const { alice } = on
  await hold(alice, "endless")
  await refuses(alice, "lease/endless renew", {}, "invalid")
  await letGo(alice, "endless")
})

test("500 requests and releases of one id end in one story without gaps", async () => {
  const { alice } = on
  const said = Array.from({ length: 500 }, (_, n) =>
    alice.say(`lease/storm ${n % 2 === 0 ? "request" : "release"}`, n % 2 === 0 ? { type: "host" } : {}),
  )
  for (const outcome of await Promise.all(said)) accepted(outcome)
  await ended(alice, "storm")
  const revisions = story(alice, "lease/storm").map(({ rev }) => rev)
  expect(revisions).toEqual(revisions.map((_, index) => index + 1))
  expect(revisions.length).toBeLessThan(5)
})

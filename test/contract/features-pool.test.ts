// Features of the ancestor's allocator (reference, section 9), seen from outside: limits, reuse, room that is made under
// pressure, and the ends of resources. Where something must not happen, a lease of another pool that ends by itself is
// the clock.

import { afterEach, describe, expect, test } from "vitest"
import { create, inPool } from "./pool.js"
import {
  accepted,
  current,
  ended,
  hold,
  isLease,
  letGo,
  makePool,
  rejected,
  releaseAll,
  resourceOf,
  stage,
  type TestRecord,
} from "./stage.js"

const on = stage(async (alice) => {
  await makePool(alice, 1, undefined, "clock")
})
const { holdAll, waits, becomesActive, resourceEnded } = inPool(on)
afterEach(() => releaseAll(on.alice))

const serving = (name: string) => ({ services: [`${name}-pool`], leasesPerHost: 1 })
let ticks = 0

/** Resolves when a lease of so long, requested now, has ended. */
async function passes(ttl: string): Promise<void> {
  const id = `tick-${++ticks}`
  await hold(on.alice, id, { blueprints: ["clock"], ttl })
  await ended(on.alice, id)
}

/** Most resources of a blueprint that were alive after any record so far. */
function mostAlive(blueprint: string): number {
  const alive = new Set<string>()
  let most = 0
  for (const { record } of on.alice.events) {
    if (record.kind !== "resource" || record.context.blueprint !== blueprint) continue
    if (record.to === "destroyed") alive.delete(record.id)
    else alive.add(record.id)
    most = Math.max(most, alive.size)
  }
  return most
}

function resource(id: string, matches: (record: TestRecord) => boolean): Promise<TestRecord> {
  return on.alice.seen((record) => record.kind === "resource" && record.id === id && matches(record))
}

describe("the limit of resources", () => {
  test("is never passed by 20 requests at once: with a limit of 1 they are served one after the other", async () => {
    const { alice } = on
    await makePool(alice, 4, 1, "race")
    accepted(await alice.say("blueprint/race configure", create(serving("race"), 1)))
    const ids = Array.from({ length: 20 }, (_, n) => `race-${n}`)
    await Promise.all(
      ids.map((id) => alice.say(`lease/${id} request`, { type: "host", blueprints: ["race"] })),
    )
    for (const id of ids) {
      await becomesActive(id)
      await letGo(alice, id)
    }
    expect(mostAlive("race")).toBe(1)
  })

  test("that is lowered leaves what there is, and lets nothing be built until there are fewer", async () => {
    const { alice } = on
    await makePool(alice, 4, 1, "lower")
    const held = await holdAll(alice, "lower", ["lower-1", "lower-2", "lower-3"])
    accepted(await alice.say("blueprint/lower configure", create(serving("lower"), 2)))
    for (const { id } of held) expect((await current(alice, `lease/${id}`))?.to).toBe("active")
    await waits("lower-4", "lower")
    const [first = "", second = ""] = held.map(resourceOf)
    accepted(await alice.say(`resource/${first} release`))
    await resourceEnded(first)
    expect((await current(alice, "lease/lower-4"))?.to).toBe("pending")
    accepted(await alice.say(`resource/${second} release`))
    await becomesActive("lower-4")
    const { items } = await alice.ask("list", { kind: "resource", blueprint: "lower", state: "active" })
    expect(items).toHaveLength(2)
  })
})

describe("an idle host", () => {
  test("is used again before another is built where one was taken back", async () => {
    const { alice } = on
    await makePool(alice, 2, 1, "again")
    const [a, b] = (await holdAll(alice, "again", ["again-1", "again-2"])).map(resourceOf)
    for (const id of ["again-1", "again-2"]) await letGo(alice, id)
    accepted(await alice.say(`resource/${b} reclaim`))
    await resourceEnded(String(b))
    for (const id of ["again-3", "again-4"]) {
      expect(resourceOf(await hold(alice, id, { blueprints: ["again"] }))).toBe(a)
      await letGo(alice, id)
    }
  })

  test("makes room for a lease that only another blueprint may serve, when its immunity is over", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "press")
    accepted(
      await alice.say("blueprint/press configure", { ...create(serving("press")), immunity: "1500ms" }),
    )
    accepted(await alice.say("blueprint/needs create", create(serving("press"))))
    const [held] = await holdAll(alice, "press", ["press-1"])
    const victim = resourceOf(held ?? null)
    const idleSince = await letGo(alice, "press-1")
    await waits("needs-1", "needs")
    const promised = await resource(victim, ({ context }) => context.reclaim !== null)
    expect(promised).toMatchObject({ to: "active", context: { reclaim: { lease: "needs-1" } } })
    expect(await current(alice, "lease/needs-1")).toMatchObject({
      context: { waiting: { code: "reclaiming", details: { resource: victim } } },
    })
    const gone = await resourceEnded(victim)
    expect(gone.context.reason).toEqual({ code: "reclaimed", message: "lease needs-1 needs its room" })
    expect(Date.parse(gone.at) - Date.parse(idleSince.at)).toBeGreaterThanOrEqual(1_500)
    const served = await becomesActive("needs-1")
    expect(Date.parse(served.at) - Date.parse(gone.at)).toBeLessThan(1_000)
    const reclaimed = alice.events.filter(
      ({ record }) =>
        record.kind === "resource" && record.context.reason?.message === "lease needs-1 needs its room",
    )
    expect(new Set(reclaimed.map(({ record }) => record.id))).toEqual(new Set([victim]))
  })

  test("that is leased makes no room, whoever waits", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "stays")
    accepted(await alice.say("blueprint/stays configure", { ...create(serving("stays")), immunity: "100ms" }))
    accepted(await alice.say("blueprint/hungry create", create(serving("stays"))))
    const [held] = await holdAll(alice, "stays", ["stays-1"])
    await waits("hungry-1", "hungry")
    await passes("1s")
    expect(await current(alice, "lease/stays-1")).toEqual(held)
    expect((await current(alice, `resource/${resourceOf(held ?? null)}`))?.to).toBe("active")
    expect((await current(alice, "lease/hungry-1"))?.to).toBe("pending")
    // As soon as it is idle, and its short immunity over, it goes.
    await letGo(alice, "stays-1")
    await becomesActive("hungry-1")
  })
})

describe("the end of a resource", () => {
  test("comes on time where its blueprint says how long it lasts, and its leases end with it", async () => {
    const { alice } = on
    await makePool(alice, 1, 2, "ttl")
    accepted(await alice.say("blueprint/ttl configure", { ...create(serving("ttl")), resourceTtl: "1500ms" }))
    const held = await hold(alice, "ttl-1", { blueprints: ["ttl"] })
    const { activatedAt, until } = (await current(alice, `resource/${resourceOf(held)}`))?.context ?? {}
    expect(Date.parse(String(until)) - Date.parse(String(activatedAt))).toBe(1_500)
    const gone = await resourceEnded(resourceOf(held))
    expect(gone.context.reason).toMatchObject({ code: "expired" })
    expect(Date.parse(gone.at)).toBeGreaterThanOrEqual(Date.parse(String(until)))
    expect(await ended(alice, "ttl-1")).toMatchObject({ context: { reason: { code: "resource-released" } } })
  })

  test("comes when nobody used it for as long as its blueprint keeps it, and not while it is leased", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "idles")
    accepted(await alice.say("blueprint/idles configure", { ...create(serving("idles")), idle: "1s" }))
    const held = await hold(alice, "idles-1", { blueprints: ["idles"] })
    await passes("1500ms")
    expect((await current(alice, `resource/${resourceOf(held)}`))?.to).toBe("active")
    const left = await letGo(alice, "idles-1")
    const gone = await resourceEnded(resourceOf(held))
    expect(gone.context.reason).toMatchObject({ code: "idle" })
    expect(Date.parse(gone.at) - Date.parse(left.at)).toBeGreaterThanOrEqual(1_000)
  })

  test("is after its last lease when it is drained: it gives nothing new", async () => {
    const { alice } = on
    await makePool(alice, 1, 2, "drain")
    const held = await hold(alice, "drain-1", { blueprints: ["drain"] })
    const record = accepted(await alice.say(`resource/${resourceOf(held)} drain`, { reason: "new disk" }))
    expect(record).toMatchObject({ to: "active", context: { draining: true } })
    await waits("drain-2", "drain")
    expect((await current(alice, "lease/drain-1"))?.to).toBe("active")
    await letGo(alice, "drain-1")
    expect((await resourceEnded(resourceOf(held))).context.reason).toMatchObject({ code: "drained" })
    expect(resourceOf(await becomesActive("drain-2"))).not.toBe(resourceOf(held))
  })
})

describe("the time of a lease", () => {
  test("is never longer than its blueprint allows, renewals included, and its end is told before", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "longest")
    accepted(
      await alice.say("blueprint/longest configure", {
        ...create(serving("longest")),
        maxDuration: "3s",
        warnBefore: "1s",
      }),
    )
    const held = await hold(alice, "longest-1", { blueprints: ["longest"], ttl: "1h" })
    const until = Date.parse(String(held.context.until))
    expect(until - Date.parse(String(held.context.activatedAt))).toBe(3_000)
    rejected(await alice.say("lease/longest-1 renew", { ttl: "2h" }), "over-limit")
    const warned = await alice.seen(
      (record) => isLease(record, "longest-1") && record.event.type === "expire",
    )
    expect(warned).toMatchObject({ to: "active", path: [], event: { body: { timer: "warn" } } })
    expect(until - Date.parse(warned.at)).toBeLessThanOrEqual(1_000)
    const gone = await ended(alice, "longest-1")
    expect(gone.context.reason).toMatchObject({ code: "expired" })
    expect(Date.parse(gone.at)).toBeGreaterThanOrEqual(until)
  })
})

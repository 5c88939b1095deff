// protocol.md: "`ttl` counts from `active`; `until` is absolute and also ends a waiting lease; with both, the earlier.
// `renew`: from now; on a waiting lease it is stored." Deadlines stand in `timers`; what expires says so.

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
  releaseAll,
  repeats,
  stage,
  story,
  type TestRecord,
} from "./stage.js"

const on = stage((alice) => makePool(alice, 1, 1))
afterEach(() => releaseAll(on.alice))

const HOUR = 3_600_000
const iso = (ms: number) => new Date(ms).toISOString()
const soon = (ms: number) => iso(Date.now() + ms)

/** Both the context and the one timer say when it ends; null = never. */
function expectEnd(record: TestRecord | null, until: string | null): void {
  expect(record?.context.until).toBe(until)
  expect(record?.timers.map(({ at }) => at)).toEqual(until === null ? [] : [until])
}

describe("a lease that is granted", () => {
  test.each([
    ["90s", 90_000],
    ["30m", HOUR / 2],
    ["2h", 2 * HOUR],
    ["1d", 24 * HOUR],
  ])("with ttl %s ends that long after it became active", async (ttl, ms) => {
    const record = await hold(on.alice, `ttl-${ttl}`, { ttl })
    expect(record.context.activatedAt).toBe(record.at)
    expectEnd(record, iso(Date.parse(record.at) + ms))
  })

  test("with `until` ends then", async () => {
    const until = soon(HOUR)
    expectEnd(await hold(on.alice, "abs", { until }), until)
  })

  test("with both ends at the earlier: `until`", async () => {
    const until = soon(HOUR)
    expectEnd(await hold(on.alice, "both-until", { until, ttl: "2h" }), until)
  })

  test("with both ends at the earlier: ttl", async () => {
    const record = await hold(on.alice, "both-ttl", { until: soon(2 * HOUR), ttl: "1h" })
    expectEnd(record, iso(Date.parse(record.at) + HOUR))
  })

  test("without either never ends by itself", async () => {
    expectEnd(await hold(on.alice, "forever"), null)
  })
})

describe("a lease that waits", () => {
  test("has no deadline from its ttl, which counts from active", async () => {
    const { alice } = on
    await hold(alice, "before")
    const asked = accepted(await alice.say("lease/waits request", { type: "host", ttl: "1h" }))
    expectEnd(asked, null)
    await letGo(alice, "before")
    const active = await alice.seen((record) => isLease(record, "waits") && record.to === "active")
    expect(Date.parse(active.at)).toBeGreaterThan(Date.parse(asked.at))
    expectEnd(active, iso(Date.parse(active.at) + HOUR))
  })

  test("ends at its `until`, with the reason `expired`", async () => {
    const { alice } = on
    await hold(alice, "holder")
    const until = soon(300)
    const asked = accepted(await alice.say("lease/patient request", { type: "host", until, ttl: "1h" }))
    expect(asked.to).toBe("pending")
    expectEnd(asked, until)
    const end = await ended(alice, "patient")
    expect(end).toMatchObject({
      from: "pending",
      path: ["released", "destroyed"],
      context: {
        reason: { code: "expired", message: expect.stringMatching(/\S/) },
        resource: null,
        waiting: null,
      },
      cause: { id: null, by: "timer" },
      timers: [],
    })
    expect(end.at >= until).toBe(true)
    expect((await current(alice, "lease/holder"))?.to).toBe("active")
  })

  test("stores a renewal, and counts it when it becomes active", async () => {
    const { alice } = on
    await hold(alice, "front")
    accepted(await alice.say("lease/stored request", { type: "host" }))
    const renewed = accepted(await alice.say("lease/stored renew", { ttl: "2h" }))
    expect(renewed).toMatchObject({ rev: 2, from: "pending", to: "pending", path: [] })
    expectEnd(renewed, null)
    await repeats(alice, "lease/stored renew", { ttl: "2h" })
    await letGo(alice, "front")
    const active = await alice.seen((record) => isLease(record, "stored") && record.to === "active")
    expectEnd(active, iso(Date.parse(active.at) + 2 * HOUR))
  })

  test("takes a new `until`, which then ends it", async () => {
    const { alice } = on
    await hold(alice, "front2")
    accepted(await alice.say("lease/moved request", { type: "host", until: soon(HOUR) }))
    const until = soon(300)
    expectEnd(accepted(await alice.say("lease/moved renew", { until })), until)
    expect(await ended(alice, "moved")).toMatchObject({ context: { reason: { code: "expired" } } })
  })

  test("refuses an `until` that has passed as stale", async () => {
    const { alice } = on
    await hold(alice, "front3")
    accepted(await alice.say("lease/late request", { type: "host" }))
    await refuses(alice, "lease/late renew", { until: "2020-01-01T00:00:00Z" }, "stale")
  })
})

describe("a renewal of an active lease", () => {
  test("counts its ttl from now, whether that is later or earlier than before", async () => {
    const { alice } = on
    await hold(alice, "r1", { ttl: "30m" })
    for (const [ttl, ms] of [
      ["2h", 2 * HOUR],
      ["90s", 90_000],
    ] as const) {
      const record = accepted(await alice.say("lease/r1 renew", { ttl }))
      expectEnd(record, iso(Date.parse(record.at) + ms))
    }
  })

  test("takes an `until`, and the earlier of both", async () => {
    const { alice } = on
    await hold(alice, "r2", { ttl: "30m" })
    const until = soon(5 * HOUR)
    expectEnd(accepted(await alice.say("lease/r2 renew", { until })), until)
    await repeats(alice, "lease/r2 renew", { until })
    const sooner = soon(HOUR)
    expectEnd(accepted(await alice.say("lease/r2 renew", { until: sooner, ttl: "1d" })), sooner)
    const both = accepted(await alice.say("lease/r2 renew", { until: soon(24 * HOUR), ttl: "1h" }))
    expectEnd(both, iso(Date.parse(both.at) + HOUR))
  })

  test("gives an end to a lease that had none", async () => {
    const { alice } = on
    await hold(alice, "r3")
    const record = accepted(await alice.say("lease/r3 renew", { ttl: "1h" }))
    expectEnd(record, iso(Date.parse(record.at) + HOUR))
  })

  test("to a time that has passed is stale", async () => {
    const { alice } = on
    await hold(alice, "r4", { ttl: "1h" })
    await refuses(alice, "lease/r4 renew", { until: soon(-1) }, "stale")
    await refuses(alice, "lease/r4 renew", { until: "1999-12-31T23:59:59Z", ttl: "1h" }, "stale")
  })

  test("leaves everything else as it is", async () => {
    const { alice } = on
    const before = await hold(alice, "r5", { ttl: "1h", attributes: { a: 1 } })
    const { context } = accepted(await alice.say("lease/r5 renew", { ttl: "2h" }))
    for (const field of [
      "token",
      "resource",
      "slots",
      "acquiredAt",
      "activatedAt",
      "requestedAt",
      "attributes",
      "by",
    ])
      expect(context[field]).toEqual(before.context[field])
  })
})

describe("expiry", () => {
  test("ends an active lease at its time and gives the host to the next, in this order", async () => {
    const { alice } = on
    const until = soon(700)
    const active = await hold(alice, "short", { until })
    accepted(await alice.say("lease/next request", { type: "host" }))
    const granted = await alice.seen((record) => isLease(record, "next") && record.to === "active")
    const end = await ended(alice, "short")
    expect(end).toMatchObject({
      from: "active",
      path: ["released", "destroyed"],
      context: { reason: { code: "expired" }, slots: [] },
    })
    expect(end.at >= until && granted.at >= end.at).toBe(true)
    expect(granted.context.slots).toEqual(active.context.slots)
    expect(Number(granted.context.token)).toBeGreaterThan(Number(active.context.token))
  })

  test("by ttl comes no earlier than that, and not much later", async () => {
    const { alice } = on
    const active = await hold(alice, "second", { ttl: "1s" })
    const end = await ended(alice, "second")
    const lasted = Date.parse(end.at) - Date.parse(active.at)
    expect(lasted).toBeGreaterThanOrEqual(1_000)
    expect(lasted).toBeLessThan(6_000)
  })

  test("does not touch a lease that was renewed in time", async () => {
    const { alice } = on
    accepted(await alice.say("lease/kept request", { type: "host", until: soon(1_000) }))
    accepted(await alice.say("lease/kept renew", { until: soon(2 * HOUR) }))
    accepted(await alice.say("lease/witness request", { type: "host", until: soon(1_300) }))
    await ended(alice, "witness")
    expect((await current(alice, "lease/kept"))?.to).toBe("active")
    expect(story(alice, "lease/kept").at(-1)?.timers).toHaveLength(1)
  })

  test("in the middle of a storm of renewals either renews or ends, never both", async () => {
    const { alice } = on
    await hold(alice, "race", { until: soon(600) })
    const said = Array.from({ length: 200 }, (_, n) =>
      alice.say("lease/race renew", { until: soon(500 + n) }),
    )
    for (const outcome of await Promise.all(said))
      if (outcome.outcome === "rejected") expect(["stale", "not-allowed"]).toContain(outcome.code)
    const end = await ended(alice, "race")
    expect(end.context.reason).toMatchObject({ code: "expired" })
    expect(end.at >= String(end.context.until)).toBe(true)
  })
})

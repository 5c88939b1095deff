// The main job from end to end with nothing but the NATS client: Almanac, blueprint, request, renew, release, and
// every record of it as protocol.md, "Record", writes it.

import { describe, expect, test } from "vitest"
import {
  accepted,
  current,
  ended,
  isLease,
  repeats,
  resourceOf,
  stage,
  story,
  type TestRecord,
} from "./stage.js"

const on = stage(async () => {}, "always")
const GENERATION = 2 ** 40
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/

/** What the page says of every record. */
function expectRecord(record: TestRecord): void {
  expect(record).toMatchObject({
    v: 1,
    yard: "default",
    kind: expect.any(String),
    id: expect.any(String),
    rev: expect.any(Number),
    to: expect.any(String),
    path: expect.any(Array),
    event: { type: record.cause.verb },
    context: expect.any(Object),
    cause: { command: expect.any(Number), verb: expect.any(String), by: expect.any(String) },
    at: expect.stringMatching(ISO),
    machine: { id: record.kind, version: expect.any(String), hash: expect.stringMatching(/^\S+$/) },
    jobs: expect.any(Array),
    timers: expect.any(Array),
    sends: expect.any(Array),
  })
  expect(record.cause).toHaveProperty("id")
  if (record.from === null) expect(record.rev).toBe(1)
  else expect(record.rev).toBeGreaterThan(1)
  if (record.path.length > 0) expect(record.path.at(-1)).toBe(record.to)
}

describe("the main job", () => {
  test("a network, a device, a service and a blueprint are created, each with its first record", async () => {
    const { alice } = on
    const network = accepted(await alice.say("network/net put", { name: "lab.example" }))
    expect(network).toMatchObject({ kind: "network", id: "net", rev: 1, from: null, to: "present" })

    const eth0 = { network: "net", address: "127.0.0.1", transport: "local" }
    const device = accepted(
      await alice.say("device/h1 put", { interfaces: { eth0 }, properties: { rack: 7 } }),
    )
    expect(device).toMatchObject({
      rev: 1,
      from: null,
      to: "enabled",
      context: { interfaces: { eth0: { ...eth0, port: 22 } }, properties: { rack: 7 } },
    })

    const b1 = { device: "h1", interface: "eth0" }
    const service = accepted(await alice.say("service/pool put", { type: "drydock.pool", bindings: { b1 } }))
    expect(service).toMatchObject({
      rev: 1,
      from: null,
      context: { type: "drydock.pool", bindings: { b1: { ...b1, disabled: false } } },
    })

    const config = { services: ["pool"], leasesPerHost: 1 }
    const blueprint = accepted(
      await alice.say("blueprint/lab create", { type: "almanac-service-host", config, limit: 10 }),
    )
    expect(blueprint).toMatchObject({
      rev: 1,
      from: null,
      to: "enabled",
      context: { type: "almanac-service-host", config, limit: 10 },
    })
    for (const record of [network, device, service, blueprint]) expectRecord(record)
  })

  test("the first request orders a host, waits for it, and is granted by a follow-up", async () => {
    const { alice } = on
    const asked = accepted(
      await alice.say("lease/L1 request", {
        type: "host",
        blueprints: ["lab"],
        attributes: { cpu: 4 },
        ttl: "30m",
      }),
    )
    expect(asked).toMatchObject({
      rev: 1,
      from: null,
      to: "pending",
      path: ["pending"],
      context: {
        type: "host",
        attributes: { cpu: 4 },
        blueprints: ["lab"],
        by: "alice",
        resource: null,
        slots: [],
        token: null,
        until: null,
        requestedAt: asked.at,
        acquiredAt: null,
        activatedAt: null,
        waiting: { code: "allocating", details: expect.anything() },
        reason: null,
        notes: {},
        job: null,
      },
      timers: [],
    })
    expect(asked.sends).toHaveLength(1)

    const active = await alice.seen((record) => isLease(record, "L1") && record.to === "active")
    const resource = resourceOf(active)
    expect(active).toMatchObject({
      rev: 2,
      from: "pending",
      to: "active",
      path: ["acquired", "active"],
      context: {
        slots: [`almanac.host.lease(${resource},0)`],
        requestedAt: asked.at,
        acquiredAt: active.at,
        activatedAt: active.at,
        waiting: null,
        reason: null,
      },
      cause: { id: null, by: "allocator" },
    })
    const until = new Date(Date.parse(active.at) + 30 * 60_000).toISOString()
    expect(active.context.until).toBe(until)
    expect(active.timers).toEqual([{ id: expect.any(String), at: until }])

    const host = await current(alice, `resource/${resource}`)
    expect(host).toMatchObject({
      rev: 1,
      from: null,
      to: "active",
      path: ["pending", "active"],
      context: {
        type: "host",
        blueprint: "lab",
        slots: ["almanac.host.binding(pool/b1)"],
        attributes: { address: "127.0.0.1", port: 22, transport: "local", network: "net", device: "h1" },
      },
    })
  })

  test("the token is generation times 2^40 plus the journal sequence of the granting record", async () => {
    const { alice } = on
    const granted = alice.events.find(({ record }) => isLease(record, "L1") && record.to === "active")
    expect(granted?.record.context.token).toBe(GENERATION + (granted?.seq ?? 0))
    expect(granted?.record.context.token).toBeLessThanOrEqual(2 ** 53)
  })

  test("a renewal counts from now", async () => {
    const renewed = accepted(await on.alice.say("lease/L1 renew", { ttl: "2h" }))
    expect(renewed).toMatchObject({
      rev: 3,
      from: "active",
      to: "active",
      path: [],
      cause: { verb: "renew" },
    })
    expect(renewed.context.until).toBe(new Date(Date.parse(renewed.at) + 2 * 3_600_000).toISOString())
    expect(renewed.timers).toEqual([{ id: expect.any(String), at: renewed.context.until }])
  })

  test("a release ends the lease, frees its slots and keeps the reason", async () => {
    const { alice } = on
    const released = accepted(await alice.say("lease/L1 release", { reason: "done" }))
    expect(released).toMatchObject({ from: "active", path: expect.arrayContaining(["released"]) })
    expect(await ended(alice, "L1")).toMatchObject({
      to: "destroyed",
      context: { slots: [], reason: { code: "released", message: "done" } },
      timers: [],
    })
    await repeats(alice, "lease/L1 release", { reason: "done" })
  })

  test("on a host that is idle one record goes from nothing to active", async () => {
    const { alice } = on
    const record = accepted(await alice.say("lease/L2 request", { type: "host" }))
    expect(record).toMatchObject({
      rev: 1,
      from: null,
      to: "active",
      path: ["pending", "acquired", "active"],
      context: { blueprints: null, until: null, waiting: null, token: expect.any(Number) },
      timers: [],
      sends: [],
    })
    expect(record.context.token).toBeGreaterThan(Number(story(alice, "lease/L1")[1]?.context.token))
    accepted(await alice.say("lease/L2 release"))
    await ended(alice, "L2")
  })

  test("every event is a record of the page, says which one it follows, and revisions have no gap", async () => {
    const { alice } = on
    const last = new Map<string, { rev: number; seq: number; to: string }>()
    let before = 0
    expect(alice.events.length).toBeGreaterThan(10)
    for (const { seq, last: previous, record, subject } of alice.events) {
      const actor = `${record.kind}/${record.id}`
      expect(subject).toBe(`drydock.default.event.${record.kind}.${record.id}`)
      expect(seq).toBeGreaterThan(before)
      before = seq
      expectRecord(record)
      const known = last.get(actor)
      expect({ rev: record.rev, previous, from: record.from }).toEqual({
        rev: (known?.rev ?? 0) + 1,
        previous: known?.seq ?? 0,
        from: known?.to ?? null,
      })
      last.set(actor, { rev: record.rev, seq, to: record.to })
    }
  })

  test("the outcome, the event and the answer of `get` hold one and the same record", async () => {
    const { alice } = on
    for (const verb of ["request", "renew", "release"]) {
      const said = alice.outcomes.filter(
        ({ body }) => body.actor === "lease/L1" && body.record?.cause.verb === verb,
      )
      expect(said.length).toBeGreaterThan(0)
      for (const { body } of said) {
        const event = alice.events.find(
          ({ record }) => isLease(record, "L1") && record.rev === body.record?.rev,
        )
        expect(event?.record).toEqual(body.record)
      }
    }
    const lease = await current(alice, "lease/L1")
    expect(lease).toEqual(story(alice, "lease/L1").at(-1))
  })
})

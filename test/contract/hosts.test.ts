// The blueprint `almanac-service-host` as protocol.md and the issue write it: slot keys, spreading, leasesPerHost,
// limits, several services, what is disabled or missing, changed interfaces, and the verbs of a resource.

import { afterEach, describe, expect, test } from "vitest"
import {
  accepted,
  current,
  ended,
  hold,
  isLease,
  letGo,
  makePool,
  type Person,
  refuses,
  releaseAll,
  repeats,
  resourceOf,
  stage,
  type TestRecord,
} from "./stage.js"

const on = stage()
afterEach(() => releaseAll(on.alice))

type Slot = { key: string; holder: string }

async function slots(prefix = ""): Promise<Slot[]> {
  const { items } = await on.alice.ask("slots", { prefix })
  return items as Slot[]
}

/** Requests leases of one blueprint one after the other and resolves to their records when all are active. */
async function holdAll(person: Person, blueprint: string, ids: readonly string[]): Promise<TestRecord[]> {
  const held: TestRecord[] = []
  for (const id of ids) held.push(await hold(person, id, { blueprints: [blueprint] }))
  return held
}

/** Requests a lease that has to wait. */
async function waits(id: string, blueprint: string): Promise<TestRecord> {
  const record = accepted(
    await on.alice.say(`lease/${id} request`, { type: "host", blueprints: [blueprint] }),
  )
  expect(record.to).toBe("pending")
  return record
}

function becomesActive(id: string): Promise<TestRecord> {
  return on.alice.seen((record) => isLease(record, id) && record.to === "active")
}

async function resourceEnded(id: string): Promise<TestRecord> {
  return await on.alice.seen(
    (record) => record.kind === "resource" && record.id === id && record.to === "destroyed",
  )
}

const interfaceAt = (address: string) => ({
  interfaces: { eth0: { network: "net", address, transport: "local" } },
})
const bound = (device: string) => ({ device, interface: "eth0" })
const create = (config: object, limit?: number) => ({
  type: "almanac-service-host",
  config,
  ...(limit === undefined ? {} : { limit }),
})

describe("slots", () => {
  test("of a binding are held by its resource, of an exclusive host by its one lease", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "one")
    const [held] = await holdAll(alice, "one", ["one-1"])
    const resource = resourceOf(held ?? null)
    expect(await slots("almanac.host.binding(one-pool/")).toEqual([
      { key: "almanac.host.binding(one-pool/b0)", holder: `resource/${resource}` },
    ])
    expect(await slots(`almanac.host.lease(${resource},`)).toEqual([
      { key: `almanac.host.lease(${resource},0)`, holder: "lease/one-1" },
    ])
    await waits("one-2", "one")
    await letGo(alice, "one-1")
    expect((await becomesActive("one-2")).context.slots).toEqual([`almanac.host.lease(${resource},0)`])
    await letGo(alice, "one-2")
    expect(await slots(`almanac.host.lease(${resource},`)).toEqual([])
    expect(await slots("almanac.host.binding(one-pool/")).toHaveLength(1)
  })

  test("of a host for three leases are numbered 0, 1, 2, and a freed one is given again", async () => {
    const { alice } = on
    await makePool(alice, 1, 3, "three")
    const held = await holdAll(alice, "three", ["three-1", "three-2", "three-3"])
    const [resource] = held.map(resourceOf)
    expect(held.map(resourceOf)).toEqual([resource, resource, resource])
    expect(held.flatMap(({ context }) => context.slots)).toEqual(
      [0, 1, 2].map((n) => `almanac.host.lease(${resource},${n})`),
    )
    await waits("three-4", "three")
    await letGo(alice, "three-2")
    expect((await becomesActive("three-4")).context.slots).toEqual([`almanac.host.lease(${resource},1)`])
  })

  test("are none for leases where their number is unlimited", async () => {
    const { alice } = on
    await makePool(alice, 1, undefined, "free")
    const held = await holdAll(alice, "free", ["free-1", "free-2", "free-3", "free-4", "free-5"])
    expect(new Set(held.map(resourceOf)).size).toBe(1)
    expect(held.flatMap(({ context }) => context.slots)).toEqual([])
  })

  test("of nothing overlap: one holder for each key", async () => {
    const all = await slots()
    expect(new Set(all.map(({ key }) => key)).size).toBe(all.length)
  })
})

describe("a pool", () => {
  test("is filled host by host before any is shared, then the least loaded is", async () => {
    const { alice } = on
    await makePool(alice, 3, undefined, "spread")
    const held = await holdAll(alice, "spread", ["s1", "s2", "s3", "s4", "s5", "s6", "s7"])
    const loads = new Map<string, number>()
    for (const [index, record] of held.entries()) {
      const resource = resourceOf(record)
      loads.set(resource, (loads.get(resource) ?? 0) + 1)
      expect(loads.size).toBe(Math.min(index + 1, 3))
    }
    expect([...loads.values()].sort()).toEqual([2, 2, 3])
  })

  test("of two hosts for two leases each takes four, and the fifth waits", async () => {
    const { alice } = on
    await makePool(alice, 2, 2, "two")
    const held = await holdAll(alice, "two", ["t1", "t2", "t3", "t4"])
    expect(new Set(held.slice(0, 2).map(resourceOf)).size).toBe(2)
    expect(new Set(held.flatMap(({ context }) => context.slots)).size).toBe(4)
    expect((await waits("t5", "two")).context.waiting).toMatchObject({ code: "no-free-resource" })
  })

  test("of several services uses them all", async () => {
    const { alice } = on
    for (const n of [1, 2]) {
      accepted(await alice.say(`device/sev-h${n} put`, interfaceAt(`10.0.0.${n}`)))
      accepted(
        await alice.say(`service/sev-${n} put`, {
          type: "drydock.pool",
          bindings: { b: bound(`sev-h${n}`) },
        }),
      )
    }
    accepted(
      await alice.say("blueprint/sev create", create({ services: ["sev-1", "sev-2"], leasesPerHost: 1 })),
    )
    const held = await holdAll(alice, "sev", ["sev-a", "sev-b"])
    const addresses: unknown[] = []
    for (const record of held) {
      const resource = await current(alice, `resource/${resourceOf(record)}`)
      addresses.push((resource?.context.attributes as { address?: string } | undefined)?.address)
    }
    expect(addresses.sort()).toEqual(["10.0.0.1", "10.0.0.2"])
    expect((await slots("almanac.host.binding(sev-")).map(({ key }) => key)).toEqual([
      "almanac.host.binding(sev-1/b)",
      "almanac.host.binding(sev-2/b)",
    ])
  })

  test("with a limit builds no more resources than that, until it is raised", async () => {
    const { alice } = on
    await makePool(alice, 3, 1, "lim")
    const config = { services: ["lim-pool"], leasesPerHost: 1 }
    accepted(await alice.say("blueprint/lim configure", create(config, 1)))
    await holdAll(alice, "lim", ["lim-1"])
    await waits("lim-2", "lim")
    await waits("lim-3", "lim")
    accepted(await alice.say("blueprint/lim configure", create(config, 2)))
    await becomesActive("lim-2")
    expect((await current(alice, "lease/lim-3"))?.to).toBe("pending")
    accepted(await alice.say("blueprint/lim configure", create(config)))
    await becomesActive("lim-3")
  })

  test("that two blueprints share gives each binding to one of them", async () => {
    const { alice } = on
    await makePool(alice, 2, 1, "shared")
    accepted(
      await alice.say("blueprint/rival create", create({ services: ["shared-pool"], leasesPerHost: 1 })),
    )
    await holdAll(alice, "shared", ["sh-1"])
    await holdAll(alice, "rival", ["rv-1"])
    await waits("rv-2", "rival")
    await waits("sh-2", "shared")
    expect(await slots("almanac.host.binding(shared-pool/")).toHaveLength(2)
    // When a host ends, its binding goes to whoever asked first, whichever blueprint that is.
    const resource = resourceOf(await current(alice, "lease/rv-1"))
    accepted(await alice.say(`resource/${resource} release`))
    await becomesActive("rv-2")
    expect((await current(alice, "lease/sh-2"))?.to).toBe("pending")
    expect(await slots("almanac.host.binding(shared-pool/")).toHaveLength(2)
    accepted(await alice.say(`resource/${resourceOf(await current(alice, "lease/rv-2"))} release`))
    const moved = await becomesActive("sh-2")
    expect(await current(alice, `resource/${resourceOf(moved)}`)).toMatchObject({
      context: { blueprint: "shared" },
    })
  })

  test.each([
    ["three", 3],
    ["any number", undefined],
  ])(
    "for %s leases a host that is made exclusive keeps them, and gives nothing until they are gone",
    async (what, before) => {
      const { alice } = on
      const name = `fewer-${what.length}`
      await makePool(alice, 1, before, name)
      const ids = [1, 2, 3].map((n) => `${name}-${n}`)
      await holdAll(alice, name, ids)
      accepted(
        await alice.say(
          `blueprint/${name} configure`,
          create({ services: [`${name}-pool`], leasesPerHost: 1 }),
        ),
      )
      for (const id of ids) expect((await current(alice, `lease/${id}`))?.to).toBe("active")
      await waits(`${name}-4`, name)
      for (const id of ids) {
        expect((await current(alice, `lease/${name}-4`))?.to).toBe("pending")
        await letGo(alice, id)
      }
      const next = await becomesActive(`${name}-4`)
      expect(next.context.slots).toEqual([`almanac.host.lease(${resourceOf(next)},0)`])
    },
  )

  test("serves the next when a lease is cancelled while its host is being built", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "cancel")
    const body = { type: "host", blueprints: ["cancel"] }
    for (let turn = 0; turn < 20; turn++) {
      const said = [
        alice.say(`lease/cancel-${turn} request`, body),
        alice.say(`lease/cancel-${turn} release`),
      ]
      for (const outcome of await Promise.all(said)) accepted(outcome)
      const next = await hold(alice, `cancel-next-${turn}`, body)
      const resource = resourceOf(next)
      expect(await slots("almanac.host.binding(cancel-pool/")).toEqual([
        { key: "almanac.host.binding(cancel-pool/b0)", holder: `resource/${resource}` },
      ])
      await letGo(alice, `cancel-next-${turn}`)
      if (turn % 2 === 0) accepted(await alice.say(`resource/${resource} release`))
    }
  })

  test("whose bindings another blueprint holds says so, and whose idle host would help", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "taken")
    accepted(
      await alice.say("blueprint/wants create", create({ services: ["taken-pool"], leasesPerHost: 1 })),
    )
    const [held] = await holdAll(alice, "taken", ["taken-1"])
    const resource = resourceOf(held ?? null)
    await waits("wants-1", "wants")
    const busy = await alice.ask("why", { id: "wants-1" })
    expect(busy.considered).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/other blueprint/) }),
    ])
    await letGo(alice, "taken-1")
    const why = await alice.ask("why", { id: "wants-1" })
    expect(why.unblock).toContainEqual(
      expect.stringMatching(`reclaim resource ${resource} of blueprint taken`),
    )
    accepted(await alice.say(`resource/${resource} reclaim`))
    await becomesActive("wants-1")
  })

  test("that grows serves those who wait", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "grow")
    await holdAll(alice, "grow", ["g1"])
    await waits("g2", "grow")
    accepted(await alice.say("device/grow-h9 put", interfaceAt("10.0.0.9")))
    accepted(await alice.say("service/grow-pool bind", { name: "b9", ...bound("grow-h9") }))
    await becomesActive("g2")
    expect(await slots("almanac.host.binding(grow-pool/b9)")).toHaveLength(1)
  })
})

describe("what is disabled", () => {
  const disable: readonly (readonly [string, string, string, object, object])[] = [
    ["a blueprint", "blueprint/NAME disable", "blueprint/NAME enable", {}, {}],
    ["a device", "device/NAME-h0 disable", "device/NAME-h0 enable", {}, {}],
    [
      "a binding",
      "service/NAME-pool bind",
      "service/NAME-pool bind",
      { name: "b0", disabled: true },
      { name: "b0" },
    ],
  ]

  test.each(disable)(
    "%s gives nothing new, leaves what is held, and gives again when enabled",
    async (what, off, back, no, yes) => {
      const { alice } = on
      const name = `dis-${what.split(" ")[1]}`
      const binding = what === "a binding" ? bound(`${name}-h0`) : {}
      await makePool(alice, 1, 2, name)
      await holdAll(alice, name, [`${name}-1`])
      accepted(await alice.say(off.replace("NAME", name), { ...no, ...binding }))
      await waits(`${name}-2`, name)
      expect((await current(alice, `lease/${name}-1`))?.to).toBe("active")
      accepted(await alice.say(`lease/${name}-1 renew`, { ttl: "1h" }))
      await letGo(alice, `${name}-1`)
      expect((await current(alice, `lease/${name}-2`))?.to).toBe("pending")
      accepted(await alice.say(back.replace("NAME", name), { ...yes, ...binding }))
      await becomesActive(`${name}-2`)
    },
  )

  test("as a blueprint is named in `waiting` as such", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "off")
    accepted(await alice.say("blueprint/off disable"))
    expect((await waits("off-1", "off")).context.waiting).toMatchObject({ code: expect.any(String) })
    const why = await alice.ask("why", { id: "off-1" })
    expect(JSON.stringify(why)).toMatch(/disabled/)
  })
})

describe("what is missing", () => {
  const missing: readonly (readonly [string, object, RegExp])[] = [
    ["a service", { services: ["miss-nothing"] }, /miss-nothing/],
    ["a device", { services: ["miss-device"] }, /miss-nobody/],
    ["an interface", { services: ["miss-interface"] }, /eth7/],
    ["every binding", { services: ["miss-empty"] }, /binding/],
  ]

  test.each(missing)(
    "(%s) makes that blueprint answer why it cannot, and breaks no lease",
    async (what, config, message) => {
      const { alice } = on
      const name = `miss-${what.split(" ")[1]}-blueprint`
      accepted(await alice.say("device/miss-h put", interfaceAt("10.1.0.1")))
      for (const [service, bindings] of Object.entries({
        "miss-device": { b: bound("miss-nobody") },
        "miss-interface": { b: { device: "miss-h", interface: "eth7" } },
        "miss-empty": {},
      }))
        accepted(await alice.say(`service/${service} put`, { type: "drydock.pool", bindings }))
      accepted(await alice.say(`blueprint/${name} create`, create(config)))
      await waits(`${name}-1`, name)
      const why = await alice.ask("why", { id: `${name}-1` })
      expect(why.considered).toEqual([
        expect.objectContaining({ blueprint: name, message: expect.stringMatching(message) }),
      ])

      // Another blueprint serves whoever would take either.
      await makePool(alice, 1, undefined, "whole")
      await hold(alice, `${name}-2`, { blueprints: [name, "whole"] })
      await hold(alice, `${name}-3`)
      expect((await current(alice, `lease/${name}-1`))?.to).toBe("pending")
    },
  )

  test("serves again when it comes", async () => {
    const { alice } = on
    accepted(
      await alice.say("blueprint/later create", create({ services: ["later-pool"], leasesPerHost: 1 })),
    )
    await waits("later-1", "later")
    accepted(
      await alice.say("service/later-pool put", { type: "drydock.pool", bindings: { b: bound("later-h") } }),
    )
    accepted(await alice.say("device/later-h put", interfaceAt("10.2.0.1")))
    await becomesActive("later-1")
  })

  test("because it was removed leaves what is held, and gives nothing new", async () => {
    const { alice } = on
    await makePool(alice, 1, 2, "gone")
    const [held] = await holdAll(alice, "gone", ["gone-1"])
    accepted(await alice.say("device/gone-h0 remove"))
    accepted(await alice.say("service/gone-pool remove"))
    await waits("gone-2", "gone")
    expect(await current(alice, "lease/gone-1")).toEqual(held)
    await letGo(alice, "gone-1")
  })
})

describe("a changed interface", () => {
  test("shows as differences, redirects no live lease, and the next host is built where it is now", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "moved")
    const [held] = await holdAll(alice, "moved", ["moved-1"])
    const resource = resourceOf(held ?? null)
    expect(await alice.ask("get", { kind: "resource", id: resource })).toMatchObject({ differences: [] })

    accepted(
      await alice.say("device/moved-h0 put", {
        interfaces: { eth0: { network: "net", address: "10.9.9.9", port: 2222 } },
      }),
    )
    const answer = await alice.ask("get", { kind: "resource", id: resource })
    expect(answer.record).toMatchObject({
      context: { attributes: { address: "127.0.0.1", port: 22, transport: "local" } },
    })
    expect(answer.differences).toEqual([
      { field: "address", pinned: "127.0.0.1", now: "10.9.9.9" },
      { field: "port", pinned: 22, now: 2222 },
      { field: "transport", pinned: "local", now: "ssh" },
    ])
    expect(await current(alice, "lease/moved-1")).toEqual(held)

    await waits("moved-2", "moved")
    await letGo(alice, "moved-1")
    const next = await becomesActive("moved-2")
    expect(resourceOf(next)).not.toBe(resource)
    expect(await current(alice, `resource/${resourceOf(next)}`)).toMatchObject({
      context: { attributes: { address: "10.9.9.9", port: 2222 } },
    })
    expect(await current(alice, `resource/${resource}`)).toMatchObject({
      to: "destroyed",
      context: { slots: [] },
    })
  })

  test("that is changed back is no difference any more", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "back")
    const [held] = await holdAll(alice, "back", ["back-1"])
    const resource = resourceOf(held ?? null)
    accepted(await alice.say("device/back-h0 put", interfaceAt("10.9.9.8")))
    accepted(await alice.say("device/back-h0 put", interfaceAt("127.0.0.1")))
    expect(await alice.ask("get", { kind: "resource", id: resource })).toMatchObject({ differences: [] })
    await letGo(alice, "back-1")
    expect(await current(alice, `resource/${resource}`)).toMatchObject({ to: "active" })
  })

  test("of a binding that now means another device is a difference of the device", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "rebound")
    const [held] = await holdAll(alice, "rebound", ["rebound-1"])
    accepted(await alice.say("device/rebound-h9 put", interfaceAt("127.0.0.1")))
    accepted(await alice.say("service/rebound-pool bind", { name: "b0", ...bound("rebound-h9") }))
    const answer = await alice.ask("get", { kind: "resource", id: resourceOf(held ?? null) })
    expect(answer.differences).toEqual([{ field: "device", pinned: "rebound-h0", now: "rebound-h9" }])
    expect(answer.record).toMatchObject({ to: "active", context: { attributes: { device: "rebound-h0" } } })
  })
})

describe("a resource", () => {
  test("that is released ends its leases, then itself, and frees the binding for those who wait", async () => {
    const { alice } = on
    await makePool(alice, 1, 40, "casc")
    const ids = Array.from({ length: 40 }, (_, n) => `casc-${n}`)
    const held = await holdAll(alice, "casc", ids)
    const resource = resourceOf(held[0] ?? null)
    await waits("casc-next", "casc")
    const record = accepted(await alice.say(`resource/${resource} release`, { reason: "maintenance" }))
    expect(record).toMatchObject({
      from: "active",
      to: "released",
      path: ["released"],
      context: { reason: { code: "released", message: "maintenance" } },
    })
    const end = await resourceEnded(resource)
    expect(end).toMatchObject({
      from: "released",
      path: ["destroyed"],
      context: { slots: [], reason: record.context.reason },
    })
    for (const id of ids) {
      const lease = await ended(alice, id)
      expect(lease.context.reason).toMatchObject({
        code: expect.stringMatching(/resource/),
        message: expect.stringMatching(/\S/),
      })
      expect(lease.at <= end.at).toBe(true)
    }
    const next = await becomesActive("casc-next")
    expect(resourceOf(next)).not.toBe(resource)
    await repeats(alice, `resource/${resource} release`)
    await repeats(alice, `resource/${resource} reclaim`)
    await refuses(alice, `resource/${resource} annotate`, { set: { a: "b" } }, "not-allowed")
  })

  test("in use is not reclaimed", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "use")
    const [held] = await holdAll(alice, "use", ["use-1"])
    await refuses(
      alice,
      `resource/${resourceOf(held ?? null)} reclaim`,
      { reason: "I want it" },
      "not-allowed",
    )
    expect((await current(alice, "lease/use-1"))?.to).toBe("active")
  })

  test("that is idle is reclaimed, once", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "idle")
    const [held] = await holdAll(alice, "idle", ["idle-1"])
    const resource = resourceOf(held ?? null)
    await letGo(alice, "idle-1")
    const record = accepted(await alice.say(`resource/${resource} reclaim`, { reason: "pressure" }))
    expect(record).toMatchObject({
      path: expect.arrayContaining(["released"]),
      context: { reason: { code: "reclaimed", message: "pressure" } },
    })
    expect(await resourceEnded(resource)).toMatchObject({ context: { slots: [] } })
    await repeats(alice, `resource/${resource} reclaim`)
    await repeats(alice, `resource/${resource} release`)
    expect(await slots("almanac.host.binding(idle-pool/")).toEqual([])
  })

  test("takes notes", async () => {
    const { alice } = on
    await makePool(alice, 1, 1, "note")
    const [held] = await holdAll(alice, "note", ["note-1"])
    const at = `resource/${resourceOf(held ?? null)} annotate`
    const record = accepted(await alice.say(at, { set: { disk: "sda", os: "debian" } }))
    expect(record).toMatchObject({
      rev: 2,
      from: "active",
      to: "active",
      path: [],
      context: { notes: { disk: "sda", os: "debian" } },
    })
    await repeats(alice, at, { set: { os: "debian" } })
    expect(accepted(await alice.say(at, { set: { os: null } })).context.notes).toEqual({ disk: "sda" })
    await refuses(alice, at, { set: { x: "x".repeat(4_097) } }, "over-limit")
  })
})

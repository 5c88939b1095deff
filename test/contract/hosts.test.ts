// The blueprint `almanac-service-host` as protocol.md and the issue write it: slot keys, spreading over the pool,
// leasesPerHost, limits, several services, and pools that are shared or grow.

import { afterEach, describe, expect, test } from "vitest"
import { bound, create, inPool, interfaceAt } from "./pool.js"
import { accepted, current, hold, letGo, makePool, releaseAll, resourceOf, stage } from "./stage.js"

const on = stage()
const { slots, holdAll, waits, becomesActive } = inPool(on)
afterEach(() => releaseAll(on.alice))

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
    expect(why.unblock).toContainEqual(expect.stringMatching(`reclaim resource ${resource}`))
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

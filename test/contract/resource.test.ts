// A resource keeps the address it was allocated with, whatever happens to the interface; and its verbs.

import { afterEach, describe, expect, test } from "vitest"
import { bound, inPool, interfaceAt } from "./pool.js"
import {
  accepted,
  current,
  ended,
  letGo,
  makePool,
  refuses,
  releaseAll,
  repeats,
  resourceOf,
  stage,
} from "./stage.js"

const on = stage()
const { slots, holdAll, waits, becomesActive, resourceEnded } = inPool(on)
afterEach(() => releaseAll(on.alice))

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

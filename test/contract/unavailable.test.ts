// What is disabled gives nothing new and leaves what is held; what is missing makes its blueprint answer "cannot,
// because …" and breaks no lease that another could serve.

import { afterEach, describe, expect, test } from "vitest"
import { bound, create, inPool, interfaceAt } from "./pool.js"
import { accepted, current, hold, letGo, makePool, releaseAll, stage } from "./stage.js"

const on = stage()
const { holdAll, waits, becomesActive } = inPool(on)
afterEach(() => releaseAll(on.alice))

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

// protocol.md: "Attribute, binding and slot names are data: `__proto__` and the like harm nothing."

import { afterEach, describe, expect, test } from "vitest"
import {
  accepted,
  current,
  hold,
  makePool,
  refuses,
  releaseAll,
  repeats,
  resourceOf,
  stage,
} from "./stage.js"

const on = stage((alice) => makePool(alice, 1))
afterEach(() => releaseAll(on.alice))

const eth0 = { network: "net", address: "10.0.0.5" }

describe("names that are data", () => {
  const NAMES = [
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "then",
    "a.b",
    "a/b",
    " ",
    "é",
    "0",
    "*",
    ">",
  ]
  /** An object with these names as its own keys, `__proto__` included. */
  const keyed = (value: unknown) => Object.fromEntries(NAMES.map((name) => [name, value]))
  const text = (value: unknown) => JSON.stringify(value)

  test("in attributes come back as they went", async () => {
    const { alice } = on
    const attributes = {
      ...JSON.parse('{"polluted":{"__proto__":{"polluted":true}}}'),
      inner: keyed({ polluted: true }),
    }
    const body = text({ type: "host", attributes })
    const record = await alice.say("lease/proto request", body)
    expect(text(accepted(record).context.attributes)).toBe(text(attributes))
    expect(text((await current(alice, "lease/proto"))?.context.attributes)).toBe(text(attributes))
    await repeats(alice, "lease/proto request", body)
    expect(text({ type: "host", attributes: JSON.parse('{"__proto__":{"polluted":true}}') })).toContain(
      "__proto__",
    )
    await refuses(
      alice,
      "lease/proto request",
      '{"type":"host","attributes":{"__proto__":{"polluted":true}}}',
      "already-exists",
    )
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false)
  })

  test("of every character JSON can write come back as they went", async () => {
    const { alice } = on
    const body =
      '{"type":"host","attributes":{"\\ud800":"\\udfff","\\u0000":"\\u2028\\u0007","\\ud83d\\ude80":"\\\\\\"/","":""}}'
    const { attributes } = JSON.parse(body)
    expect(accepted(await alice.say("lease/chars request", body)).context.attributes).toEqual(attributes)
    await repeats(alice, "lease/chars request", text({ type: "host", attributes }))
  })

  test("in attributes of the outermost level make another request", async () => {
    const { alice } = on
    const body = (inner: string) => `{"type":"host","attributes":{"__proto__":${inner}}}`
    const record = accepted(await alice.say("lease/outer request", body('{"a":1}')))
    expect(text(record.context.attributes)).toBe('{"__proto__":{"a":1}}')
    await repeats(alice, "lease/outer request", body('{"a":1}'))
    await refuses(alice, "lease/outer request", body('{"a":2}'), "already-exists")
    await refuses(alice, "lease/outer request", '{"type":"host"}', "already-exists")
  })

  test("in properties of a device and a service, and in notes", async () => {
    const { alice } = on
    const device = text({ interfaces: {}, properties: keyed(1) })
    expect(text(accepted(await alice.say("device/props put", device)).context.properties)).toBe(
      text(keyed(1)),
    )
    await repeats(alice, "device/props put", device)
    const service = text({ type: "drydock.pool", bindings: {}, properties: keyed([]) })
    expect(text(accepted(await alice.say("service/props put", service)).context.properties)).toBe(
      text(keyed([])),
    )
    await repeats(alice, "service/props put", service)

    await hold(alice, "noted")
    const notes = accepted(await alice.say("lease/noted annotate", text({ set: keyed("x") }))).context.notes
    for (const name of NAMES) expect(Object.getOwnPropertyDescriptor(notes, name)?.value).toBe("x")
    await repeats(alice, "lease/noted annotate", text({ set: keyed("x") }))
    expect(
      accepted(await alice.say("lease/noted annotate", text({ set: keyed(null) }))).context.notes,
    ).toEqual({})
  })

  test("of interfaces and bindings work like any other: hosts are leased on each", async () => {
    const { alice } = on
    const local = { network: "net", address: "127.0.0.1", transport: "local" }
    accepted(await alice.say("device/odd put", text({ interfaces: keyed(local) })))
    const bindings = Object.fromEntries(NAMES.map((name) => [name, { device: "odd", interface: name }]))
    accepted(await alice.say("service/odd put", text({ type: "drydock.pool", bindings })))
    accepted(
      await alice.say("blueprint/odd create", {
        type: "almanac-service-host",
        config: { services: ["odd"], leasesPerHost: 1 },
      }),
    )
    const keys: string[] = []
    for (const [n] of NAMES.entries()) {
      const lease = await hold(alice, `odd-${n}`, { blueprints: ["odd"] })
      const resource = await current(alice, `resource/${resourceOf(lease)}`)
      keys.push(...(resource?.context.slots ?? []))
      expect(resource?.context.attributes).toMatchObject({ address: "127.0.0.1", device: "odd" })
    }
    expect(keys.sort()).toEqual(NAMES.map((name) => `almanac.host.binding(odd/${name})`).sort())
    expect((await alice.ask("slots", { prefix: "almanac.host.binding(odd/__proto__)" })).items).toHaveLength(
      1,
    )

    await repeats(alice, "service/odd bind", { name: "__proto__", device: "odd", interface: "__proto__" })
    accepted(await alice.say("service/odd unbind", { name: "__proto__" }))
    await repeats(alice, "service/odd unbind", { name: "__proto__" })
    await repeats(alice, "service/lab-pool unbind", { name: "toString" })
  })

  test.each(["__proto__", "constructor", "toString"])(
    "an interface %s that no device has is missing, and nothing more",
    async (name) => {
      const { alice } = on
      accepted(await alice.say("device/plain put", { interfaces: { eth0 } }))
      const bindings = Object.fromEntries([[name, { device: "plain", interface: name }]])
      const id = `plain-${name.replaceAll("_", "")}`
      accepted(await alice.say(`service/${id} put`, text({ type: "drydock.pool", bindings })))
      accepted(
        await alice.say(`blueprint/${id} create`, {
          type: "almanac-service-host",
          config: { services: [id] },
        }),
      )
      const lease = accepted(await alice.say(`lease/${id} request`, { type: "host", blueprints: [id] }))
      expect(lease).toMatchObject({ to: "pending", context: { waiting: { code: expect.any(String) } } })
      expect(JSON.stringify(await alice.ask("why", { id }))).toContain(`no interface ${name}`)
    },
  )
})

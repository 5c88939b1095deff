// protocol.md: the verbs of network, device, service and blueprint in every state, and Almanac names.

import { describe, expect, test } from "vitest"
import { accepted, invalid, makePool, refuses, repeats, stage } from "./stage.js"

const on = stage((alice) => makePool(alice, 1))

const eth0 = { network: "net", address: "10.0.0.5" }
const b1 = { device: "h1", interface: "eth0" }

describe("a network", () => {
  test("is put, put again without a record, changed, removed and brought back", async () => {
    const { alice } = on
    expect(accepted(await alice.say("network/n1 put"))).toMatchObject({
      rev: 1,
      from: null,
      to: "present",
      context: { name: null },
    })
    await repeats(alice, "network/n1 put")
    expect(accepted(await alice.say("network/n1 put", { name: "n1.example" }))).toMatchObject({
      rev: 2,
      context: { name: "n1.example" },
    })
    await repeats(alice, "network/n1 put", { name: "n1.example" })
    expect(accepted(await alice.say("network/n1 remove"))).toMatchObject({
      rev: 3,
      from: "present",
      to: "removed",
      path: ["removed"],
    })
    await repeats(alice, "network/n1 remove")
    expect(accepted(await alice.say("network/n1 put", { name: "n1.example" }))).toMatchObject({
      rev: 4,
      from: "removed",
      to: "present",
    })
  })
})

describe("a device", () => {
  test("is put, described anew, disabled, enabled, removed and brought back, each effect once", async () => {
    const { alice } = on
    const whole = { interfaces: { eth0: { ...eth0, port: 22, transport: "ssh" } }, properties: { rack: 1 } }
    expect(
      accepted(await alice.say("device/d1 put", { interfaces: { eth0 }, properties: { rack: 1 } })),
    ).toMatchObject({
      rev: 1,
      to: "enabled",
      context: whole,
    })
    // Defaults that are written out are the same content.
    await repeats(alice, "device/d1 put", whole)
    await repeats(alice, "device/d1 enable")
    expect(accepted(await alice.say("device/d1 put", { interfaces: {} }))).toMatchObject({
      rev: 2,
      path: [],
      context: { interfaces: {}, properties: {} },
    })
    expect(accepted(await alice.say("device/d1 disable"))).toMatchObject({
      rev: 3,
      from: "enabled",
      to: "disabled",
    })
    await repeats(alice, "device/d1 disable")
    await repeats(alice, "device/d1 put", { interfaces: {} })
    // Described anew it is still disabled.
    expect(accepted(await alice.say("device/d1 put", { interfaces: { eth0 } }))).toMatchObject({
      rev: 4,
      to: "disabled",
    })
    expect(accepted(await alice.say("device/d1 enable"))).toMatchObject({ rev: 5, to: "enabled" })
    expect(accepted(await alice.say("device/d1 remove"))).toMatchObject({ rev: 6, to: "removed" })
    await repeats(alice, "device/d1 remove")
    await refuses(alice, "device/d1 enable", {}, "not-allowed")
    await refuses(alice, "device/d1 disable", {}, "not-allowed")
    expect(accepted(await alice.say("device/d1 put", { interfaces: { eth0 } }))).toMatchObject({
      rev: 7,
      from: "removed",
      to: "enabled",
    })
  })

  test.each(["10.0.0.5", "h1", "h1.lab.example", "::1", "fe80::1%eth0", "[::1]", "a_b"])(
    "may be at %s",
    async (address) => {
      accepted(await on.alice.say("device/at put", { interfaces: { eth0: { ...eth0, address } } }))
    },
  )

  test.each(["", "-oProxyCommand=x", "a b", "a;b", "$(x)", "a\nb", "x".repeat(254)])(
    "may not be at %j",
    async (address) => {
      invalid(await on.alice.say("device/not-at put", { interfaces: { eth0: { ...eth0, address } } }))
    },
  )

  test("has 64 interfaces and not one more: over-limit", async () => {
    const { alice } = on
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`eth${n}`, eth0]))
    await refuses(alice, "device/many put", { interfaces: many(65) }, "over-limit")
    accepted(await alice.say("device/many put", { interfaces: many(64) }))
  })
})

describe("a service", () => {
  test("is put, bound, unbound, removed and brought back, each effect once", async () => {
    const { alice } = on
    const body = { type: "drydock.pool", bindings: { b1 } }
    expect(accepted(await alice.say("service/s1 put", body))).toMatchObject({
      rev: 1,
      from: null,
      context: { bindings: { b1: { ...b1, disabled: false } } },
    })
    await repeats(alice, "service/s1 put", body)
    await repeats(alice, "service/s1 put", {
      properties: {},
      bindings: { b1: { disabled: false, ...b1 } },
      type: "drydock.pool",
    })
    await repeats(alice, "service/s1 bind", { name: "b1", ...b1 })
    expect(
      accepted(await alice.say("service/s1 bind", { name: "b2", device: "h2", interface: "eth1" })),
    ).toMatchObject({
      rev: 2,
      path: [],
      context: {
        bindings: {
          b1: { ...b1, disabled: false },
          b2: { device: "h2", interface: "eth1", disabled: false },
        },
      },
    })
    expect(
      accepted(await alice.say("service/s1 bind", { name: "b1", ...b1, disabled: true })).context.bindings,
    ).toMatchObject({ b1: { disabled: true } })
    expect(accepted(await alice.say("service/s1 unbind", { name: "b1" })).context.bindings).toEqual({
      b2: { device: "h2", interface: "eth1", disabled: false },
    })
    await repeats(alice, "service/s1 unbind", { name: "b1" })
    await repeats(alice, "service/s1 unbind", { name: "never" })
    await refuses(alice, "service/s1 put", { type: "drydock.other", bindings: {} }, "not-allowed")
    expect(accepted(await alice.say("service/s1 remove"))).toMatchObject({ from: "present", to: "removed" })
    await repeats(alice, "service/s1 remove")
    await refuses(alice, "service/s1 bind", { name: "b1", ...b1 }, "not-allowed")
    await refuses(alice, "service/s1 unbind", { name: "b2" }, "not-allowed")
    expect(accepted(await alice.say("service/s1 put", body))).toMatchObject({
      from: "removed",
      to: "present",
      context: { bindings: { b1: b1 } },
    })
  })

  test("has 1,000 bindings and not one more: over-limit, put or bound", async () => {
    const { alice } = on
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`b${n}`, { device: "h", interface: "e" }]))
    await refuses(alice, "service/many put", { type: "drydock.pool", bindings: many(1_001) }, "over-limit")
    accepted(await alice.say("service/many put", { type: "drydock.pool", bindings: many(1_000) }))
    await refuses(alice, "service/many bind", { name: "more", device: "h", interface: "e" }, "over-limit")
    accepted(await alice.say("service/many bind", { name: "b7", device: "h7", interface: "e" }))
  })
})

describe("a blueprint", () => {
  const body = {
    type: "almanac-service-host",
    config: { services: ["lab-pool"], leasesPerHost: 2 },
    limit: 10,
  }

  test("is created once: the same again is accepted, another is already-exists", async () => {
    const { alice } = on
    expect(accepted(await alice.say("blueprint/p1 create", body))).toMatchObject({
      rev: 1,
      from: null,
      to: "enabled",
      context: body,
    })
    await repeats(alice, "blueprint/p1 create", body)
    await repeats(alice, "blueprint/p1 create", {
      limit: 10,
      config: { leasesPerHost: 2, services: ["lab-pool"] },
      type: body.type,
    })
    for (const other of [
      { type: body.type, config: body.config },
      { ...body, limit: 11 },
      { ...body, config: { services: ["lab-pool"] } },
    ])
      await refuses(alice, "blueprint/p1 create", other, "already-exists")
  })

  test("is configured, with or without a limit", async () => {
    const { alice } = on
    accepted(await alice.say("blueprint/p2 create", body))
    await repeats(alice, "blueprint/p2 configure", body)
    const config = { services: ["lab-pool", "more"] }
    expect(accepted(await alice.say("blueprint/p2 configure", { type: body.type, config }))).toMatchObject({
      rev: 2,
      path: [],
      context: { config, limit: null },
    })
    await repeats(alice, "blueprint/p2 configure", { type: body.type, config })
    await refuses(alice, "blueprint/p2 create", body, "already-exists")
    await repeats(alice, "blueprint/p2 create", { type: body.type, config })
  })

  test("is disabled and enabled, each effect once", async () => {
    const { alice } = on
    accepted(await alice.say("blueprint/p3 create", body))
    await repeats(alice, "blueprint/p3 enable")
    expect(accepted(await alice.say("blueprint/p3 disable"))).toMatchObject({
      rev: 2,
      from: "enabled",
      to: "disabled",
      path: ["disabled"],
    })
    await repeats(alice, "blueprint/p3 disable")
    await repeats(alice, "blueprint/p3 create", body)
    expect(accepted(await alice.say("blueprint/p3 configure", { ...body, limit: 3 }))).toMatchObject({
      rev: 3,
      to: "disabled",
      context: { limit: 3 },
    })
    expect(accepted(await alice.say("blueprint/p3 enable"))).toMatchObject({ rev: 4, to: "enabled" })
  })

  test("keeps one decision for each principal", async () => {
    const { alice } = on
    accepted(await alice.say("blueprint/p4 create", body))
    const yes = accepted(await alice.say("blueprint/p4 authorize", { principal: "ci" }))
    expect(yes.context.authorizations).toEqual({
      ci: { state: "authorized", by: "alice", at: yes.at },
    })
    await repeats(alice, "blueprint/p4 authorize", { principal: "ci" })
    const no = accepted(await alice.say("blueprint/p4 decline", { principal: "ci" }))
    expect(no.context.authorizations).toEqual({
      ci: { state: "declined", by: "alice", at: no.at },
    })
    await repeats(alice, "blueprint/p4 decline", { principal: "ci" })
    const more = accepted(await alice.say("blueprint/p4 authorize", { principal: "constructor" }))
    expect(more.context.authorizations).toMatchObject({
      ci: { state: "declined" },
      constructor: { state: "authorized" },
    })
  })
})

describe("an Almanac name", () => {
  const described = (name: unknown): readonly (readonly [string, object])[] => [
    ["network", { name }],
    ["device", { name, interfaces: {} }],
    ["service", { name, type: "drydock.pool", bindings: {} }],
  ]

  test.each(["abc", "h1.lab.example", "a-b", "a1b", "1a2", "0x0.a.b", "x".repeat(100), "a.b.c.d.e.f"])(
    "%s is one",
    async (name) => {
      for (const [kind, body] of described(name))
        expect(accepted(await on.alice.say(`${kind}/named put`, body)).context.name).toBe(name)
    },
  )

  test.each([
    ["too short", "ab"],
    ["empty", ""],
    ["too long", "x".repeat(101)],
    ["upper case", "Abc"],
    ["an underscore", "a_b"],
    ["a space", "a b"],
    ["another alphabet", "àbc"],
    ["digits only", "123"],
    ["a part of digits only", "host.42.example"],
    ["digits first only", "42.example"],
    ["digits last only", "example.42"],
    ["two dots", "a..b"],
    ["two hyphens", "a--b"],
    ["dot hyphen", "a.-b"],
    ["hyphen dot", "a-.b"],
    ["a dot first", ".abc"],
    ["a dot last", "abc."],
    ["a hyphen first", "-abc"],
    ["a hyphen last", "abc-"],
    ["a number", 123],
    ["null", null],
    ["a line break", "abc\n"],
  ])("with %s is invalid: %j", async (_what, name) => {
    for (const [kind, body] of described(name)) {
      const issues = invalid(await on.alice.say(`${kind}/unnamed put`, body))
      expect(issues.map(({ path }) => path)).toContain("name")
    }
  })
})

// protocol.md, "Command": "Body: a JSON object (empty body = {}); unknown keys are `invalid`", for every verb of every
// kind, and the codes that do not depend on an object's state.

import { describe, expect, test } from "vitest"
import { accepted, current, invalid, makePool, rejected, stage } from "./stage.js"

const on = stage((alice) => makePool(alice, 1))

const device = { interfaces: { eth0: { network: "net", address: "127.0.0.1" } } }
const blueprint = { type: "almanac-service-host", config: { services: ["lab-pool"] } }

/** Every verb of the page's table, with a body that is right. */
const VERBS: readonly (readonly [string, string, object])[] = [
  ["lease", "request", { type: "host" }],
  ["lease", "renew", { ttl: "30m" }],
  ["lease", "release", { reason: "done" }],
  ["lease", "annotate", { set: { a: "b" } }],
  ["resource", "release", { reason: "done" }],
  ["resource", "reclaim", { reason: "needed" }],
  ["resource", "annotate", { set: { a: "b" } }],
  ["blueprint", "create", blueprint],
  ["blueprint", "configure", blueprint],
  ["blueprint", "enable", {}],
  ["blueprint", "disable", {}],
  ["blueprint", "authorize", { principal: "ci" }],
  ["blueprint", "decline", { principal: "ci" }],
  ["device", "put", device],
  ["device", "enable", {}],
  ["device", "disable", {}],
  ["device", "remove", {}],
  ["service", "put", { type: "drydock.pool", bindings: {} }],
  ["service", "remove", {}],
  ["service", "bind", { name: "b9", device: "h1", interface: "eth0" }],
  ["service", "unbind", { name: "b9" }],
  ["network", "put", {}],
  ["network", "remove", {}],
]
const CREATES = new Set(["request", "create", "put"])

const MALFORMED: readonly (string | Uint8Array)[] = [
  "null",
  '"release"',
  "7",
  "true",
  "{",
  " ",
  "{'a':1}",
  new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), // {"\xff":1}, not UTF-8
  new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d]), // a byte order mark, then {}
  `{"x":${"[".repeat(30_000)}${"]".repeat(30_000)}}`,
  '{"x":1e999}',
]

/** JSON of a body with one more key, whatever its name. */
function withKey(body: object, key: string, value: string): string {
  const rest = JSON.stringify(body).slice(1)
  return `{${JSON.stringify(key)}:${value}${rest === "}" ? "" : ","}${rest}`
}

describe.each(VERBS)("%s %s", (kind, verb, right) => {
  const at = `${kind}/ghost-${verb} ${verb}`
  const actor = `${kind}/ghost-${verb}`

  if (!CREATES.has(verb)) {
    test("of what does not exist is unknown-actor", async () => {
      const outcome = rejected(await on.alice.say(at, right), "unknown-actor")
      expect(outcome.actor).toBe(actor)
    })
  }

  test("with a body that is none, or holds an unknown key, is invalid and changes nothing", async () => {
    const bodies = [
      withKey(right, "colour", '"red"'),
      withKey(right, "__proto__", '{"x":1}'),
      withKey(right, "constructor", '{"name":"x"}'),
      ...MALFORMED,
      [right],
      `${JSON.stringify(right)}x`,
    ]
    for (const body of bodies) {
      const outcome = await on.alice.say(at, body)
      expect(outcome, `body: ${typeof body === "string" ? body.slice(0, 80) : body}`).toMatchObject({
        code: "invalid",
      })
      invalid(outcome)
    }
    expect(await current(on.alice, actor)).toBe(null)
  })

  test("names the unknown key in an issue", async () => {
    const issues = invalid(await on.alice.say(at, { ...right, colour: "red" }))
    expect(JSON.stringify(issues)).toContain("colour")
  })

  test("spoken under a name of the yard's own is forbidden", async () => {
    for (const as of ["allocator", "timer", "system", "worker-almanac-service-host", "worker-"])
      rejected(await on.alice.say(at, right, { as }), "forbidden")
    expect(await current(on.alice, actor)).toBe(null)
  })

  test("an empty body is {}", async () => {
    const [empty, braces] = [await on.alice.say(at, new Uint8Array()), await on.alice.say(at, {})]
    expect({ ...empty, command: 0, record: undefined }).toEqual({ ...braces, command: 0, record: undefined })
  })
})

/** Wrong in one field each: the issue names it. */
const WRONG: readonly (readonly [string, object, string])[] = [
  ["lease/x request", {}, "type"],
  ["lease/x request", { type: 7 }, "type"],
  ["lease/x request", { type: "" }, "type"],
  ["lease/x request", { type: "Host" }, "type"],
  ["lease/x request", { type: "host", blueprints: "lab" }, "blueprints"],
  ["lease/x request", { type: "host", blueprints: [] }, "blueprints"],
  ["lease/x request", { type: "host", blueprints: ["lab", "lab"] }, "blueprints"],
  ["lease/x request", { type: "host", blueprints: ["no.dots"] }, "blueprints.0"],
  ["lease/x request", { type: "host", blueprints: [""] }, "blueprints.0"],
  ["lease/x request", { type: "host", attributes: [] }, "attributes"],
  ["lease/x request", { type: "host", attributes: "x" }, "attributes"],
  ["lease/x request", { type: "host", attributes: null }, "attributes"],
  ["lease/x request", { type: "host", sealTo: "short" }, "sealTo"],
  ["lease/x request", { type: "host", sealTo: `${"A".repeat(42)}+` }, "sealTo"],
  ["lease/x release", { reason: 7 }, "reason"],
  ["lease/x annotate", {}, "set"],
  ["lease/x annotate", { set: "x" }, "set"],
  ["lease/x annotate", { set: { a: 7 } }, "set.a"],
  ["lease/x annotate", { set: { a: { b: "c" } } }, "set.a"],
  ["resource/x annotate", { set: { a: true } }, "set.a"],
  ["resource/x reclaim", { reason: [] }, "reason"],
  ["blueprint/x create", { config: {} }, "type"],
  ["blueprint/x create", { type: "almanac-service-host" }, "config"],
  ["blueprint/x create", { ...blueprint, config: [] }, "config"],
  ["blueprint/x create", { ...blueprint, config: {} }, "config.services"],
  ["blueprint/x create", { ...blueprint, config: { services: [] } }, "config.services"],
  ["blueprint/x create", { ...blueprint, config: { services: ["a.b"] } }, "config.services.0"],
  [
    "blueprint/x create",
    { ...blueprint, config: { services: ["a"], leasesPerHost: 0 } },
    "config.leasesPerHost",
  ],
  [
    "blueprint/x create",
    { ...blueprint, config: { services: ["a"], leasesPerHost: "1" } },
    "config.leasesPerHost",
  ],
  ["blueprint/x create", { ...blueprint, config: { services: ["a"], leases: 1 } }, "config"],
  ["blueprint/x create", { ...blueprint, type: "no-such-type" }, "type"],
  ["blueprint/x create", { ...blueprint, type: "__proto__" }, "type"],
  ["blueprint/x create", { ...blueprint, type: "constructor" }, "type"],
  ["blueprint/x create", { ...blueprint, limit: 0 }, "limit"],
  ["blueprint/x create", { ...blueprint, limit: -1 }, "limit"],
  ["blueprint/x create", { ...blueprint, limit: 1.5 }, "limit"],
  ["blueprint/x create", { ...blueprint, limit: "10" }, "limit"],
  ["blueprint/x create", { ...blueprint, limit: null }, "limit"],
  ["blueprint/lab configure", { ...blueprint, config: { services: "lab-pool" } }, "config.services"],
  ["blueprint/lab authorize", {}, "principal"],
  ["blueprint/lab authorize", { principal: "a.b" }, "principal"],
  ["blueprint/lab authorize", { principal: "a_b" }, "principal"],
  ["blueprint/lab authorize", { principal: "" }, "principal"],
  ["blueprint/lab decline", { principal: "x".repeat(33) }, "principal"],
  ["blueprint/lab decline", { principal: "-x" }, "principal"],
  ["device/x put", {}, "interfaces"],
  ["device/x put", { interfaces: [] }, "interfaces"],
  ["device/x put", { interfaces: { eth0: {} } }, "interfaces.eth0.network"],
  ["device/x put", { interfaces: { eth0: { network: "net" } } }, "interfaces.eth0.address"],
  ["device/x put", { interfaces: { eth0: { network: "net", address: 7 } } }, "interfaces.eth0.address"],
  ["device/x put", { interfaces: { eth0: { network: "a.b", address: "h" } } }, "interfaces.eth0.network"],
  [
    "device/x put",
    { interfaces: { eth0: { network: "net", address: "h", port: 0 } } },
    "interfaces.eth0.port",
  ],
  [
    "device/x put",
    { interfaces: { eth0: { network: "net", address: "h", port: 65_536 } } },
    "interfaces.eth0.port",
  ],
  [
    "device/x put",
    { interfaces: { eth0: { network: "net", address: "h", port: "22" } } },
    "interfaces.eth0.port",
  ],
  [
    "device/x put",
    { interfaces: { eth0: { network: "net", address: "h", port: 22.5 } } },
    "interfaces.eth0.port",
  ],
  [
    "device/x put",
    { interfaces: { eth0: { network: "net", address: "h", transport: "telnet" } } },
    "interfaces.eth0.transport",
  ],
  ["device/x put", { interfaces: { eth0: { network: "net", address: "h", mac: "x" } } }, "interfaces.eth0"],
  ["device/x put", { interfaces: {}, properties: [] }, "properties"],
  ["service/x put", { bindings: {} }, "type"],
  ["service/x put", { type: "drydock.pool" }, "bindings"],
  ["service/x put", { type: "drydock.pool", bindings: [] }, "bindings"],
  ["service/x put", { type: "drydock.pool", bindings: { b: {} } }, "bindings.b.device"],
  ["service/x put", { type: "drydock.pool", bindings: { b: { device: "h" } } }, "bindings.b.interface"],
  [
    "service/x put",
    { type: "drydock.pool", bindings: { b: { device: "h", interface: "e", disabled: 1 } } },
    "bindings.b.disabled",
  ],
  [
    "service/x put",
    { type: "drydock.pool", bindings: { b: { device: "a b", interface: "e" } } },
    "bindings.b.device",
  ],
  ["service/lab-pool bind", { device: "h", interface: "e" }, "name"],
  ["service/lab-pool bind", { name: "", device: "h", interface: "e" }, "name"],
  ["service/lab-pool bind", { name: "b", interface: "e" }, "device"],
  ["service/lab-pool bind", { name: "b", device: "h", interface: 7 }, "interface"],
  ["service/lab-pool unbind", {}, "name"],
  ["service/lab-pool unbind", { name: 7 }, "name"],
]

test.each(WRONG)("%s with %j is invalid, with an issue at %s", async (target, body, path) => {
  const issues = invalid(await on.alice.say(target, body))
  expect(issues.map((issue) => issue.path)).toContain(path)
})

describe("durations and times", () => {
  const BAD_DURATIONS = [
    "",
    "30",
    "m",
    "0s",
    "-5m",
    "1.5h",
    "1h30m",
    " 30m",
    "30 m",
    "30M",
    "1w",
    "367d",
    "1e3s",
    "9".repeat(400),
    30,
    null,
    {},
    ["30m"],
  ]
  test.each(BAD_DURATIONS)("ttl %j is invalid, in a request and in a renewal", async (ttl) => {
    const said = [
      await on.alice.say("lease/x request", { type: "host", ttl }),
      await on.alice.say("lease/x renew", { ttl }),
    ]
    for (const outcome of said) expect(invalid(outcome).map(({ path }) => path)).toContain("ttl")
  })

  const BAD_TIMES = [
    "",
    "tomorrow",
    "2099-01-01",
    "2099-01-01T00:00:00",
    "2099-13-01T00:00:00Z",
    "2099-02-30T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2099-01-01T25:00:00Z",
    "2099-01-01T00:60:00Z",
    "2099-1-1T0:0:0Z",
    "Thu, 01 Jan 2099 00:00:00 GMT",
    "2099-01-01T00:00:00Z ",
    "99999-01-01T00:00:00Z",
    4_070_908_800,
    null,
  ]
  test.each(BAD_TIMES)("until %j is invalid, in a request and in a renewal", async (until) => {
    const said = [
      await on.alice.say("lease/x request", { type: "host", until }),
      await on.alice.say("lease/x renew", { until }),
    ]
    for (const outcome of said) expect(invalid(outcome).map(({ path }) => path)).toEqual(["until"])
  })

  test.each(["90s", "30m", "2h", "1d"])("ttl %s is a duration", async (ttl) => {
    accepted(await on.alice.say(`lease/d-${ttl} request`, { type: "host", ttl }))
  })

  test.each(["2099-02-28T23:59:59Z", "2096-02-29T00:00:00.125Z"])("until %s is a time", async (until) => {
    const id = `t-${Date.parse(until)}`
    accepted(await on.alice.say(`lease/${id} request`, { type: "host", until }))
    const record = await on.alice.seen((seen) => seen.id === id && seen.to === "active")
    expect(Date.parse(String(record.context.until))).toBe(Date.parse(until))
  })
})

describe("nesting", () => {
  const nested = (depth: number): object => (depth === 0 ? {} : { a: nested(depth - 1) })

  test("of 16 levels in attributes is data", async () => {
    const record = accepted(
      await on.alice.say("lease/deep request", { type: "host", attributes: nested(16) }),
    )
    expect(record.context.attributes).toEqual(nested(16))
  })

  test("of 2,000 levels in attributes, properties and config is invalid", async () => {
    const { alice } = on
    invalid(await alice.say("lease/deeper request", { type: "host", attributes: nested(2_000) }))
    invalid(await alice.say("device/deeper put", { ...device, properties: nested(2_000) }))
    invalid(
      await alice.say("service/deeper put", {
        type: "drydock.pool",
        bindings: {},
        properties: nested(2_000),
      }),
    )
    invalid(await alice.say("blueprint/deeper create", { ...blueprint, config: nested(2_000) }))
  })
})

test("after all of that the queue goes on", async () => {
  accepted(await on.alice.say("lease/last request", { type: "host" }))
})

// Random command sequences: people who use the yard, people who break it, and noise.

import fc from "fast-check"
import { KINDS } from "../../../src/machines/names.js"
import { registry } from "../../../src/machines/registry.js"
import type { Spoken } from "./workbench.js"

const lease = fc.integer({ min: 0, max: 14 }).map((n) => `L${n}`)
const device = fc.integer({ min: 0, max: 4 }).map((n) => `d${n}`)
const service = fc.integer({ min: 0, max: 2 }).map((n) => `s${n}`)
const blueprint = fc.constantFrom("b0", "b1", "b2")
const principal = fc.constantFrom("alice", "bob")
const later = fc.constantFrom(0, 1, 5, 900, 2_000, 61_000, -50)

function spoken(
  kind: string,
  id: fc.Arbitrary<string>,
  verb: string,
  body: fc.Arbitrary<unknown>,
): fc.Arbitrary<Spoken> {
  return fc.record({ id, body, principal, later }).map((drawn) => ({
    subject: `drydock.default.command.${kind}.${drawn.id}.${verb}.${drawn.principal}`,
    body: drawn.body,
    afterMs: drawn.later,
  }))
}

const binding = fc.record(
  { device, interface: fc.constantFrom("eth0", "eth1"), disabled: fc.boolean() },
  { requiredKeys: ["device", "interface"] },
)
const bindings = fc.dictionary(fc.constantFrom("x", "y", "z", "__proto__"), binding, { maxKeys: 4 })
const address = fc.constantFrom("10.0.0.1", "10.0.0.2")
const interfaces = fc.dictionary(
  fc.constantFrom("eth0", "eth1"),
  address.map((at) => ({ network: "net", address: at })),
  { maxKeys: 2 },
)
const described = fc
  .record({
    services: fc.uniqueArray(service, { minLength: 1, maxLength: 2 }),
    leases: fc.constantFrom(undefined, 1, 2),
    limit: fc.constantFrom(undefined, 1, 2),
  })
  .map(({ services, leases, limit }) => ({
    type: "almanac-service-host",
    config: { services, ...(leases === undefined ? {} : { leasesPerHost: leases }) },
    ...(limit === undefined ? {} : { limit }),
  }))
const request = fc
  .record({
    type: fc.constantFrom("host", "host", "host", "host", "nonsense"),
    blueprints: fc.option(fc.uniqueArray(blueprint, { minLength: 1, maxLength: 2 }), { nil: undefined }),
    ttl: fc.constantFrom(undefined, undefined, "1s", "1m"),
  })
  .map((body) => JSON.parse(JSON.stringify(body)) as unknown)

const use = fc.oneof(
  { weight: 10, arbitrary: spoken("lease", lease, "request", request) },
  { weight: 6, arbitrary: spoken("lease", lease, "release", fc.constant({})) },
  {
    weight: 1,
    arbitrary: spoken("lease", lease, "renew", fc.constantFrom({ ttl: "1m" }, {}, { ttl: "1s" })),
  },
  {
    weight: 1,
    arbitrary: spoken("lease", lease, "annotate", fc.constantFrom({ set: { a: "1" } }, { set: { a: null } })),
  },
)
const build = fc.oneof(
  {
    weight: 3,
    arbitrary: spoken(
      "device",
      device,
      "put",
      interfaces.map((them) => ({ interfaces: them })),
    ),
  },
  { weight: 1, arbitrary: spoken("device", device, "disable", fc.constant({})) },
  { weight: 2, arbitrary: spoken("device", device, "enable", fc.constant({})) },
  { weight: 1, arbitrary: spoken("device", device, "remove", fc.constant({})) },
  {
    weight: 3,
    arbitrary: spoken(
      "service",
      service,
      "put",
      bindings.map((them) => ({ type: "drydock.pool", bindings: them })),
    ),
  },
  {
    weight: 2,
    arbitrary: spoken(
      "service",
      service,
      "bind",
      binding.map((one) => ({ name: "x", ...one })),
    ),
  },
  { weight: 1, arbitrary: spoken("service", service, "unbind", fc.constant({ name: "x" })) },
  { weight: 1, arbitrary: spoken("service", service, "remove", fc.constant({})) },
  { weight: 3, arbitrary: spoken("blueprint", blueprint, "create", described) },
  { weight: 2, arbitrary: spoken("blueprint", blueprint, "configure", described) },
  { weight: 1, arbitrary: spoken("blueprint", blueprint, "disable", fc.constant({})) },
  { weight: 2, arbitrary: spoken("blueprint", blueprint, "enable", fc.constant({})) },
)

/** Ids of resources follow from sequences: most of these name one that exists. */
const resources = fc.oneof(
  ...["release", "reclaim"].map((verb) =>
    spoken(
      "resource",
      fc.integer({ min: 1, max: 60 }).map((n) => `r${n.toString(36)}`),
      verb,
      fc.constant({}),
    ),
  ),
)

const anyVerb = fc.constantFrom(
  ...KINDS.flatMap((kind) => [
    ...Object.keys(registry[kind].bodies),
    ...Object.keys(registry[kind].internal),
  ]),
)
const hostile: fc.Arbitrary<Spoken> = fc.oneof(
  fc.record({
    subject: fc
      .tuple(
        fc.constantFrom("command", "internal", "journal"),
        fc.oneof(fc.constantFrom(...KINDS), fc.string()),
        fc.oneof(lease, fc.string(), fc.constantFrom("__proto__", "constructor", "")),
        fc.oneof(anyVerb, fc.constantFrom("__proto__", "toString", "constructor")),
        fc.oneof(
          fc.constantFrom("allocator", "timer", "system", "worker-x", "alice", "__proto__"),
          fc.string(),
        ),
      )
      .map((tokens) => `drydock.default.${tokens.join(".")}`),
    body: fc.oneof(
      fc.json(),
      fc.uint8Array({ maxLength: 30 }),
      fc.constantFrom(
        "{",
        '{"__proto__":{"type":"host"}}',
        '{"order":7}',
        '{"token":1,"code":"x"}',
        "[".repeat(5_000),
      ),
      fc.jsonValue(),
    ),
    headers: fc.option(
      fc.dictionary(fc.constantFrom("Drydock-Id", "__proto__", "Nats-Msg-Id"), fc.string()),
      {
        nil: undefined,
      },
    ),
  }),
  fc.record({ subject: fc.string(), body: fc.json() }),
)

/** One thing that happens: somebody speaks, or the host gets on with so many commands. */
export type Happening = { readonly speak: Spoken } | { readonly decide: number }

export const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: use.map((speak) => ({ speak })) },
    { weight: 4, arbitrary: build.map((speak) => ({ speak })) },
    { weight: 1, arbitrary: resources.map((speak) => ({ speak })) },
    { weight: 1, arbitrary: hostile.map((speak) => ({ speak })) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 12 }).map((decide) => ({ decide })) },
  ),
  { minLength: 1, maxLength: 120, size: "max" },
)

/** An Almanac that works, so that sequences do not have to find one by luck. */
export const workingAlmanac: readonly Spoken[] = [
  ...["d0", "d1", "d2"].map((id) => ({
    subject: `drydock.default.command.device.${id}.put.op`,
    body: { interfaces: { eth0: { network: "net", address: "10.0.0.1" } } },
  })),
  {
    subject: "drydock.default.command.service.s0.put.op",
    body: {
      type: "drydock.pool",
      bindings: { x: { device: "d0", interface: "eth0" }, y: { device: "d1", interface: "eth0" } },
    },
  },
  {
    subject: "drydock.default.command.service.s1.put.op",
    body: { type: "drydock.pool", bindings: { z: { device: "d2", interface: "eth0" } } },
  },
  {
    subject: "drydock.default.command.blueprint.b0.create.op",
    body: { type: "almanac-service-host", config: { services: ["s0", "s1"], leasesPerHost: 1 } },
  },
  {
    subject: "drydock.default.command.blueprint.b1.create.op",
    body: { type: "almanac-service-host", config: { services: ["s1"] }, limit: 1 },
  },
]

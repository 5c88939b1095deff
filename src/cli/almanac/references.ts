// What one object of the Almanac needs of others: a device its networks, a service the interfaces of its bindings, a
// blueprint whatever its own policy reads. A reference may dangle - the yard takes it, and a lease then waits - so it
// is a warning, never a mistake.

import type { AnyPolicy, BoundPolicy } from "../../blueprints/blueprint.js"
import { isObject, type JsonObject } from "../../machines/json.js"
import type { YardRecord } from "../../machines/record.js"
import type { Wanted, WantedKind } from "./wanted.js"

export interface Reference {
  readonly kind: "network" | "device" | "service"
  readonly id: string
  /** Of a device: the interface that must be there too. */
  readonly interface?: string
  /** Where it stands in the body of the one who refers. */
  readonly path: readonly string[]
}

/** A reference to what neither the files nor the yard have. */
export interface Dangling {
  readonly kind: WantedKind
  readonly id: string
  /** `file:line:column` */
  readonly where: string
  readonly message: string
}

export function referencesOf(
  kind: WantedKind,
  body: Readonly<Record<string, unknown>>,
  policies: readonly AnyPolicy[],
): readonly Reference[] {
  switch (kind) {
    case "network":
      return []
    case "device":
      return entries(body.interfaces).flatMap(([name, { network }]) =>
        typeof network === "string"
          ? [{ kind: "network", id: network, path: ["interfaces", name, "network"] }]
          : [],
      )
    case "service":
      return entries(body.bindings).flatMap(([name, { device, interface: port }]) =>
        typeof device === "string" && typeof port === "string"
          ? [{ kind: "device", id: device, interface: port, path: ["bindings", name] }]
          : [],
      )
    case "blueprint": {
      const policy = policies.find(({ type }) => type === body.type)
      const bound = isJson(body.config) ? policy?.bind(body.config) : undefined
      return bound !== undefined && "policy" in bound ? askedFor(bound.policy, body.config) : []
    }
  }
}

/** What a policy asks an empty Almanac for is what its config names. */
function askedFor(policy: BoundPolicy, config: unknown): readonly Reference[] {
  const asked = new Map<string, Reference>()
  const note = (kind: "service" | "device", id: string) => {
    asked.set(`${kind}/${id}`, { kind, id, path: ["config", ...(pathTo(config, id) ?? [])] })
    return undefined
  }
  try {
    policy.survey?.({ service: (id) => note("service", id), device: (id) => note("device", id) })
  } catch {
    // A policy may throw where it finds nothing; then there is only less to warn of.
  }
  return [...asked.values()]
}

/** Path of the first text in a value that is `text`. */
function pathTo(value: unknown, text: string): readonly string[] | undefined {
  if (value === text) return []
  if (typeof value !== "object" || value === null) return undefined
  for (const [name, inner] of Object.entries(value)) {
    const path = pathTo(inner, text)
    if (path !== undefined) return [name, ...path]
  }
  return undefined
}

/** Objects that the files refer to and do not describe: only the yard can know them. */
export function unknownToFiles(wanted: readonly Wanted[]): readonly Pick<Reference, "kind" | "id">[] {
  const described = new Set(wanted.map(({ kind, id }) => `${kind}/${id}`))
  const others = new Map<string, Pick<Reference, "kind" | "id">>()
  for (const { references } of wanted)
    for (const { kind, id } of references)
      if (!described.has(`${kind}/${id}`)) others.set(`${kind}/${id}`, { kind, id })
  return [...others.values()]
}

/** `inYard`: records of what `unknownToFiles` names, by `kind/id`. */
export function danglingIn(
  wanted: readonly Wanted[],
  inYard: ReadonlyMap<string, YardRecord>,
): readonly Dangling[] {
  const described = new Map(wanted.map((one) => [`${one.kind}/${one.id}`, one.body]))
  return wanted.flatMap((one) =>
    one.references.flatMap((reference) => {
      const name = `${reference.kind}/${reference.id}`
      const record = inYard.get(name)
      const present = record === undefined || record.to === "removed" ? undefined : record.context
      const fault = faultOf(reference, described.get(name) ?? present)
      return fault === undefined
        ? []
        : [{ kind: one.kind, id: one.id, where: one.placeOf(reference.path), message: fault }]
    }),
  )
}

function faultOf(reference: Reference, target: object | undefined): string | undefined {
  if (target === undefined) return `there is no ${reference.kind} ${reference.id}`
  if (reference.interface === undefined) return undefined
  const names = "interfaces" in target && isObject(target.interfaces) ? Object.keys(target.interfaces) : []
  if (names.includes(reference.interface)) return undefined
  const has = names.length === 0 ? "" : `: it has ${names.slice(0, 5).join(", ")}`
  return `device ${reference.id} has no interface ${reference.interface}${has}`
}

function entries(value: unknown): readonly (readonly [string, Readonly<Record<string, unknown>>])[] {
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([name, inner]) => (isObject(inner) ? [[name, inner] as const] : []))
}

/** The schemas of the yard let only JSON through. */
function isJson(value: unknown): value is JsonObject {
  return isObject(value)
}

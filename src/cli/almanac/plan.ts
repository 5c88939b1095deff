// The difference between what the files say and what the yard has.

import { blueprintTerms } from "../../machines/blueprint-terms.js"
import { canonical, isObject } from "../../machines/json.js"
import type { YardRecord } from "../../machines/record.js"
import { brief } from "../text.js"
import type { Wanted } from "./wanted.js"

export interface Change {
  /** `bindings.h1.disabled` */
  readonly path: string
  /** undefined = it is not there. */
  readonly from: unknown
  readonly to: unknown
}

export interface Step {
  readonly wanted: Wanted
  readonly action: "create" | "change" | "restore" | "unchanged" | "refuse"
  /** The command that does it; undefined when there is nothing to do. */
  readonly verb: "put" | "create" | "configure" | undefined
  readonly changes: readonly Change[]
  /** Why it cannot be done. */
  readonly refusal?: string
}

/** What must be done about one object. `record` is its last record, if it has one. */
export function planStep(wanted: Wanted, record: YardRecord | undefined): Step {
  const isBlueprint = wanted.kind === "blueprint"
  if (record === undefined)
    return { wanted, action: "create", verb: isBlueprint ? "create" : "put", changes: [] }
  if (record.to === "removed") return { wanted, action: "restore", verb: "put", changes: [] }
  const present = presentBody(wanted, record)
  const desired = comparable(wanted.body)
  const changes = differences(present, desired)
  if (changes.length === 0) return { wanted, action: "unchanged", verb: undefined, changes }
  const fixed = wanted.kind === "blueprint" || wanted.kind === "service"
  if (fixed && present.type !== desired.type) {
    const refusal = `the type of a ${wanted.kind} is fixed (it is ${brief(present.type)}): use another id`
    return { wanted, action: "refuse", verb: undefined, changes, refusal }
  }
  return { wanted, action: "change", verb: isBlueprint ? "configure" : "put", changes }
}

/** The part of a record's context that a body describes. */
function presentBody(wanted: Wanted, record: YardRecord): Readonly<Record<string, unknown>> {
  const names = {
    network: ["name"],
    device: ["name", "interfaces", "properties"],
    service: ["name", "type", "bindings", "properties"],
    blueprint: ["type", "config", "limit", ...Object.keys(blueprintTerms)],
  }[wanted.kind]
  // The terms of a blueprint stand together in its context, and one by one in the file.
  const terms = record.kind === "blueprint" ? record.context.terms : {}
  const context: Readonly<Record<string, unknown>> = { ...record.context, ...terms }
  return comparable(Object.fromEntries(names.map((name) => [name, context[name]])))
}

/** null and absent are the same wish. */
function comparable(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== undefined))
}

/** Leaf by leaf, by name. */
export function differences(from: unknown, to: unknown, path = ""): readonly Change[] {
  if (isObject(from) && isObject(to)) {
    const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort()
    return names.flatMap((name) => {
      const a = Object.hasOwn(from, name) ? from[name] : undefined
      const b = Object.hasOwn(to, name) ? to[name] : undefined
      return differences(a, b, path === "" ? name : `${path}.${name}`)
    })
  }
  const same = from === undefined || to === undefined ? from === to : canonical(from) === canonical(to)
  return same ? [] : [{ path, from, to }]
}

/** `bindings.h1.disabled  false → true` */
export function changeText(change: Change): string {
  const shown = (value: unknown) => (value === undefined ? "(none)" : brief(value, 48))
  return `${change.path}  ${shown(change.from)} → ${shown(change.to)}`
}

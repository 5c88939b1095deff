// What a lease asks for, as the policies see it: parsed once per policy of its type. A policy that fails over it serves
// it not, and breaks nobody (K-09).

import type { AnyPolicy } from "../../blueprints/blueprint.js"
import { mayUse } from "../../machines/blueprint.js"
import { canonical, type JsonObject } from "../../machines/json.js"
import { LIMITS } from "../../machines/limits.js"
import type { BlueprintRecord } from "../../machines/record.js"
import { type Room, recordOf, type Yard } from "./yard.js"

export interface Demand {
  /** Equal for leases that ask for the same. */
  readonly text: string
  /** By blueprint type; a policy that is not here has no use for attributes. */
  readonly parsed: ReadonlyMap<string, Parsed>
}

export type Parsed =
  | { readonly demand: unknown; readonly text: string }
  | { readonly fault: string; readonly text: string }

export const ANY_DEMAND: Demand = { text: "", parsed: new Map() }

/** By yard: another one may have other policies. */
const known = new WeakMap<Yard, WeakMap<JsonObject, Map<string, Demand>>>()

/** What attributes mean to the policies that provide a type. */
export function demandOf(yard: Yard, type: string, attributes: JsonObject): Demand {
  const choosy = yard.choosy.get(type)
  if (choosy === undefined) return ANY_DEMAND
  const ofYard = known.get(yard) ?? new WeakMap<JsonObject, Map<string, Demand>>()
  known.set(yard, ofYard)
  const byType = ofYard.get(attributes) ?? new Map<string, Demand>()
  ofYard.set(attributes, byType)
  const before = byType.get(type)
  if (before !== undefined) return before
  const parsed = new Map(choosy.map((policy) => [policy.type, parse(policy, attributes)]))
  const text = [...parsed].map(([name, one]) => `${name} ${one.text}`).join("\n")
  const demand = { text, parsed }
  byType.set(type, demand)
  return demand
}

function parse(policy: AnyPolicy, attributes: JsonObject): Parsed {
  if (policy.demand === undefined) return { demand: undefined, text: "" }
  try {
    const result = policy.demand(attributes)
    if ("demand" in result) return { demand: result.demand, text: textOf(result.demand) }
    const [first] = result.issues
    return faulty(`${first?.path}: ${first?.message}`)
  } catch (error) {
    return faulty(`the policy of ${policy.type} failed: ${messageOf(error)}`)
  }
}

function faulty(why: string): Parsed {
  const fault = why.slice(0, 300)
  return { fault, text: `!${fault}` }
}

/** What tells demands on one blueprint type apart; empty where nothing does. */
export function demandText(demand: Demand, type: string): string {
  return (demand.parsed.get(type)?.text ?? "").slice(0, LIMITS.demandChars)
}

function textOf(demand: unknown): string {
  // Sound: a demand is what a schema made of JSON; whatever else it holds does not decide.
  return demand === undefined ? "" : canonical(JSON.parse(JSON.stringify(demand)) as JsonObject)
}

/** A policy's own words for its failure, bounded. */
export function messageOf(error: unknown): string {
  try {
    return (error instanceof Error ? error.message : String(error)).slice(0, 200)
  } catch {
    // What was thrown cannot even be written down.
    return "it threw something that has no text"
  }
}

const REMEMBERED = 1_024

/** Why a room can never serve a demand; undefined when it can. */
export function inability(room: Room, demand: Demand): string | undefined {
  const parsed = demand.parsed.get(room.policy.type)
  if (parsed === undefined || room.bound === undefined) return undefined
  if ("fault" in parsed) return parsed.fault
  if (room.unable.has(demand.text)) return room.unable.get(demand.text)
  if (room.unable.size > REMEMBERED) room.unable.clear()
  let why: string | undefined
  try {
    why = room.bound.cannot(parsed.demand)?.slice(0, 300)
  } catch (error) {
    why = `its policy failed: ${messageOf(error)}`
  }
  room.unable.set(demand.text, why)
  return why
}

/** Whether what has a shape serves a demand. */
export function suits(policy: AnyPolicy, shape: JsonObject, demand: Demand): boolean {
  const parsed = demand.parsed.get(policy.type)
  if (parsed === undefined) return true
  if ("fault" in parsed) return false
  try {
    return policy.fits(shape, parsed.demand)
  } catch {
    // Said as "does not fit": a policy that fails over this shape gives it to nobody (K-09).
    return false
  }
}

/** Blueprints among those that a lease may mean whose door is closed to who asks. */
export function refusals(
  yard: Yard,
  type: string,
  blueprints: readonly string[] | null,
  by: string,
): string[] {
  const closed: string[] = []
  for (const id of blueprints ?? yard.blueprintsFor.get(type) ?? []) {
    const blueprint = recordOf(yard, "blueprint", id)
    if (blueprint !== undefined && isClosed(blueprint, by)) closed.push(id)
  }
  return closed
}

/** Most blueprints are open to everybody: that is seen without looking for a name. */
function isClosed({ context }: BlueprintRecord, by: string): boolean {
  const { access = "everyone" } = context.terms
  if (access === "everyone" && Object.keys(context.authorizations).length === 0) return false
  return !mayUse(context, by)
}

// Why a lease waits, blueprint by blueprint, in words that a person understands. The same answers stand in `waiting`,
// in the query `why` and in the message of a lease that can never be served.

import { decisionOn } from "../../machines/blueprint.js"
import type { Waiting } from "../../machines/lease-context.js"
import { demandText, inability } from "./demand.js"
import type { Asking } from "./entitlement.js"
import { resourceCount, shelvesFor } from "./room.js"
import { type Room, recordOf, type Yard } from "./yard.js"

export interface Answer {
  readonly blueprint: string
  /**
   * `unknown`, `other-type`, `cannot`: never. `not-installed`, `unauthorized`, `declined`, `disabled`, `suspended`,
   * `pausing`, `no-sites`, `limit`, `full`, `ahead`: not now.
   */
  readonly code: string
  readonly message: string
}

const NEVER: ReadonlySet<string> = new Set(["unknown", "other-type", "cannot"])
const ANSWERS_IN_A_RECORD = 8

/** Every blueprint that a demand could mean, with its answer. */
export function consider(yard: Yard, type: string, by: string, asking: Asking): readonly Answer[] {
  const ids = asking.blueprints ?? [...(yard.blueprintsFor.get(type) ?? [])]
  return ids.map((id) => ({ blueprint: id, ...answer(yard, type, id, by, asking) }))
}

/** Whether no blueprint of the answers can ever serve the demand: then waiting is pointless. */
export function isHopeless(answers: readonly Answer[]): boolean {
  return answers.every(({ code }) => NEVER.has(code))
}

/**
 * What a demand has to expect as long as its blueprints stay as they are, whoever holds what: the code that `waiting`
 * carries, and whether nothing will ever serve it.
 */
export function outlook(
  yard: Yard,
  type: string,
  by: string,
  asking: Asking,
): { readonly code: string; readonly isHopeless: boolean } {
  const ids = asking.blueprints ?? [...(yard.blueprintsFor.get(type) ?? [])]
  const answers = ids.map((id) => {
    const fixed = standing(yard, type, id, by, asking)
    return {
      blueprint: id,
      code: "code" in fixed ? fixed.code : (givenUp(fixed.room, asking.demand)?.code ?? "busy"),
      message: "",
    }
  })
  return { code: waitingFor(answers).code, isHopeless: isHopeless(answers) }
}

function givenUp(room: Room, demand: Asking["demand"]): { code: string; message: string } | undefined {
  if (room.pause?.code === "suspended") return room.pause
  const message = room.hopeless.get(demandText(demand, room.policy.type))
  return message === undefined ? undefined : { code: "suspended", message }
}

function answer(
  yard: Yard,
  type: string,
  id: string,
  by: string,
  asking: Asking,
): { code: string; message: string } {
  const fixed = standing(yard, type, id, by, asking)
  return "code" in fixed ? fixed : busy(yard, fixed.room, asking.demand)
}

/** The answer that does not depend on who holds what; or the room that might serve it. */
function standing(
  yard: Yard,
  type: string,
  id: string,
  by: string,
  { demand, refused }: Asking,
): { readonly code: string; readonly message: string } | { readonly room: Room } {
  const record = recordOf(yard, "blueprint", id)
  if (record === undefined) return { code: "unknown", message: `there is no blueprint ${id}` }
  const room = yard.rooms.get(id)
  if (room === undefined) {
    return {
      code: "not-installed",
      message: `blueprint type ${record.context.type} is not installed on this host`,
    }
  }
  if (room.policy.provides !== type)
    return { code: "other-type", message: `it provides ${room.policy.provides}, not ${type}` }
  const why = inability(room, demand)
  if (why !== undefined) return { code: "cannot", message: why }
  if (refused.includes(id)) return closed(id, by, decisionOn(record.context.authorizations, by))
  if (!room.enabled) return { code: "disabled", message: `blueprint ${id} is disabled` }
  return { room }
}

function closed(
  id: string,
  by: string,
  decision: ReturnType<typeof decisionOn>,
): { code: string; message: string } {
  if (decision?.state === "declined")
    return { code: "declined", message: `${decision.by} declined ${by} on blueprint ${id}` }
  return { code: "unauthorized", message: `${by} is not authorized on blueprint ${id} yet` }
}

function busy(yard: Yard, room: Room, demand: Asking["demand"]): { code: string; message: string } {
  const live = resourceCount(yard, room.blueprint)
  const suitable = shelvesFor(room, demand)
  if (suitable.some(({ idle, shared }) => idle.size > 0 || shared.size > 0))
    return { code: "ahead", message: "what is free goes to those who asked earlier" }
  const over = givenUp(room, demand)
  if (over !== undefined) return over
  if (room.pause !== null) return room.pause
  const unheard = [...room.unheard].sort()[0]
  if (unheard !== undefined) {
    const why = recordOf(yard, "resource", unheard)?.context.reason?.message
    return { code: "pausing", message: `a build has just failed: ${why ?? "the reason is not known"}` }
  }
  const stuck = quarantined(yard, room)
  const held =
    stuck.length === 0 ? "" : `, ${stuck.length} of them in quarantine (${stuck.slice(0, 3).join(", ")})`
  if (live >= room.limit)
    return { code: "limit", message: `its limit of ${room.limit} resources is reached${held}` }
  if (room.numbers !== undefined || suitable.some(({ sites }) => sites.size > 0))
    return { code: "ahead", message: "what can be built goes to those who asked earlier" }
  if (room.survey.sites.length === 0) return { code: "no-sites", message: whyNoSites(room) }
  const elsewhere = room.survey.sites.length - live
  if (elsewhere <= 0) return { code: "full", message: `all ${live} of its resources are in use${held}` }
  const own = live === 0 ? "" : `all ${live} of its resources are in use${held}, and `
  return { code: "full", message: `${own}${elsewhere} of its places are held by other blueprints` }
}

const LOOKED_AT = 1_000

/** Resources of a room that are stuck, the first thousand looked at. */
export function quarantined(yard: Yard, room: Room): readonly string[] {
  const found: string[] = []
  let looked = 0
  for (const id of yard.resourcesOf.get(room.blueprint) ?? []) {
    if (looked++ > LOOKED_AT) break
    if ((recordOf(yard, "resource", id)?.context.quarantine ?? null) !== null) found.push(id)
  }
  return found
}

function whyNoSites(room: Room): string {
  const reasons = [...room.survey.problems, ...[...room.survey.closed.values()].map(({ message }) => message)]
  const [first] = reasons
  if (first === undefined) return "its services have no bindings"
  return reasons.length === 1 ? first : `${first}, and ${reasons.length - 1} more`
}

/** What stands in the record of a lease that has to wait. */
export function waitingFor(answers: readonly Answer[]): Waiting {
  const possible = answers.filter(({ code }) => !NEVER.has(code))
  const all = (codes: readonly string[]) =>
    possible.length > 0 && possible.every(({ code }) => codes.includes(code))
  const code = all(["disabled"])
    ? "disabled"
    : all(["unauthorized", "declined"])
      ? "unauthorized"
      : all(["suspended"])
        ? "suspended"
        : "no-free-resource"
  return {
    code,
    details: { blueprints: answers.slice(0, ANSWERS_IN_A_RECORD).map((one) => ({ ...one })) },
  }
}

/** Why nothing will ever serve a demand. */
export function hopelessness(yard: Yard, type: string, answers: readonly Answer[]): string {
  if (answers.length > 0)
    return answers
      .map(({ message }) => message)
      .join("; ")
      .slice(0, 900)
  const types = [...yard.blueprintsFor].filter(([, ids]) => ids.size > 0).map(([name]) => name)
  const known =
    types.length === 0 ? "there are no blueprints yet" : `blueprints provide ${types.sort().join(", ")}`
  return `no blueprint provides ${type}: ${known}`.slice(0, 900)
}

// Why a lease waits, blueprint by blueprint, in words that a person understands. The same answers stand in `waiting`,
// in the query `why` and in the message of a lease that can never be served.

import type { Waiting } from "../../machines/lease-context.js"
import { resourceCount } from "./room.js"
import { type Room, recordOf, type Yard } from "./yard.js"

export interface Answer {
  readonly blueprint: string
  /** `unknown`, `other-type`, `not-installed`: never. `disabled`, `no-sites`, `limit`, `full`, `ahead`: not now. */
  readonly code: string
  readonly message: string
}

const NEVER: ReadonlySet<string> = new Set(["unknown", "other-type"])
const ANSWERS_IN_A_RECORD = 8

/** Every blueprint that a demand could mean, with its answer. */
export function consider(yard: Yard, type: string, blueprints: readonly string[] | null): readonly Answer[] {
  const ids = blueprints ?? [...(yard.blueprintsFor.get(type) ?? [])]
  return ids.map((id) => ({ blueprint: id, ...answer(yard, type, id) }))
}

/** Whether no blueprint of the answers can ever serve the demand: then waiting is pointless. */
export function isHopeless(answers: readonly Answer[]): boolean {
  return answers.every(({ code }) => NEVER.has(code))
}

function answer(yard: Yard, type: string, id: string): { code: string; message: string } {
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
  if (!room.enabled) return { code: "disabled", message: `blueprint ${id} is disabled` }
  return busy(yard, room)
}

function busy(yard: Yard, room: Room): { code: string; message: string } {
  const live = resourceCount(yard, room.blueprint)
  if (room.idle.size > 0 || room.shared.size > 0)
    return { code: "ahead", message: "what is free goes to those who asked earlier" }
  if (live >= room.limit) return { code: "limit", message: `its limit of ${room.limit} resources is reached` }
  if (room.freeSites.size > 0)
    return { code: "ahead", message: "what can be built goes to those who asked earlier" }
  if (room.survey.sites.length === 0) return { code: "no-sites", message: whyNoSites(room) }
  const elsewhere = room.survey.sites.length - live
  if (elsewhere <= 0) return { code: "full", message: `all ${live} of its resources are in use` }
  const own = live === 0 ? "" : `all ${live} of its resources are in use, and `
  return { code: "full", message: `${own}${elsewhere} of its places are held by other blueprints` }
}

function whyNoSites(room: Room): string {
  const reasons = [...room.survey.problems, ...[...room.survey.closed.values()].map(({ message }) => message)]
  const [first] = reasons
  if (first === undefined) return "its services have no bindings"
  return reasons.length === 1 ? first : `${first}, and ${reasons.length - 1} more`
}

/** What stands in the record of a lease that has to wait. */
export function waitingFor(answers: readonly Answer[]): Waiting {
  const disabled = answers.length > 0 && answers.every(({ code }) => code === "disabled")
  return {
    code: disabled ? "disabled" : "no-free-resource",
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

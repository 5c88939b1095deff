// Facts that a statechart cannot know by itself, looked up before it is asked: what becomes of a waiting lease, where
// an ordered resource is built, how many leases are left on a resource.

import type { Need } from "../../blueprints/blueprint.js"
import {
  idleMs,
  immunityMs,
  maxDurationMs,
  quarantineAfter,
  resourceTtlMs,
  warnBeforeMs,
  workTerms,
} from "../../machines/blueprint-terms.js"
import type { JsonObject } from "../../machines/json.js"
import type { Fate, LeaseContext } from "../../machines/lease-context.js"
import type { LeaseRequest } from "../../machines/lease-messages.js"
import { leaseBodies } from "../../machines/lease-messages.js"
import { LIMITS } from "../../machines/limits.js"
import type { Base, Occupancy, Plan } from "../../machines/resource-context.js"
import type { Command } from "./command.js"
import { consider, hopelessness, isHopeless, waitingFor } from "./consider.js"
import { ANY_DEMAND, demandOf, demandText, messageOf } from "./demand.js"
import { firstFit } from "./entitlement.js"
import { sweepOf } from "./forgetting.js"
import { isSlot, soundAttributes } from "./guarded-policy.js"
import { parseNumberedSite } from "./numbers.js"
import type { Received } from "./receive.js"
import { resourceCount } from "./room.js"
import { askingOf, lookAtPool } from "./waiting.js"
import { leasesOn, nextToken, type Place, type Room, recordOf, type Yard } from "./yard.js"

export function factsFor(yard: Yard, received: Received, command: Command): unknown {
  switch (`${received.kind} ${received.verb}`) {
    case "lease request":
      // The parser's edge: `receive` has parsed the body by the schema of this verb.
      return fateOfRequest(yard, received.by, received.body as LeaseRequest, command)
    case "lease wake":
    case "lease unbuilt":
      return fateOfWaiting(yard, received.id, command)
    case "resource allocate":
      return planOf(yard, received.id, received.body as { lease: string; blueprint: string; site: string })
    case "yard expire":
      return sweepOf(yard, Math.max(command.timestampMs, yard.lastAtMs))
    default:
      return received.kind === "resource" ? occupancyOf(yard, received.id) : undefined
  }
}

/** A newcomer has the greatest order of all, so it gets what the entitled leave, if the window has room for it. */
function fateOfRequest(yard: Yard, speaker: string, body: LeaseRequest, command: Command): Fate {
  const request = requestOf(speaker, body)
  const { by } = request
  const asking = askingOf(yard, request)
  const pool = lookAtPool(yard, body.type)
  const place =
    pool.entitled.size < LIMITS.entitledPerPool ? firstFit(yard, body.type, asking, pool.left) : undefined
  if (place !== undefined) return fateOfPlace(yard, place, command)
  const answers = consider(yard, body.type, by, asking)
  if (isHopeless(answers)) return { kind: "never", message: hopelessness(yard, body.type, answers) }
  return { kind: "wait", waiting: waitingFor(answers) }
}

/** What a request asks for, in the terms of a lease. */
export function requestOf(by: string, body: LeaseRequest) {
  const { type, blueprints = null, attributes = NO_ATTRIBUTES } = body
  return { type, blueprints, attributes, by: body.principal ?? by }
}
const NO_ATTRIBUTES: JsonObject = {}

function fateOfWaiting(yard: Yard, id: string, command: Command): Fate {
  const lease = recordOf(yard, "lease", id)
  const place = lease === undefined ? undefined : yard.pools.get(lease.context.type)?.entitled.get(id)
  if (place !== undefined) return fateOfPlace(yard, place, command)
  if (lease === undefined) return { kind: "wait", waiting: waitingFor([]) }
  const { type, by } = lease.context
  const answers = consider(yard, type, by, askingOf(yard, lease.context))
  if (isHopeless(answers)) return { kind: "never", message: hopelessness(yard, type, answers) }
  const awaited = lookAtPool(yard, type).awaited.get(id)
  const waiting =
    awaited === undefined ? waitingFor(answers) : { code: "reclaiming", details: { resource: awaited } }
  return { kind: "wait", waiting }
}

function fateOfPlace(yard: Yard, place: Place, command: Command): Fate {
  if (place.kind === "build") {
    const { blueprint, site, coming } = place
    const resource = coming ?? resourceId(command.seq)
    const waiting = { code: "allocating", details: { blueprint, resource } }
    return { kind: "build", build: { resource, blueprint, site }, waiting }
  }
  const room = yard.rooms.get(place.blueprint)
  const slots = freeSlot(yard, place)
  if (slots === undefined)
    return { kind: "wait", waiting: { code: "policy-failed", details: { blueprint: place.blueprint } } }
  return {
    kind: "grant",
    resource: place.resource,
    slots,
    token: nextToken(yard),
    activates: room?.policy.activatesLeasesAtOnce ?? false,
    cleansUp: room?.policy.cleansUpLeases ?? false,
    work: room === undefined || !worksOnLeases(room) ? null : workTerms(room.policy.type, room.terms),
    bounds: {
      longestMs: room === undefined ? null : maxDurationMs(room.terms),
      warnMs: warnBeforeMs(room?.terms ?? {}),
    },
  }
}

/** From the sequence of the command whose record orders it. A record orders at most one resource. */
function resourceId(commandSeq: number): string {
  return `r${commandSeq.toString(36)}`
}

/** The lowest slot lock that is free on a resource with a limited number of leases. */
function freeSlot(yard: Yard, place: { blueprint: string; resource: string }): readonly string[] | undefined {
  const room = yard.rooms.get(place.blueprint)
  const capacity = room?.bound?.leasesPerResource ?? null
  if (room === undefined || capacity === null) return []
  for (let n = 0; n <= capacity; n++) {
    const key = slotOf(room, place.resource, n)
    if (key === undefined) return undefined
    if (!yard.slots.has(key)) return [key]
  }
  return undefined
}

/** Undefined when the policy fails over it. */
function slotOf(room: Room, resource: string, n: number): string | undefined {
  try {
    const key = room.policy.leaseSlot(resource, n)
    return isSlot(key) ? key : undefined
  } catch {
    // Said as `policy-failed` in `waiting`: the lease waits, and nobody else is hurt (K-09).
    return undefined
  }
}

function planOf(yard: Yard, id: string, body: { lease: string; blueprint: string; site: string }): Plan {
  const order = yard.orders.get(id)
  if (order === undefined || order.lease !== body.lease) return { kind: "drop" }
  const lease = recordOf(yard, "lease", body.lease)?.context
  const type = lease?.type ?? ""
  const room = yard.rooms.get(body.blueprint)
  const asked = lease === undefined ? ANY_DEMAND : demandOf(yard, lease.type, lease.attributes)
  const demand = room === undefined ? "" : demandText(asked, room.policy.type)
  const fail = (message: string, policyFailed = false): Plan => ({
    kind: "fail",
    type,
    message: message.slice(0, LIMITS.reasonChars),
    policyFailed,
    demand,
  })
  if (room === undefined) return fail(`blueprint ${body.blueprint} is not installed`)
  if (!room.enabled) return fail(`blueprint ${body.blueprint} was disabled meanwhile`)
  if (lease === undefined) return { kind: "drop" }
  const site = siteFor(yard, room, lease, id, body.site)
  if ("fault" in site) return fail(site.fault, room.numbers !== undefined)
  if (yard.slots.has(site.key)) return fail(`${site.key} is held by ${yard.slots.get(site.key)}`)
  if (resourceCount(yard, room.blueprint) > room.limit)
    return fail(`the limit of ${room.limit} resources is reached`)
  return {
    kind: "build",
    type,
    attributes: site.attributes,
    slots: [site.key],
    activates: room.policy.activatesResourcesAtOnce,
    cleansUp: room.policy.cleansUpResources,
    work: worksOnResources(room) || worksOnLeases(room) ? workTerms(room.policy.type, room.terms) : null,
    bounds: {
      ttlMs: resourceTtlMs(room.terms),
      idleMs: idleMs(room.terms),
      immunityMs: immunityMs(room.terms),
      strikes: quarantineAfter(room.terms),
    },
    base: site.base,
    demand,
  }
}

function worksOnLeases({ policy }: Room): boolean {
  return !policy.activatesLeasesAtOnce || policy.cleansUpLeases
}

function worksOnResources({ policy }: Room): boolean {
  return !policy.activatesResourcesAtOnce || policy.cleansUpResources
}

/** The place as its room knows it now, with what is pinned in a resource there. */
function siteFor(
  yard: Yard,
  room: Room,
  lease: LeaseContext,
  resource: string,
  key: string,
):
  | { readonly key: string; readonly attributes: JsonObject; readonly base: Base | null }
  | { readonly fault: string } {
  const rank = room.siteRank.get(key)
  const surveyed = rank === undefined ? undefined : room.survey.sites[rank]
  const isNumbered = room.numbers !== undefined && parseNumberedSite(key) !== undefined
  if (!isNumbered && surveyed === undefined) return { fault: `${key} cannot be used any more` }
  const parsed = demandOf(yard, lease.type, lease.attributes).parsed.get(room.policy.type)
  if (parsed !== undefined && "fault" in parsed) return { fault: parsed.fault }
  try {
    const attributes =
      surveyed?.attributes ?? soundAttributes(room.bound?.plan(parsed?.demand) ?? NO_ATTRIBUTES)
    return { key, attributes, base: baseOf(room, resource, room.bound?.needs(parsed?.demand)) }
  } catch (error) {
    return { fault: `its policy failed: ${messageOf(error)}` }
  }
}

function baseOf(room: Room, resource: string, need: Need | undefined): Base | null {
  if (need === undefined) return null
  // Thrown as the policy's fault: what it needs must be a request.
  const { type, blueprints, attributes } = leaseBodies.request.parse(need)
  const request = {
    type,
    ...(blueprints === undefined ? {} : { blueprints }),
    ...(attributes === undefined ? {} : { attributes }),
  }
  return { lease: `${resource}-base`, request, token: null, activates: room.policy.activatesResourcesAtOnce }
}

function occupancyOf(yard: Yard, id: string): Occupancy {
  const record = recordOf(yard, "resource", id)
  const room = record === undefined ? undefined : yard.rooms.get(record.context.blueprint)
  return {
    leases: leasesOn(yard, id).size,
    lastUsedMs: yard.lastUsed.get(id)?.ms ?? null,
    outdated: room?.placed.get(id)?.in === "outdated",
    wanted: record !== undefined && yard.pools.get(record.context.type)?.reclaims.has(id) === true,
  }
}

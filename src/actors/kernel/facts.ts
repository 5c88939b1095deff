// Facts that a statechart cannot know by itself, looked up before it is asked: what becomes of a waiting lease, where
// an ordered resource is built, how many leases are left on a resource.

import type { Fate, LeaseContext } from "../../machines/lease-context.js"
import { LIMITS } from "../../machines/limits.js"
import type { Occupancy, Plan } from "../../machines/resource.js"
import type { Command } from "./command.js"
import { consider, hopelessness, isHopeless, waitingFor } from "./consider.js"
import { firstFit } from "./entitlement.js"
import type { Received } from "./receive.js"
import { resourceCount } from "./room.js"
import { lookAtPool } from "./waiting.js"
import { leasesOn, nextToken, type Place, recordOf, type Yard } from "./yard.js"

export function factsFor(yard: Yard, received: Received, command: Command): unknown {
  switch (`${received.kind} ${received.verb}`) {
    case "lease request":
      // The parser's edge: `receive` has parsed the body by the schema of this verb.
      return fateOfRequest(yard, received.body as { type: string; blueprints?: string[] }, command)
    case "lease wake":
    case "lease unbuilt":
      return fateOfWaiting(yard, received.id, command)
    case "resource allocate":
      return planOf(yard, received.id, received.body as { lease: string; blueprint: string; site: string })
    case "resource release":
    case "resource reclaim":
    case "resource replace":
    case "resource settle":
    case "resource expire":
    case "resource failed":
    case "resource lost":
      return occupancyOf(yard, received.id)
    default:
      return undefined
  }
}

/** A newcomer has the greatest order of all, so it gets what the entitled leave, if the window has room for it. */
function fateOfRequest(yard: Yard, body: { type: string; blueprints?: string[] }, command: Command): Fate {
  const blueprints = body.blueprints ?? null
  const pool = lookAtPool(yard, body.type)
  const place =
    pool.entitled.size < LIMITS.entitledPerPool
      ? firstFit(yard, body.type, { blueprints, building: false }, pool.left)
      : undefined
  if (place !== undefined) return fateOfPlace(yard, place, command)
  const answers = consider(yard, body.type, blueprints)
  if (isHopeless(answers)) return { kind: "never", message: hopelessness(yard, body.type, answers) }
  return { kind: "wait", waiting: waitingFor(answers) }
}

function fateOfWaiting(yard: Yard, id: string, command: Command): Fate {
  const lease = recordOf(yard, "lease", id)
  const place = lease === undefined ? undefined : yard.pools.get(lease.context.type)?.entitled.get(id)
  if (place !== undefined) return fateOfPlace(yard, place, command)
  return { kind: "wait", waiting: lease === undefined ? waitingFor([]) : waitingOf(yard, lease.context) }
}

function waitingOf(yard: Yard, context: LeaseContext) {
  return waitingFor(consider(yard, context.type, context.blueprints))
}

function fateOfPlace(yard: Yard, place: Place, command: Command): Fate {
  if (place.kind === "build") {
    const { blueprint, site } = place
    const resource = resourceId(command.seq)
    const waiting = { code: "allocating", details: { blueprint, resource } }
    return { kind: "build", build: { resource, blueprint, site }, waiting }
  }
  const room = yard.rooms.get(place.blueprint)
  return {
    kind: "grant",
    resource: place.resource,
    slots: freeSlot(yard, place),
    token: nextToken(yard),
    activates: room?.policy.activatesLeasesAtOnce ?? false,
    cleansUp: room?.policy.cleansUpLeases ?? false,
  }
}

/** From the sequence of the command whose record orders it. A record orders at most one resource. */
function resourceId(commandSeq: number): string {
  return `r${commandSeq.toString(36)}`
}

/** The lowest slot lock that is free on a resource with a limited number of leases. */
function freeSlot(yard: Yard, place: { blueprint: string; resource: string }): readonly string[] {
  const room = yard.rooms.get(place.blueprint)
  const capacity = room?.bound?.leasesPerResource ?? null
  if (room === undefined || capacity === null) return []
  for (let n = 0; n <= capacity; n++) {
    const key = room.policy.leaseSlot(place.resource, n)
    if (!yard.slots.has(key)) return [key]
  }
  throw new Error(`resource ${place.resource} was free but has no free slot`)
}

function planOf(yard: Yard, id: string, body: { lease: string; blueprint: string; site: string }): Plan {
  const order = yard.orders.get(id)
  if (order === undefined || order.lease !== body.lease) return { kind: "drop" }
  const type = recordOf(yard, "lease", body.lease)?.context.type ?? ""
  const fail = (message: string): Plan => ({ kind: "fail", type, message })
  const room = yard.rooms.get(body.blueprint)
  if (room === undefined) return fail(`blueprint ${body.blueprint} is not installed`)
  if (!room.enabled) return fail(`blueprint ${body.blueprint} was disabled meanwhile`)
  const rank = room.siteRank.get(body.site)
  const site = rank === undefined ? undefined : room.survey.sites[rank]
  if (site === undefined) return fail(`${body.site} cannot be used any more`)
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
  }
}

function occupancyOf(yard: Yard, id: string): Occupancy {
  const record = recordOf(yard, "resource", id)
  const room = record === undefined ? undefined : yard.rooms.get(record.context.blueprint)
  return { leases: leasesOn(yard, id).size, outdated: room?.placed.get(id)?.in === "outdated" }
}

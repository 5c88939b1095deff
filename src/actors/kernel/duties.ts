// Follow-ups as a function of the state (rules 1, 3, 11). A duty is a command that some actor is owed by the yard as it
// is: an entitled lease its wake-up, an ordered resource its allocation, a lease on an ending resource its release.
// A record sends what is due after it and was not before. So nothing is owed that was not sent, and a host that takes
// over sends everything that is due once more: each of these commands does its work or, if it was done, nothing.
//
// Windows keep one record within 64 sends: 32 wake-ups and 8 replacements of one pool, 16 releases of one resource.

import { LIMITS } from "../../machines/limits.js"
import type { LeaseRecord, ResourceRecord, Send } from "../../machines/record.js"
import { countsOn } from "../../machines/resource-context.js"
import { isDueAndIdle } from "./reclaiming.js"
import { isUnheard } from "./room.js"
import { byText } from "./sorted-list.js"
import { isBuilding, unaskedBlueprints } from "./waiting.js"
import { leasesOn, type Pool, recordOf, type Yard } from "./yard.js"

type Duties = Map<string, Send>

const NONE: ReadonlyMap<string, Send> = new Map()

function owe(duties: Duties, send: Send, meaning: number | string): void {
  duties.set(`${send.kind}/${send.id} ${send.verb} ${meaning}`, send)
}

/** Sets what is due from one object, and adds to `fresh` what was not due before. */
export function setDuties(yard: Yard, owner: string, duties: ReadonlyMap<string, Send>, fresh: Send[]): void {
  const before = yard.duties.get(owner) ?? NONE
  if (before.size === 0 && duties.size === 0) return
  for (const [key, send] of duties) if (!before.has(key)) fresh.push(send)
  if (duties.size === 0) yard.duties.delete(owner)
  else yard.duties.set(owner, new Map(duties))
}

/** Wake-ups of the entitled, and whatever else a pool as a whole has to see to, each in a small window. */
export function poolDuties(yard: Yard, pool: Pool): ReadonlyMap<string, Send> {
  const duties: Duties = new Map()
  const few = LIMITS.smallDutiesPerPool
  for (const lease of pool.entitled.keys()) oweWake(yard, duties, lease, "")
  for (const id of first(stillDoubtful(yard, pool), few)) oweWake(yard, duties, id, "doubt")
  for (const id of first(pool.unasked, few)) oweAsking(yard, duties, id)
  for (const [victim, lease] of pool.reclaims) {
    const context = recordOf(yard, "resource", victim)?.context
    const isNew = context?.reclaim === null
    if (!isNew && !isDueAndIdle(yard, victim)) continue
    const send = {
      kind: "resource",
      id: victim,
      verb: "yield",
      sender: "allocator",
      body: { lease },
    } as const
    owe(duties, send, isNew ? lease : "due")
  }
  const rooms = [...(yard.blueprintsFor.get(pool.type) ?? [])].flatMap((id) => yard.rooms.get(id) ?? [])
  const unwanted = rooms.flatMap((room) => [...room.promised].filter((id) => !pool.reclaims.has(id)))
  for (const id of first(unwanted, few))
    owe(duties, { kind: "resource", id, verb: "keep", sender: "allocator", body: {} }, "")
  const outdated = rooms.flatMap((room) => [...first(room.outdated, LIMITS.replacementsPerPool)])
  for (const id of first(outdated, LIMITS.replacementsPerPool)) {
    const body = { reason: "its interface has changed since it was allocated" }
    owe(duties, { kind: "resource", id, verb: "replace", sender: "allocator", body }, "")
  }
  return duties
}

function* first<T>(items: Iterable<T>, count: number): Iterable<T> {
  let left = count
  for (const item of items) {
    if (left-- <= 0) return
    yield item
  }
}

/** The closed blueprints that a lease could use hear of its principal; of each principal once. */
function oweAsking(yard: Yard, duties: Duties, id: string): void {
  const context = recordOf(yard, "lease", id)?.context
  if (context === undefined) return
  const [blueprint] = unaskedBlueprints(yard, context)
  if (blueprint === undefined) return
  const body = { principal: context.by, lease: id }
  owe(duties, { kind: "blueprint", id: blueprint, verb: "ask", sender: "allocator", body }, context.by)
}

function oweWake(yard: Yard, duties: Duties, id: string, why: string): void {
  const context = recordOf(yard, "lease", id)?.context
  if (context === undefined) return
  const { order, build, failed } = context
  // Another wake-up when it was woken, and is in another place since.
  const meaning = `${order} ${build?.resource ?? ""} ${failed} ${why}`
  owe(duties, { kind: "lease", id, verb: "wake", sender: "allocator", body: { order } }, meaning)
}

/** Leases whose record says why they wait, and that is so no more; and those that nothing will ever serve. */
function* stillDoubtful(yard: Yard, pool: Pool): Iterable<string> {
  for (const lease of pool.awaited.keys())
    if (recordOf(yard, "lease", lease)?.context.waiting?.code !== "reclaiming") yield lease
  // Sorted, so that a yard that was read back sends in the same order as one that never stopped (rule 2).
  const restless = [...pool.classes.values()].filter(
    ({ told, outlook }) => told.size > 0 || outlook.isHopeless,
  )
  for (const demand of restless.sort((a, b) => byText(a.key, b.key))) {
    const told = [...demand.told].sort(([a], [b]) => byText(a, b))
    for (const [code, leases] of told)
      if (code !== demand.outlook.code)
        for (const id of leases) if (!pool.entitled.has(id) && !pool.awaited.has(id)) yield id
    if (demand.outlook.isHopeless) for (const { lease } of demand.queue) yield lease
  }
}

/** What follows from a lease by itself. */
export function leaseDuties(yard: Yard, lease: LeaseRecord): ReadonlyMap<string, Send> {
  const { build, failures, cleanup, job } = lease.context
  const duties: Duties = new Map()
  if (lease.to !== "destroyed") {
    for (const { resource, ...failure } of failures) {
      if (!isNews(recordOf(yard, "resource", resource), lease.id, failure)) continue
      const body = { lease: lease.id, ...failure }
      owe(duties, { kind: "resource", id: resource, verb: "strike", sender: "system", body }, failure.token)
    }
  }
  if (lease.to === "broken" && !cleanup && job === null)
    owe(duties, { kind: "lease", id: lease.id, verb: "destroy", sender: "system", body: {} }, "")
  carry(yard, lease, duties)
  if (lease.to !== "pending") return duties
  if (build === null) return duties
  if (recordOf(yard, "resource", build.resource) === undefined) {
    const body = { lease: lease.id, blueprint: build.blueprint, site: build.site }
    owe(duties, { kind: "resource", id: build.resource, verb: "allocate", sender: "allocator", body }, "")
  } else if (!isBuilding(yard, lease.context)) {
    const entitled = yard.pools.get(lease.context.type)?.entitled.has(lease.id) === true
    if (entitled) return duties
    const body = { resource: build.resource }
    owe(duties, { kind: "lease", id: lease.id, verb: "unbuilt", sender: "allocator", body }, build.resource)
  }
  return duties
}

/** What stands on a lease hears of its beginning and its end; the lease of what is gone ends. */
function carry(yard: Yard, lease: LeaseRecord, duties: Duties): void {
  const { carries: id, token, reason } = lease.context
  if (id === null) return
  const resource = recordOf(yard, "resource", id)
  const isOver = lease.to === "released" || lease.to === "broken" || lease.to === "destroyed"
  const stands = resource?.to === "pending" || resource?.to === "active"
  if (lease.to === "active" && resource?.to === "pending" && resource.context.base?.token === null)
    owe(
      duties,
      { kind: "resource", id, verb: "based", sender: "allocator", body: { lease: lease.id, token } },
      token ?? "",
    )
  if (isOver && stands) {
    const message = `the lease that it stands on is ${lease.to}: ${reason?.message ?? "no reason is known"}`
    const body = { lease: lease.id, message: message.slice(0, LIMITS.reasonChars) }
    owe(duties, { kind: "resource", id, verb: "unbased", sender: "system", body }, "")
  }
  if (!isOver && (resource === undefined || resource.to === "destroyed")) {
    const body = { code: "released", reason: `resource ${id}, which stood on it, is gone` }
    owe(duties, { kind: "lease", id: lease.id, verb: "release", sender: "system", body }, "carried")
  }
}

/** Whether a resource that is in use has not heard that a lease failed on it. */
function isNews(
  resource: ResourceRecord | undefined,
  lease: string,
  failure: { readonly at: string },
): boolean {
  if (resource?.to !== "active" || resource.context.quarantine !== null) return false
  return countsOn(resource.context, { lease, at: failure.at })
}

/** The first build that succeeded after one that failed. */
export function blueprintDuties(yard: Yard, id: string): ReadonlyMap<string, Send> {
  const last = recordOf(yard, "blueprint", id)?.context.failures.at(-1)
  const newest = yard.rooms.get(id)?.activated.first()
  if (last === undefined || newest === undefined || newest.at <= last.at) return NONE
  const duties: Duties = new Map()
  const body = { resource: newest.id }
  owe(duties, { kind: "blueprint", id, verb: "built", sender: "system", body }, last.at)
  return duties
}

/** An ending resource tells its leases, and itself when the last of them is gone (K-05, K-06). */
export function resourceDuties(yard: Yard, resource: ResourceRecord): ReadonlyMap<string, Send> {
  const duties: Duties = new Map()
  const { draining, job, quarantine, reason, brokenAt, demand, idleAt, bounds } = resource.context
  if (isUnheard(yard, resource)) {
    const body = { resource: resource.id, message: reason?.message ?? "", at: brokenAt, demand }
    const id = resource.context.blueprint
    owe(duties, { kind: "blueprint", id, verb: "failed", sender: "system", body }, brokenAt ?? "")
  }
  const leases = leasesOn(yard, resource.id)
  const { base, blueprint } = resource.context
  if (resource.to === "pending" && base !== null && recordOf(yard, "lease", base.lease) === undefined) {
    const body = { ...base.request, principal: `blueprint/${blueprint}`, resource: resource.id }
    owe(duties, { kind: "lease", id: base.lease, verb: "request", sender: "allocator", body }, "")
  }
  if (resource.to === "active" && draining && leases.size === 0)
    owe(duties, { kind: "resource", id: resource.id, verb: "settle", sender: "system", body: {} }, "drained")
  if (resource.to === "active" && bounds.idleMs !== null && idleAt === null && leases.size === 0)
    owe(duties, { kind: "resource", id: resource.id, verb: "rest", sender: "system", body: {} }, "")
  if (resource.to !== "released" && resource.to !== "broken") return duties
  if (leases.size === 0) {
    if (job === null && quarantine === null)
      owe(duties, { kind: "resource", id: resource.id, verb: "settle", sender: "system", body: {} }, "")
    return duties
  }
  for (const id of yard.holding.get(resource.id) ?? []) {
    if (duties.size >= LIMITS.releasesPerResource) break
    const lease = recordOf(yard, "lease", id)
    const token = lease?.context.token
    if (lease === undefined || token === null || token === undefined) continue
    const why = reason?.message ?? "its resource ended"
    const carried =
      lease.context.carries === null ? undefined : recordOf(yard, "resource", lease.context.carries)
    if (lease.to === "active" && carried !== undefined && carried.to !== "destroyed") {
      // What stands on it is taken down first, while the ground is still there (K-07).
      if (carried.to === "pending" || carried.to === "active") {
        const body = { reason: `what it stands on ends: ${why}`.slice(0, LIMITS.reasonChars) }
        owe(duties, { kind: "resource", id: carried.id, verb: "release", sender: "system", body }, token)
      }
    } else if (lease.to === "active") {
      const code = resource.to === "broken" ? "resource-broken" : "resource-released"
      owe(
        duties,
        { kind: "lease", id, verb: "release", sender: "system", body: { token, code, reason: why } },
        token,
      )
    } else if (lease.to === "acquired" && lease.context.throwBack === null) {
      owe(
        duties,
        { kind: "lease", id, verb: "throw-back", sender: "system", body: { token, reason: why } },
        token,
      )
    }
  }
  return duties
}

/** Everything that is due, in a fixed order: what a host that takes over sends (rule 3). */
export function allDuties(yard: Yard): readonly Send[] {
  const owners = [...yard.duties.keys()].sort()
  return owners.flatMap((owner) => [...(yard.duties.get(owner)?.values() ?? [])])
}

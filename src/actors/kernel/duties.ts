// Follow-ups as a function of the state (rules 1, 3, 11). A duty is a command that some actor is owed by the yard as it
// is: an entitled lease its wake-up, an ordered resource its allocation, a lease on an ending resource its release.
// A record sends what is due after it and was not before. So nothing is owed that was not sent, and a host that takes
// over sends everything that is due once more: each of these commands does its work or, if it was done, nothing.
//
// Windows keep one record within 64 sends: 32 wake-ups and 8 replacements of one pool, 16 releases of one resource.

import { LIMITS } from "../../machines/limits.js"
import type { LeaseRecord, ResourceRecord, Send } from "../../machines/record.js"
import { isBuilding } from "./waiting.js"
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

/** Wake-ups of the entitled, and replacements of idle resources whose interface has changed. */
export function poolDuties(yard: Yard, pool: Pool): ReadonlyMap<string, Send> {
  const rooms = [...(yard.blueprintsFor.get(pool.type) ?? [])].map((id) => yard.rooms.get(id))
  const outdated = rooms.some((room) => room !== undefined && room.outdated.size > 0)
  if (pool.entitled.size === 0 && !outdated) return NONE
  const duties: Duties = new Map()
  for (const lease of pool.entitled.keys()) {
    const order = recordOf(yard, "lease", lease)?.context.order
    if (order === undefined) continue
    owe(duties, { kind: "lease", id: lease, verb: "wake", sender: "allocator", body: { order } }, order)
  }
  let replaced = 0
  for (const room of rooms) {
    for (const id of room?.outdated ?? []) {
      if (replaced++ >= LIMITS.replacementsPerPool) return duties
      const body = { reason: "its interface has changed since it was allocated" }
      owe(duties, { kind: "resource", id, verb: "replace", sender: "allocator", body }, "")
    }
  }
  return duties
}

/** What follows from a lease by itself. */
export function leaseDuties(yard: Yard, lease: LeaseRecord): ReadonlyMap<string, Send> {
  if (lease.to === "broken" && !lease.context.cleanup) {
    const duties: Duties = new Map()
    owe(duties, { kind: "lease", id: lease.id, verb: "destroy", sender: "system", body: {} }, "")
    return duties
  }
  const { build } = lease.context
  if (lease.to !== "pending" || build === null) return NONE
  const duties: Duties = new Map()
  if (recordOf(yard, "resource", build.resource) === undefined) {
    const body = { lease: lease.id, blueprint: build.blueprint, site: build.site }
    owe(duties, { kind: "resource", id: build.resource, verb: "allocate", sender: "allocator", body }, "")
  } else if (!isBuilding(yard, lease.context)) {
    const entitled = yard.pools.get(lease.context.type)?.entitled.has(lease.id) === true
    if (entitled) return NONE
    const body = { resource: build.resource }
    owe(duties, { kind: "lease", id: lease.id, verb: "unbuilt", sender: "allocator", body }, build.resource)
  }
  return duties
}

/** An ending resource tells its leases, and itself when the last of them is gone (K-05, K-06). */
export function resourceDuties(yard: Yard, resource: ResourceRecord): ReadonlyMap<string, Send> {
  if (resource.to !== "released" && resource.to !== "broken") return NONE
  const duties: Duties = new Map()
  const leases = leasesOn(yard, resource.id)
  if (leases.size === 0) {
    if (!resource.context.cleanup)
      owe(duties, { kind: "resource", id: resource.id, verb: "settle", sender: "system", body: {} }, "")
    return duties
  }
  for (const id of leases) {
    if (duties.size >= LIMITS.releasesPerResource) break
    const lease = recordOf(yard, "lease", id)
    const token = lease?.context.token
    if (lease === undefined || token === null || token === undefined) continue
    const reason = resource.context.reason?.message ?? "its resource ended"
    if (lease.to === "active") {
      const code = resource.to === "broken" ? "resource-broken" : "resource-released"
      owe(
        duties,
        { kind: "lease", id, verb: "release", sender: "system", body: { token, code, reason } },
        token,
      )
    } else if (lease.to === "acquired") {
      owe(duties, { kind: "lease", id, verb: "throw-back", sender: "system", body: { token, reason } }, token)
    }
  }
  return duties
}

/** Everything that is due, in a fixed order: what a host that takes over sends (rule 3). */
export function allDuties(yard: Yard): readonly Send[] {
  const owners = [...yard.duties.keys()].sort()
  return owners.flatMap((owner) => [...(yard.duties.get(owner)?.values() ?? [])])
}

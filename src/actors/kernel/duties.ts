// Follow-ups as a function of the state (rules 1, 3, 11). A duty is a command that some actor is owed by the yard as it
// is: an entitled lease its wake-up, an ordered resource its allocation, a lease on an ending resource its release.
// A record sends what is due after it and was not before. So nothing is owed that was not sent, and a host that takes
// over sends everything that is due once more: each of these commands does its work or, if it was done, nothing.
//
// Windows keep one record within 64 sends: 32 wake-ups and 8 replacements of one pool, 16 releases of one resource.

import { decisionOn } from "../../machines/blueprint.js"
import { LIMITS } from "../../machines/limits.js"
import type { LeaseRecord, ResourceRecord, Send } from "../../machines/record.js"
import { isDueAndIdle } from "./reclaiming.js"
import { isUnheard } from "./room.js"
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
  const duties: Duties = new Map()
  for (const id of stillDoubtful(yard, pool)) oweWake(yard, duties, id, "doubt")
  for (const [victim, lease] of pool.reclaims) {
    const context = recordOf(yard, "resource", victim)?.context
    if (context?.reclaim === null || isDueAndIdle(yard, victim))
      owe(
        duties,
        { kind: "resource", id: victim, verb: "yield", sender: "allocator", body: { lease } },
        context?.reclaim === null ? lease : "due",
      )
  }
  for (const lease of pool.awaited.keys())
    if (recordOf(yard, "lease", lease)?.context.waiting?.code !== "reclaiming")
      oweWake(yard, duties, lease, "reclaiming")
  const rooms = [...(yard.blueprintsFor.get(pool.type) ?? [])].map((id) => yard.rooms.get(id))
  const outdated = rooms.some((room) => room !== undefined && room.outdated.size > 0)
  for (const room of rooms) {
    for (const id of room?.promised ?? []) {
      if (pool.reclaims.has(id) || duties.size >= LIMITS.entitledPerPool) continue
      owe(duties, { kind: "resource", id, verb: "keep", sender: "allocator", body: {} }, "")
    }
  }
  if (pool.entitled.size === 0 && !outdated) return duties.size === 0 ? NONE : duties
  for (const lease of pool.entitled.keys()) oweWake(yard, duties, lease, "")
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

function oweWake(yard: Yard, duties: Duties, id: string, why: string): void {
  const order = recordOf(yard, "lease", id)?.context.order
  if (order === undefined) return
  owe(duties, { kind: "lease", id, verb: "wake", sender: "allocator", body: { order } }, `${order}${why}`)
}

/** Leases whose record says that they wait for a reclaim or for an approval, and that is so no more. */
function stillDoubtful(yard: Yard, pool: Pool): readonly string[] {
  if (pool.doubtful.size === 0) return []
  const ids = [...pool.doubtful].filter((id) => {
    if (pool.entitled.has(id)) return false
    const code = recordOf(yard, "lease", id)?.context.waiting?.code
    return code === "reclaiming" ? !pool.awaited.has(id) : pool.waiters.get(id)?.refused.length === 0
  })
  return ids.sort().slice(0, LIMITS.reclaimsPerPool)
}

/** What follows from a lease by itself. */
export function leaseDuties(yard: Yard, lease: LeaseRecord): ReadonlyMap<string, Send> {
  const { build, failures, cleanup, job } = lease.context
  const duties: Duties = new Map()
  if (lease.to !== "destroyed") {
    for (const { resource, ...failure } of failures) {
      if (!isNews(recordOf(yard, "resource", resource), failure)) continue
      const body = { lease: lease.id, ...failure }
      owe(duties, { kind: "resource", id: resource, verb: "strike", sender: "system", body }, failure.token)
    }
  }
  if (lease.to === "broken" && !cleanup && job === null)
    owe(duties, { kind: "lease", id: lease.id, verb: "destroy", sender: "system", body: {} }, "")
  carry(yard, lease, duties)
  if (lease.to !== "pending") return duties
  for (const blueprint of unasked(yard, lease)) {
    const body = { principal: lease.context.by, lease: lease.id }
    owe(duties, { kind: "blueprint", id: blueprint, verb: "ask", sender: "allocator", body }, "")
  }
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
function isNews(resource: ResourceRecord | undefined, { token, at }: { token: number; at: string }): boolean {
  if (resource?.to !== "active" || resource.context.quarantine !== null) return false
  const { forgivenAt, strikes } = resource.context
  return at > (forgivenAt ?? "") && !strikes.some((strike) => strike.token === token)
}

/** Blueprints that are closed to who asks, and have not heard of him. */
function unasked(yard: Yard, lease: LeaseRecord): readonly string[] {
  const refused = yard.pools.get(lease.context.type)?.waiters.get(lease.id)?.refused ?? []
  return refused.slice(0, LIMITS.asksPerLease).filter((id) => {
    const context = recordOf(yard, "blueprint", id)?.context
    return context !== undefined && decisionOn(context.authorizations, lease.context.by) === undefined
  })
}

/** Its blueprint hears of a build that failed, and of the first that succeeds after one. */
function tellBlueprint(yard: Yard, resource: ResourceRecord, duties: Duties): void {
  const { blueprint, reason, brokenAt, activatedAt } = resource.context
  if (isUnheard(yard, resource)) {
    const body = { resource: resource.id, message: reason?.message ?? "", at: brokenAt }
    owe(duties, { kind: "blueprint", id: blueprint, verb: "failed", sender: "system", body }, brokenAt ?? "")
  }
  const last = recordOf(yard, "blueprint", blueprint)?.context.failures.at(-1)
  if (resource.to === "active" && last !== undefined && activatedAt !== null && activatedAt > last.at) {
    const body = { resource: resource.id }
    owe(duties, { kind: "blueprint", id: blueprint, verb: "built", sender: "system", body }, last.at)
  }
}

/** An ending resource tells its leases, and itself when the last of them is gone (K-05, K-06). */
export function resourceDuties(yard: Yard, resource: ResourceRecord): ReadonlyMap<string, Send> {
  const duties: Duties = new Map()
  tellBlueprint(yard, resource, duties)
  const { draining, job, quarantine } = resource.context
  const leases = leasesOn(yard, resource.id)
  const { base, blueprint } = resource.context
  if (resource.to === "pending" && base !== null && recordOf(yard, "lease", base.lease) === undefined) {
    const body = { ...base.request, principal: `blueprint/${blueprint}`, resource: resource.id }
    owe(duties, { kind: "lease", id: base.lease, verb: "request", sender: "allocator", body }, "")
  }
  if (resource.to === "active" && draining && leases.size === 0)
    owe(duties, { kind: "resource", id: resource.id, verb: "settle", sender: "system", body: {} }, "drained")
  if (resource.to !== "released" && resource.to !== "broken") return duties
  if (leases.size === 0) {
    if (job === null && quarantine === null)
      owe(duties, { kind: "resource", id: resource.id, verb: "settle", sender: "system", body: {} }, "")
    return duties
  }
  for (const id of leases) {
    if (duties.size >= LIMITS.releasesPerResource) break
    const lease = recordOf(yard, "lease", id)
    const token = lease?.context.token
    if (lease === undefined || token === null || token === undefined) continue
    const reason = resource.context.reason?.message ?? "its resource ended"
    const carried =
      lease.context.carries === null ? undefined : recordOf(yard, "resource", lease.context.carries)
    if (lease.to === "active" && carried !== undefined && carried.to !== "destroyed") {
      // What stands on it is taken down first, while the ground is still there (K-07).
      if (carried.to === "pending" || carried.to === "active") {
        const body = { reason: `what it stands on ends: ${reason}`.slice(0, LIMITS.reasonChars) }
        owe(duties, { kind: "resource", id: carried.id, verb: "release", sender: "system", body }, token)
      }
    } else if (lease.to === "active") {
      const code = resource.to === "broken" ? "resource-broken" : "resource-released"
      owe(
        duties,
        { kind: "lease", id, verb: "release", sender: "system", body: { token, code, reason } },
        token,
      )
    } else if (lease.to === "acquired" && lease.context.throwBack === null) {
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

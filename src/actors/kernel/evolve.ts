// What a record makes of the yard. The only place that changes it. First the plain indexes, in any order of records;
// then what is derived from several actors: rooms, classes, entitlement, duties. `restore` does the same for all
// records at once and without sending, so that a recovered yard equals one that never stopped.

import { decisionOn, isDeaf } from "../../machines/blueprint.js"
import { type ActorKey, actorKey } from "../../machines/names.js"
import {
  type BlueprintRecord,
  keyOf,
  type LeaseRecord,
  type ResourceRecord,
  type Send,
  type YardRecord,
} from "../../machines/record.js"
import { blueprintDuties, leaseDuties, poolDuties, resourceDuties, setDuties } from "./duties.js"
import { entitle } from "./entitlement.js"
import { endOf, forget, hasEnded, noteLastUse, refreshEnded } from "./forgetting.js"
import { type Reclaims, reclaims } from "./reclaiming.js"
import {
  addTo,
  refreshOrder,
  refreshResource,
  refreshSite,
  refreshTroubles,
  removeFrom,
  resurvey,
} from "./room.js"
import { byText, SortedList } from "./sorted-list.js"
import { poolOf, refreshOutlooks, refreshWaiter } from "./waiting.js"
import { recordOf, type Yard } from "./yard.js"

/** What has to be derived again after plain indexes have changed. */
interface Touched {
  readonly blueprints: Set<string>
  /** Blueprints whose answers to those who wait may have changed. */
  readonly outlooks: Set<string>
  readonly resources: Set<string>
  readonly leases: Set<string>
  readonly pools: Set<string>
  /** Actors that may be forgotten from now on, or no more. */
  readonly ended: Set<ActorKey>
}

function nothingTouched(): Touched {
  return {
    blueprints: new Set(),
    outlooks: new Set(),
    resources: new Set(),
    leases: new Set(),
    pools: new Set(),
    ended: new Set(),
  }
}

/** Takes a record in and tells which follow-ups are due after it and were not before. */
export function evolve(yard: Yard, record: YardRecord, seq: number): Send[] {
  const before = yard.actors.get(keyOf(record))
  const touched = nothingTouched()
  // Its end was not the last word: what was removed was put again.
  if (before !== undefined && hasEnded(before.record)) yard.ended.delete(endOf(before))
  advance(yard, record, seq)
  index(yard, before?.record, record, touched)
  forget(yard, record, seq)
  return derive(yard, touched)
}

/** Builds an empty yard from the last record of every actor, in any order. What is due is in `yard.duties`. */
export function restore(
  yard: Yard,
  records: Iterable<{ readonly record: YardRecord; readonly seq: number }>,
): void {
  const touched = nothingTouched()
  // All are there before any is indexed: what one means may depend on another, whichever comes first.
  for (const { record, seq } of records) advance(yard, record, seq)
  for (const entry of yard.actors.values()) {
    index(yard, undefined, entry.record, touched)
    if (entry.record.kind === "resource") touched.resources.add(entry.record.id)
    if (entry.record.kind === "lease" && entry.record.to !== "destroyed") touched.leases.add(entry.record.id)
  }
  derive(yard, touched)
}

function advance(yard: Yard, record: YardRecord, seq: number): void {
  yard.actors.set(keyOf(record), { record, seq })
  yard.journal = Math.max(yard.journal, seq)
  yard.cursor = Math.max(yard.cursor, record.cause.command)
  yard.lastAtMs = Math.max(yard.lastAtMs, Date.parse(record.at))
}

function index(yard: Yard, before: YardRecord | undefined, record: YardRecord, touched: Touched): void {
  if (hasEnded(record)) touched.ended.add(keyOf(record))
  switch (record.kind) {
    case "lease":
      indexLease(yard, before?.kind === "lease" ? before : undefined, record, touched)
      break
    case "resource":
      indexResource(yard, before?.kind === "resource" ? before : undefined, record, touched)
      break
    case "blueprint":
      indexBlueprint(yard, before?.kind === "blueprint" ? before : undefined, record, touched)
      break
    case "device":
    case "service":
      for (const id of yard.watchers.get(keyOf(record)) ?? []) touched.blueprints.add(id)
      break
    case "network":
    case "yard":
      break
  }
}

function indexLease(yard: Yard, before: LeaseRecord | undefined, lease: LeaseRecord, touched: Touched): void {
  moveSlots(yard, lease, before?.context.slots ?? [], touched)
  const was = before === undefined || before.to === "destroyed" ? null : before.context.resource
  const is = lease.to === "destroyed" ? null : lease.context.resource
  if (was !== null && was !== is) {
    yard.leasesOn.get(was)?.delete(lease.id)
    if (yard.leasesOn.get(was)?.size === 0) yard.leasesOn.delete(was)
    touched.resources.add(was)
  }
  if (is !== null) {
    const leases = yard.leasesOn.get(is) ?? new SortedList<string>(byText)
    const isGoing = before?.context.throwBack !== lease.context.throwBack
    if (leases.add(lease.id) || before?.to !== lease.to || isGoing) touched.resources.add(is)
    yard.leasesOn.set(is, leases)
  }
  const held = before !== undefined && holds(before) ? before.context.resource : null
  const holding = holds(lease) ? lease.context.resource : null
  if (held !== null && held !== holding) {
    yard.holding.get(held)?.delete(lease.id)
    if (yard.holding.get(held)?.size === 0) yard.holding.delete(held)
  }
  if (holding !== null && held !== holding) {
    const leases = yard.holding.get(holding) ?? new SortedList<string>(byText)
    leases.add(lease.id)
    yard.holding.set(holding, leases)
  }
  const ordered = before?.to === "pending" ? before.context.build : null
  const orders = lease.to === "pending" ? lease.context.build : null
  if (ordered !== null && ordered.resource !== orders?.resource) {
    yard.orders.delete(ordered.resource)
    touched.resources.add(ordered.resource)
    touched.ended.add(actorKey("resource", ordered.resource))
    refreshOrder(yard, ordered.resource, touched.pools)
  }
  if (orders !== null && ordered?.resource !== orders.resource) {
    yard.orders.set(orders.resource, { lease: lease.id, build: orders })
    touched.resources.add(orders.resource)
    refreshOrder(yard, orders.resource, touched.pools)
  }
  if (
    before?.context.failures !== lease.context.failures ||
    (lease.to === "destroyed") !== (before?.to === "destroyed")
  ) {
    for (const { resource } of before?.context.failures ?? []) removeFrom(yard.failedOn, resource, lease.id)
    if (lease.to !== "destroyed")
      for (const { resource } of lease.context.failures) addTo(yard.failedOn, resource, lease.id)
  }
  if (lease.to === "destroyed" && lease.context.resource !== null) {
    noteLastUse(yard, lease, touched.ended)
    touched.resources.add(lease.context.resource)
  }
  if (lease.context.carries !== null) touched.resources.add(lease.context.carries)
  if ((before?.to === "pending") !== (lease.to === "pending"))
    yard.pendingLeases += lease.to === "pending" ? 1 : -1
  touched.leases.add(lease.id)
  if (before?.to !== lease.to || lease.to === "pending") touched.pools.add(lease.context.type)
}

function holds({ to }: LeaseRecord): boolean {
  return to === "acquired" || to === "active"
}

/** What it could build, what its resources owe it, and who may use it. Much of that changes rarely. */
function indexBlueprint(
  yard: Yard,
  before: BlueprintRecord | undefined,
  blueprint: BlueprintRecord,
  touched: Touched,
): void {
  const { id, context } = blueprint
  const isAnother =
    before === undefined ||
    before.to !== blueprint.to ||
    before.context.config !== context.config ||
    before.context.limit !== context.limit ||
    before.context.terms !== context.terms
  touched.outlooks.add(id)
  if (isAnother) touched.blueprints.add(id)
  else {
    refreshTroubles(yard, blueprint)
    for (const resource of yard.rooms.get(id)?.unheard ?? []) touched.resources.add(resource)
    // What broke before and was forgiven may stand in quarantine still.
    if (before.context.recoveredAt !== context.recoveredAt || before.context.suspended !== context.suspended)
      for (const resource of yard.resourcesOf.get(id) ?? [])
        if (recordOf(yard, "resource", resource)?.to === "broken") touched.resources.add(resource)
  }
  const type = yard.policies.get(context.type)?.provides
  const pool = type === undefined ? undefined : yard.pools.get(type)
  if (pool === undefined) return
  touched.pools.add(pool.type)
  const isOpenToOthers = isAnother || before.context.authorizations !== context.authorizations
  if (!isOpenToOthers) return
  const about = isAnother ? undefined : changedPrincipals(before, blueprint)
  for (const lease of [...pool.waiters.keys(), ...pool.unasked])
    if (about === undefined || about.has(recordOf(yard, "lease", lease)?.context.by ?? ""))
      touched.leases.add(lease)
}

/** Those on whom something else stands now; undefined when everybody has to be looked at. */
function changedPrincipals(before: BlueprintRecord, after: BlueprintRecord): ReadonlySet<string> | undefined {
  const changed = new Set<string>()
  if (isDeaf(before.context) !== isDeaf(after.context)) return undefined
  const [was, is] = [before.context.authorizations, after.context.authorizations]
  for (const name of [...Object.keys(was), ...Object.keys(is)])
    if (decisionOn(was, name) !== decisionOn(is, name)) changed.add(name)
  return changed
}

function indexResource(
  yard: Yard,
  before: ResourceRecord | undefined,
  resource: ResourceRecord,
  touched: Touched,
): void {
  moveSlots(yard, resource, before?.context.slots ?? [], touched)
  const { blueprint } = resource.context
  if (resource.to === "destroyed") removeFrom(yard.resourcesOf, blueprint, resource.id)
  else addTo(yard.resourcesOf, blueprint, resource.id)
  const last = yard.lastUsed.get(resource.id)
  if (last !== undefined) touched.ended.add(last.key)
  refreshOrder(yard, resource.id, touched.pools)
  touched.resources.add(resource.id)
  if (isTheSame(before, resource)) return
  touched.pools.add(resource.context.type)
  if (resource.context.base !== null) {
    const { lease } = resource.context.base
    touched.leases.add(lease)
    touched.ended.add(actorKey("lease", lease))
    const ground = recordOf(yard, "lease", lease)?.context.resource
    if (ground !== null && ground !== undefined) touched.resources.add(ground)
  }
  for (const id of yard.failedOn.get(resource.id) ?? []) touched.leases.add(id)
  const order = yard.orders.get(resource.id)
  if (order !== undefined) touched.leases.add(order.lease)
}

/** Whether nothing changed that anybody else looks at: a heartbeat, a note. */
function isTheSame(before: ResourceRecord | undefined, after: ResourceRecord): boolean {
  if (before === undefined || before.to !== after.to) return false
  const names = ["slots", "reclaim", "draining", "quarantine", "base", "strikes", "forgivenAt"] as const
  return names.every((name) => before.context[name] === after.context[name])
}

function moveSlots(
  yard: Yard,
  record: LeaseRecord | ResourceRecord,
  before: readonly string[],
  touched: Touched,
): void {
  const after = record.context.slots
  if (before === after) return
  const holder = keyOf(record)
  for (const key of before) {
    if (after.includes(key) || yard.slots.get(key) !== holder) continue
    yard.slots.delete(key)
    refreshSite(yard, key, touched.pools)
  }
  for (const key of after) {
    if (yard.slots.has(key)) continue
    yard.slots.set(key, holder)
    refreshSite(yard, key, touched.pools)
  }
}

const NO_RECLAIMS: Reclaims = { victims: new Map(), awaited: new Map() }

function derive(yard: Yard, touched: Touched): Send[] {
  for (const id of [...touched.blueprints].sort()) {
    const blueprint = recordOf(yard, "blueprint", id)
    if (blueprint === undefined) continue
    resurvey(yard, blueprint)
    const room = yard.rooms.get(id)
    if (room !== undefined) touched.pools.add(room.policy.provides)
  }
  for (const key of touched.ended) refreshEnded(yard, key)
  for (const id of touched.resources) refreshResource(yard, id)
  for (const id of [...touched.leases].sort()) refreshWaiter(yard, id)
  const outlooks = new Set(
    [...touched.outlooks, ...touched.blueprints].map((id) => yard.rooms.get(id)?.policy.provides),
  )
  for (const type of outlooks) if (type !== undefined) refreshOutlooks(yard, poolOf(yard, type))

  const fresh: Send[] = []
  const pools = [...touched.pools].sort().map((type) => poolOf(yard, type))
  for (const pool of pools) {
    const before = pool.entitled
    const { entitled, left, unserved } = entitle(yard, pool)
    pool.entitled = entitled
    pool.left = left
    const { victims, awaited } = unserved.length === 0 ? NO_RECLAIMS : reclaims(yard, pool, unserved, left)
    pool.reclaims = victims
    pool.awaited = awaited
    for (const id of before.keys()) if (!entitled.has(id)) touched.leases.add(id)
    for (const id of entitled.keys()) if (!before.has(id)) touched.leases.add(id)
  }
  // Sorted, so that a yard that was read back sends in the same order as one that never stopped (rule 2).
  for (const id of [...touched.leases].sort()) {
    const lease = recordOf(yard, "lease", id)
    if (lease !== undefined) setDuties(yard, actorKey("lease", id), leaseDuties(yard, lease), fresh)
  }
  const blueprints = new Set(touched.outlooks)
  for (const id of [...touched.resources].sort()) {
    const resource = recordOf(yard, "resource", id)
    if (resource === undefined) continue
    blueprints.add(resource.context.blueprint)
    setDuties(yard, actorKey("resource", id), resourceDuties(yard, resource), fresh)
  }
  for (const id of [...blueprints].sort())
    setDuties(yard, actorKey("blueprint", id), blueprintDuties(yard, id), fresh)
  for (const pool of pools) setDuties(yard, `pool/${pool.type}`, poolDuties(yard, pool), fresh)
  return fresh
}

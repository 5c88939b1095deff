// What a record makes of the yard. The only place that changes it. First the plain indexes, in any order of records;
// then what is derived from several actors: rooms, classes, entitlement, duties. `restore` does the same for all
// records at once and without sending, so that a recovered yard equals one that never stopped.

import { type ActorKey, actorKey } from "../../machines/names.js"
import {
  type BlueprintRecord,
  keyOf,
  type LeaseRecord,
  type ResourceRecord,
  type Send,
  type YardRecord,
} from "../../machines/record.js"
import { leaseDuties, poolDuties, resourceDuties, setDuties } from "./duties.js"
import { entitle } from "./entitlement.js"
import { endOf, forget, hasEnded, noteLastUse, refreshEnded } from "./forgetting.js"
import { type Reclaims, reclaims } from "./reclaiming.js"
import { addTo, refreshOrder, refreshResource, refreshSite, removeFrom, resurvey } from "./room.js"
import { byText, SortedList } from "./sorted-list.js"
import { poolOf, refreshWaiter } from "./waiting.js"
import { recordOf, type Yard } from "./yard.js"

/** What has to be derived again after plain indexes have changed. */
interface Touched {
  readonly blueprints: Set<string>
  readonly resources: Set<string>
  readonly leases: Set<string>
  readonly pools: Set<string>
  /** Actors that may be forgotten from now on, or no more. */
  readonly ended: Set<ActorKey>
}

function nothingTouched(): Touched {
  return {
    blueprints: new Set(),
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
      touched.blueprints.add(record.id)
      indexBlueprint(yard, record, touched)
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
  const ordered = before?.to === "pending" ? before.context.build : null
  const orders = lease.to === "pending" ? lease.context.build : null
  if (ordered !== null && ordered.resource !== orders?.resource) {
    yard.orders.delete(ordered.resource)
    touched.ended.add(actorKey("resource", ordered.resource))
    refreshOrder(yard, ordered.resource, touched.pools)
  }
  if (orders !== null && ordered?.resource !== orders.resource) {
    yard.orders.set(orders.resource, { lease: lease.id, build: orders })
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

/** What its resources owe it, and who may use it, depends on it. */
function indexBlueprint(yard: Yard, blueprint: BlueprintRecord, touched: Touched): void {
  for (const id of yard.resourcesOf.get(blueprint.id) ?? []) touched.resources.add(id)
  const type = yard.policies.get(blueprint.context.type)?.provides
  const pool = type === undefined ? undefined : yard.pools.get(type)
  for (const id of pool?.waiters.keys() ?? []) touched.leases.add(id)
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
  for (const id of touched.leases) refreshWaiter(yard, id)

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
  for (const id of touched.leases) {
    const lease = recordOf(yard, "lease", id)
    if (lease !== undefined) setDuties(yard, actorKey("lease", id), leaseDuties(yard, lease), fresh)
  }
  for (const id of touched.resources) {
    const resource = recordOf(yard, "resource", id)
    if (resource !== undefined)
      setDuties(yard, actorKey("resource", id), resourceDuties(yard, resource), fresh)
  }
  for (const pool of pools) setDuties(yard, `pool/${pool.type}`, poolDuties(yard, pool), fresh)
  return fresh
}

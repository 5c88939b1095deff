// Who waits: pending leases in demand classes, each in the order of its request. A lease whose own resource is being
// built stands in a class of its own kind, so that it does not hide those behind it.

import type { LeaseContext } from "../../machines/lease-context.js"
import { NOTHING_GIVEN } from "./entitlement.js"
import { SortedList } from "./sorted-list.js"
import { type DemandClass, type Pool, recordOf, type Waiter, type Yard } from "./yard.js"

/** The pool of a type, or an empty one that nobody keeps: for those who only look. */
export function lookAtPool(yard: Yard, type: string): Pool {
  return yard.pools.get(type) ?? emptyPool(type)
}

function emptyPool(type: string): Pool {
  return { type, classes: new Map(), waiters: new Map(), entitled: new Map(), left: NOTHING_GIVEN }
}

/** The pool of a type, made if there is none. */
export function poolOf(yard: Yard, type: string): Pool {
  const there = yard.pools.get(type)
  if (there !== undefined) return there
  const pool = emptyPool(type)
  yard.pools.set(type, pool)
  return pool
}

/** Text that is equal for leases with the same demand. */
function classKey(blueprints: DemandClass["blueprints"], building: boolean): string {
  return `${building ? "building" : "waiting"} ${blueprints?.join(",") ?? ""}`
}

/** Whether a demand that waits would be one more than those that wait already. */
export function isNewDemand(pool: Pool, blueprints: DemandClass["blueprints"], building: boolean): boolean {
  return !pool.classes.has(classKey(blueprints, building))
}

/** Whether its own resource is still to come: ordered but not born, or being built. */
export function isBuilding(yard: Yard, context: LeaseContext): boolean {
  if (context.build === null) return false
  const resource = recordOf(yard, "resource", context.build.resource)
  return resource === undefined || resource.to === "pending"
}

/** A lease changed, or the resource that it ordered did: put it in the class where it belongs. */
export function refreshWaiter(yard: Yard, id: string): void {
  const record = recordOf(yard, "lease", id)
  if (record === undefined) return
  const pool = poolOf(yard, record.context.type)
  const was = pool.waiters.get(id)
  const waiter: Waiter = { order: record.context.order, lease: id }
  if (record.to !== "pending") {
    if (was !== undefined) leave(pool, was, waiter)
    return
  }
  const building = isBuilding(yard, record.context)
  const key = classKey(record.context.blueprints, building)
  if (was?.key === key) return
  if (was !== undefined) leave(pool, was, waiter)
  const demand = pool.classes.get(key) ?? newClass(pool, key, record.context.blueprints, building)
  demand.queue.add(waiter)
  pool.waiters.set(id, demand)
}

function newClass(
  pool: Pool,
  key: string,
  blueprints: DemandClass["blueprints"],
  building: boolean,
): DemandClass {
  const demand: DemandClass = {
    key,
    blueprints,
    building,
    queue: new SortedList<Waiter>((a, b) => a.order - b.order),
  }
  pool.classes.set(key, demand)
  return demand
}

function leave(pool: Pool, demand: DemandClass, waiter: Waiter): void {
  demand.queue.delete(waiter)
  pool.waiters.delete(waiter.lease)
  if (demand.queue.size === 0) pool.classes.delete(demand.key)
}

/** How many leases of the pool asked before this one and still wait. */
export function leasesAhead(pool: Pool, order: number): number {
  let ahead = 0
  for (const demand of pool.classes.values()) ahead += demand.queue.rank({ order, lease: "" })
  return ahead
}

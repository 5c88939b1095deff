// Who waits: pending leases in demand classes, each in the order of its request. A lease whose own resource is being
// built stands in a class of its own kind, so that it does not hide those behind it.

import type { LeaseContext } from "../../machines/lease-context.js"
import { demandOf, refusals } from "./demand.js"
import { type Asking, NOTHING_GIVEN } from "./entitlement.js"
import { SortedList } from "./sorted-list.js"
import { type DemandClass, type Pool, recordOf, type Waiter, type Yard } from "./yard.js"

/** The pool of a type, or an empty one that nobody keeps: for those who only look. */
export function lookAtPool(yard: Yard, type: string): Pool {
  return yard.pools.get(type) ?? emptyPool(type)
}

function emptyPool(type: string): Pool {
  return {
    type,
    classes: new Map(),
    waiters: new Map(),
    entitled: new Map(),
    left: NOTHING_GIVEN,
    reclaims: new Map(),
    awaited: new Map(),
    doubtful: new Set(),
  }
}

/** The pool of a type, made if there is none. */
export function poolOf(yard: Yard, type: string): Pool {
  const there = yard.pools.get(type)
  if (there !== undefined) return there
  const pool = emptyPool(type)
  yard.pools.set(type, pool)
  return pool
}

/** What a lease asks for: as it stands in its request, or in its context. */
export function askingOf(
  yard: Yard,
  lease: Pick<LeaseContext, "type" | "blueprints" | "attributes" | "by">,
  building = false,
): Asking {
  const { type, blueprints, attributes, by } = lease
  return {
    blueprints,
    building,
    demand: demandOf(yard, type, attributes),
    refused: refusals(yard, type, blueprints, by),
  }
}

/** Text that is equal for leases with the same demand. */
function classKey({ blueprints, building, demand, refused }: Asking): string {
  const plain = `${building ? "building" : "waiting"} ${blueprints?.join(",") ?? ""}`
  return demand.text === "" && refused.length === 0 ? plain : `${plain} ${refused.join(",")} ${demand.text}`
}

/** Whether a demand that waits would be one more than those that wait already. */
export function isNewDemand(pool: Pool, asking: Asking): boolean {
  return !pool.classes.has(classKey(asking))
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
  const code = record.to === "pending" ? record.context.waiting?.code : undefined
  if (code === "reclaiming" || code === "unauthorized") pool.doubtful.add(id)
  else pool.doubtful.delete(id)
  if (record.to !== "pending") {
    if (was !== undefined) leave(pool, was, waiter)
    return
  }
  const asking = askingOf(yard, record.context, isBuilding(yard, record.context))
  const key = classKey(asking)
  if (was?.key === key) return
  if (was !== undefined) leave(pool, was, waiter)
  const demand = pool.classes.get(key) ?? newClass(pool, key, asking)
  demand.queue.add(waiter)
  pool.waiters.set(id, demand)
}

function newClass(pool: Pool, key: string, asking: Asking): DemandClass {
  const demand: DemandClass = {
    key,
    ...asking,
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

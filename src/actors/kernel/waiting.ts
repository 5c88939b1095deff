// Who waits: pending leases in demand classes, each in the order of its request. A lease whose own resource is being
// built stands in a class of its own kind, so that it does not hide those behind it.

import { decisionOn, isDeaf } from "../../machines/blueprint.js"
import type { LeaseContext } from "../../machines/lease-context.js"
import type { LeaseRecord } from "../../machines/record.js"
import { outlook } from "./consider.js"
import { demandOf, refusals } from "./demand.js"
import { type Asking, NOTHING_GIVEN } from "./entitlement.js"
import { byText, SortedList } from "./sorted-list.js"
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
    unasked: new SortedList<string>(byText),
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
  lease: Pick<LeaseContext, "type" | "blueprints" | "attributes" | "by"> &
    Partial<Pick<LeaseContext, "failures">>,
  building = false,
): Asking {
  const { type, blueprints, attributes, by, failures = NO_FAILURES } = lease
  return {
    blueprints,
    building,
    demand: demandOf(yard, type, attributes),
    refused: refusals(yard, type, blueprints, by),
    avoid: failures.length === 0 ? NOWHERE : failures.map(({ resource }) => resource),
  }
}
const NO_FAILURES: LeaseContext["failures"] = []
const NOWHERE: readonly string[] = []

/** Text that is equal for leases with the same demand. */
function classKey({ blueprints, building, demand, refused, avoid }: Asking): string {
  const plain = `${building ? "building" : "waiting"} ${blueprints?.join(",") ?? ""}`
  if (demand.text === "" && refused.length === 0 && avoid.length === 0) return plain
  return `${plain} ${refused.join(",")} ${avoid.join(",")} ${demand.text}`
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
  const isWaiting = record.to === "pending" && record.context.retryAt === null
  if (isWaiting && isUnasked(yard, record)) pool.unasked.add(id)
  else pool.unasked.delete(id)
  if (!isWaiting) {
    if (was !== undefined) leave(pool, was, waiter)
    return
  }
  const code = record.context.waiting?.code ?? ""
  const asking = askingOf(yard, record.context, isBuilding(yard, record.context))
  const key = classKey(asking)
  if (was?.key === key) {
    tell(was, id, code)
    return
  }
  if (was !== undefined) leave(pool, was, waiter)
  const demand = pool.classes.get(key) ?? newClass(yard, pool, key, asking, record.context.by)
  demand.queue.add(waiter)
  pool.waiters.set(id, demand)
  tell(demand, id, code)
}

/** Notes what the last record of a waiting lease says, where that may be over some time. */
function tell(demand: DemandClass, lease: string, code: string): void {
  for (const [said, leases] of demand.told) {
    if (said !== code && leases.delete(lease) && leases.size === 0) demand.told.delete(said)
  }
  if (!MAY_BE_OVER.has(code)) return
  const leases = demand.told.get(code) ?? new SortedList<string>(byText)
  leases.add(lease)
  demand.told.set(code, leases)
}

/** What a record may say that is over some time; `no-free-resource` stays true in a way, and is not written again. */
const MAY_BE_OVER: ReadonlySet<string> = new Set([
  "reclaiming",
  "unauthorized",
  "disabled",
  "suspended",
  "thrown-back",
])

/** Whether a blueprint is closed to who asks, and has not heard of him. */
function isUnasked(yard: Yard, { context }: LeaseRecord): boolean {
  return unaskedBlueprints(yard, context).length > 0
}

export function unaskedBlueprints(yard: Yard, context: LeaseContext): readonly string[] {
  const closed = refusals(yard, context.type, context.blueprints, context.by)
  return closed.filter((id) => {
    const blueprint = recordOf(yard, "blueprint", id)?.context
    return (
      blueprint !== undefined &&
      decisionOn(blueprint.authorizations, context.by) === undefined &&
      !isDeaf(blueprint)
    )
  })
}

/** Their blueprints changed: what leases of each class have to expect. */
export function refreshOutlooks(yard: Yard, pool: Pool): void {
  for (const demand of pool.classes.values()) {
    const first = demand.queue.first()
    const by = first === undefined ? "" : (recordOf(yard, "lease", first.lease)?.context.by ?? "")
    demand.outlook = outlook(yard, pool.type, by, demand)
  }
}

function newClass(yard: Yard, pool: Pool, key: string, asking: Asking, by: string): DemandClass {
  const demand: DemandClass = {
    key,
    ...asking,
    told: new Map(),
    outlook: outlook(yard, pool.type, by, asking),
    queue: new SortedList<Waiter>((a, b) => a.order - b.order),
  }
  pool.classes.set(key, demand)
  return demand
}

function leave(pool: Pool, demand: DemandClass, waiter: Waiter): void {
  demand.queue.delete(waiter)
  pool.waiters.delete(waiter.lease)
  tell(demand, waiter.lease, "")
  if (demand.queue.size === 0) pool.classes.delete(demand.key)
}

/** How many leases of the pool asked before this one and still wait. */
export function leasesAhead(pool: Pool, order: number): number {
  let ahead = 0
  for (const demand of pool.classes.values()) ahead += demand.queue.rank({ order, lease: "" })
  return ahead
}

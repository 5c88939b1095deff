// Rule 3, the whole of order, fairness and wake-up. *Entitled* are the first 32 waiting leases of a pool, in the order
// of their requests, that a first-fit pass over the present room serves. A lease that does not fit blocks nobody; one
// whose own resource is being built takes an idle resource if there is one, and otherwise waits for its own.
//
// The order of choice is the ancestor's (reference, 2.2), but deterministic: an idle resource, then a new one, then a
// share of the least loaded one.

import { LIMITS } from "../../machines/limits.js"
import { resourceCount } from "./room.js"
import { byText, SortedList } from "./sorted-list.js"
import type { DemandClass, Draft, Loaded, Place, Pool, Room, Waiter, Yard } from "./yard.js"

export const NOTHING_GIVEN: Draft = { given: 0, loads: new Map(), sites: new Set(), builds: new Map() }

/** Entitlement of a pool in the yard as it is, and the room that is left after it. */
export function entitle(
  yard: Yard,
  pool: Pool,
): { readonly entitled: Map<string, Place>; readonly left: Draft } {
  const entitled = new Map<string, Place>()
  const draft = {
    given: 0,
    loads: new Map<string, number>(),
    sites: new Set<string>(),
    builds: new Map<string, number>(),
  }
  if (pool.waiters.size === 0) return { entitled, left: NOTHING_GIVEN }
  const heads = new SortedList<Head>(
    (a, b) => a.waiter.order - b.waiter.order || byText(a.demand.key, b.demand.key),
  )
  for (const demand of pool.classes.values()) pushNext(heads, demand, demand.queue[Symbol.iterator]())
  while (entitled.size < LIMITS.entitledPerPool) {
    const head = heads.first()
    if (head === undefined) break
    heads.delete(head)
    const { demand, waiter } = head
    const place = firstFit(yard, pool.type, demand, draft)
    // Room only shrinks during a pass: what does not fit the first of a class fits none of it.
    if (place === undefined) continue
    entitled.set(waiter.lease, place)
    give(draft, place)
    pushNext(heads, demand, head.rest)
  }
  return { entitled, left: draft }
}

interface Head {
  readonly demand: DemandClass
  readonly waiter: Waiter
  readonly rest: Iterator<Waiter>
}

function pushNext(heads: SortedList<Head>, demand: DemandClass, rest: Iterator<Waiter>): void {
  const next = rest.next()
  if (next.done !== true) heads.add({ demand, waiter: next.value, rest })
}

function give(
  draft: { given: number; loads: Map<string, number>; sites: Set<string>; builds: Map<string, number> },
  place: Place,
): void {
  draft.given++
  if (place.kind === "grant") draft.loads.set(place.resource, (draft.loads.get(place.resource) ?? 0) + 1)
  else {
    draft.sites.add(place.site)
    draft.builds.set(place.blueprint, (draft.builds.get(place.blueprint) ?? 0) + 1)
  }
}

/** The place that a demand would get in the room that a draft leaves; undefined when it has to wait. */
export function firstFit(
  yard: Yard,
  type: string,
  demand: Pick<DemandClass, "blueprints" | "building">,
  draft: Draft,
): Place | undefined {
  const rooms = roomsFor(yard, type, demand.blueprints)
  for (const room of rooms) {
    const resource = idle(room, draft)
    if (resource !== undefined) return { kind: "grant", blueprint: room.blueprint, resource }
  }
  if (demand.building) return undefined
  for (const room of rooms) {
    const site = buildable(yard, room, draft)
    if (site !== undefined) return { kind: "build", blueprint: room.blueprint, site }
  }
  for (const room of rooms) {
    const resource = shareable(room, draft)
    if (resource !== undefined) return { kind: "grant", blueprint: room.blueprint, resource }
  }
  return undefined
}

/** Rooms that may serve a demand, in order of preference. */
export function roomsFor(yard: Yard, type: string, blueprints: readonly string[] | null): readonly Room[] {
  const rooms: Room[] = []
  for (const id of blueprints ?? yard.blueprintsFor.get(type) ?? []) {
    const room = yard.rooms.get(id)
    if (room !== undefined && room.policy.provides === type) rooms.push(room)
  }
  return rooms
}

function idle(room: Room, draft: Draft): string | undefined {
  if (draft.loads.size === 0) return room.idle.first()
  for (const id of room.idle) if (!draft.loads.has(id)) return id
  return undefined
}

function buildable(yard: Yard, room: Room, draft: Draft): string | undefined {
  if (!room.enabled || room.freeSites.size === 0) return undefined
  if (resourceCount(yard, room.blueprint) + (draft.builds.get(room.blueprint) ?? 0) >= room.limit)
    return undefined
  for (const { key } of room.freeSites) if (!draft.sites.has(key)) return key
  return undefined
}

/**
 * The least loaded resource with room for one more, counting what the draft has given already. Only of those that are
 * really in use: whoever shares a resource that is merely promised, and comes first, would send the one to whom it was
 * promised elsewhere, to the cost of those in between.
 */
function shareable(room: Room, draft: Draft): string | undefined {
  const capacity = room.bound?.leasesPerResource ?? Number.POSITIVE_INFINITY
  let best: Loaded | undefined
  const consider = (candidate: Loaded) => {
    if (candidate.load >= capacity) return
    if (best === undefined || room.shared.compare(candidate, best) < 0) best = candidate
  }
  for (const [id, extra] of draft.loads) {
    const placed = room.placed.get(id)
    if (placed?.in === "shared") consider({ load: placed.load + extra, id })
  }
  for (const candidate of room.shared) {
    if (draft.loads.has(candidate.id)) continue
    consider(candidate)
    break
  }
  return best?.id
}

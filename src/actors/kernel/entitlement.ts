// Rule 3, the whole of order, fairness and wake-up. *Entitled* are the first 32 waiting leases of a pool, in the order
// of their requests, that a first-fit pass over the present room serves. A lease that does not fit blocks nobody; one
// whose own resource is being built takes an idle resource if there is one, and otherwise waits for its own.
//
// The order of choice is the ancestor's (reference, 2.2), but deterministic: an idle resource, then a new one, then a
// share of the least loaded one; where the policy says so, sharing comes before growing.

import { LIMITS } from "../../machines/limits.js"
import { demandText, inability } from "./demand.js"
import { numberedSite } from "./numbers.js"
import { resourceCount, shelvesFor } from "./room.js"
import { byText, SortedList } from "./sorted-list.js"
import {
  type DemandClass,
  type Draft,
  type Loaded,
  type Place,
  type Pool,
  type Room,
  recordOf,
  type Waiter,
  type Yard,
} from "./yard.js"

export const NOTHING_GIVEN: Draft = { given: 0, loads: new Map(), sites: new Set(), builds: new Map() }

interface OpenDraft {
  given: number
  readonly loads: Map<string, number>
  readonly sites: Set<string>
  readonly builds: Map<string, number>
}

export interface Entitlement {
  readonly entitled: Map<string, Place>
  /** The room that is left after it. */
  readonly left: Draft
  /** The first of each class that nothing serves, in order, with those behind it. */
  readonly unserved: readonly Head[]
}

/** Entitlement of a pool in the yard as it is. */
export function entitle(yard: Yard, pool: Pool): Entitlement {
  const entitled = new Map<string, Place>()
  const draft: OpenDraft = { given: 0, loads: new Map(), sites: new Set(), builds: new Map() }
  if (pool.waiters.size === 0) return { entitled, left: NOTHING_GIVEN, unserved: [] }
  const heads = new SortedList<Head>(inOrder)
  for (const demand of pool.classes.values()) pushNext(heads, demand, demand.queue[Symbol.iterator]())
  const unserved: Head[] = []
  while (entitled.size < LIMITS.entitledPerPool) {
    const head = heads.first()
    if (head === undefined) break
    heads.delete(head)
    const { demand, waiter } = head
    const place = firstFit(yard, pool.type, demand, draft)
    // Room only shrinks during a pass: what does not fit the first of a class fits none of it.
    if (place === undefined) {
      unserved.push(head)
      continue
    }
    entitled.set(waiter.lease, place)
    give(draft, place)
    pushNext(heads, demand, head.rest)
  }
  return { entitled, left: draft, unserved }
}

/** The next of a class, and those behind it. */
export interface Head {
  readonly demand: DemandClass
  readonly waiter: Waiter
  readonly rest: Iterator<Waiter>
}

export function inOrder(a: Head, b: Head): number {
  return a.waiter.order - b.waiter.order || byText(a.demand.key, b.demand.key)
}

export function pushNext(heads: SortedList<Head>, demand: DemandClass, rest: Iterator<Waiter>): void {
  const next = rest.next()
  if (next.done !== true) heads.add({ demand, waiter: next.value, rest })
}

function give(draft: OpenDraft, place: Place): void {
  draft.given++
  if (place.kind === "grant") draft.loads.set(place.resource, (draft.loads.get(place.resource) ?? 0) + 1)
  else {
    draft.sites.add(place.site)
    if (place.coming !== null) return
    draft.builds.set(place.blueprint, (draft.builds.get(place.blueprint) ?? 0) + 1)
  }
}

export type Asking = Pick<DemandClass, "blueprints" | "building" | "demand" | "refused" | "avoid">

/** The place that a demand would get in the room that a draft leaves; undefined when it has to wait. */
export function firstFit(yard: Yard, type: string, asking: Asking, draft: Draft): Place | undefined {
  const rooms = roomsFor(yard, type, asking)
  const elsewhere = placeIn(yard, rooms, asking, draft)
  if (elsewhere !== undefined || asking.building || asking.avoid.length === 0) return elsewhere
  // Where it failed before is better than nowhere.
  return placeIn(yard, rooms, { ...asking, avoid: [] }, draft)
}

function placeIn(yard: Yard, rooms: readonly Room[], asking: Asking, draft: Draft): Place | undefined {
  for (const room of rooms) {
    const resource = idle(room, asking, draft)
    if (resource !== undefined) return { kind: "grant", blueprint: room.blueprint, resource }
  }
  for (const room of rooms) {
    // Its own resource is on its way: until then only what is idle helps it.
    if (asking.building) break
    if (room.policy.growsBeforeSharing) continue
    const resource = shareable(room, asking, draft)
    if (resource !== undefined) return { kind: "grant", blueprint: room.blueprint, resource }
  }
  for (const room of rooms) {
    if (asking.building) break
    const coming = comingIn(yard, room, asking, draft)
    if (coming !== undefined) return { kind: "build", blueprint: room.blueprint, ...coming }
    const site = buildable(yard, room, asking, draft)
    if (site !== undefined) return { kind: "build", blueprint: room.blueprint, site, coming: null }
  }
  for (const room of rooms) {
    if (asking.building) break
    if (!room.policy.growsBeforeSharing) continue
    const resource = shareable(room, asking, draft)
    if (resource !== undefined) return { kind: "grant", blueprint: room.blueprint, resource }
  }
  return undefined
}

/** Rooms that may serve a demand, in order of preference. */
export function roomsFor(
  yard: Yard,
  type: string,
  { blueprints, demand, refused }: Pick<Asking, "blueprints" | "demand" | "refused">,
): readonly Room[] {
  const rooms: Room[] = []
  for (const id of blueprints ?? yard.blueprintsFor.get(type) ?? []) {
    const room = yard.rooms.get(id)
    if (room === undefined || room.policy.provides !== type) continue
    if (refused.includes(id) || inability(room, demand) !== undefined) continue
    rooms.push(room)
  }
  return rooms
}

function idle(room: Room, { demand, avoid }: Asking, draft: Draft): string | undefined {
  let best: string | undefined
  for (const shelf of shelvesFor(room, demand)) {
    const isPlain = draft.loads.size === 0 && avoid.length === 0
    const first = isPlain ? shelf.idle.first() : firstWithout(shelf.idle, draft.loads, avoid)
    if (first !== undefined && (best === undefined || first < best)) best = first
  }
  return best
}

function firstWithout(
  ids: Iterable<string>,
  taken: ReadonlyMap<string, number>,
  avoid: readonly string[],
): string | undefined {
  for (const id of ids) if (!taken.has(id) && !avoid.includes(id)) return id
  return undefined
}

/** Whether a room builds at all, whatever its limit. */
export function builds(room: Room): boolean {
  return room.enabled && room.bound !== undefined && room.pause === null && room.unheard.size === 0
}

/** Resources of a room, those included that a draft has ordered. */
export function countWith(yard: Yard, room: Room, draft: Draft): number {
  return resourceCount(yard, room.blueprint) + (draft.builds.get(room.blueprint) ?? 0)
}

/** One that is being built for nobody in particular: as good as one's own, and one less to build (F33). */
function comingIn(
  yard: Yard,
  room: Room,
  { demand, avoid }: Asking,
  draft: Draft,
): { readonly coming: string; readonly site: string } | undefined {
  for (const shelf of shelvesFor(room, demand)) {
    for (const coming of shelf.coming) {
      const site = recordOf(yard, "resource", coming)?.context.site
      if (site === undefined || draft.sites.has(site) || avoid.includes(coming)) continue
      return { coming, site }
    }
  }
  return undefined
}

function buildable(yard: Yard, room: Room, { demand }: Asking, draft: Draft): string | undefined {
  if (!builds(room) || countWith(yard, room, draft) >= room.limit) return undefined
  if (room.hopeless.size > 0 && room.hopeless.has(demandText(demand, room.policy.type))) return undefined
  return freeSite(room, demand, draft)
}

/** The first free place of a room that suits a demand. */
export function freeSite(room: Room, demand: Asking["demand"], draft: Draft): string | undefined {
  if (room.numbers !== undefined) {
    for (const n of room.numbers) {
      const key = numberedSite(room.blueprint, n)
      if (!draft.sites.has(key)) return key
    }
  }
  let best: { readonly rank: number; readonly key: string } | undefined
  for (const shelf of shelvesFor(room, demand)) {
    for (const site of shelf.sites) {
      if (draft.sites.has(site.key)) continue
      if (best === undefined || site.rank < best.rank) best = site
      break
    }
  }
  return best?.key
}

/**
 * The least loaded resource with room for one more, counting what the draft has given already. Only of those that are
 * really in use: whoever shares a resource that is merely promised, and comes first, would send the one to whom it was
 * promised elsewhere, to the cost of those in between.
 */
function shareable(room: Room, { demand, avoid }: Asking, draft: Draft): string | undefined {
  const capacity = room.bound?.leasesPerResource ?? Number.POSITIVE_INFINITY
  let best: Loaded | undefined
  const consider = (candidate: Loaded) => {
    if (candidate.load >= capacity || avoid.includes(candidate.id)) return
    if (
      best === undefined ||
      candidate.load < best.load ||
      (candidate.load === best.load && candidate.id < best.id)
    )
      best = candidate
  }
  const shelves = shelvesFor(room, demand)
  for (const [id, extra] of draft.loads) {
    const placed = room.placed.get(id)
    if (placed?.in === "use" && !placed.isFull && shelves.some(({ text }) => text === placed.shelf))
      consider({ load: placed.load + extra, id })
  }
  for (const shelf of shelves) {
    for (const candidate of shelf.shared) {
      if (draft.loads.has(candidate.id) || avoid.includes(candidate.id)) continue
      consider(candidate)
      break
    }
  }
  return best?.id
}

// Reclaim under pressure (reference, 2.2 step 8, 2.7): leases that nothing serves, in the order of their requests, each
// find one resource whose end would make room for them. What is ending already comes first, then what was asked
// before, then the idle resource that was used least recently, then one that is in use. So one lease has one victim, a
// victim serves one lease, and a wish that was spoken is not spoken again.
//
// The victim is immune for a while after its last use, and others may use it meanwhile; then it gives nothing new, and
// goes when its leases do. So those who keep it busy do not starve the one who waits (P-02). Whoever asked earlier and
// could use a resource that is in use keeps his claim to it.

import { LIMITS } from "../../machines/limits.js"
import { builds, countWith, freeSite, type Head, inOrder, pushNext, roomsFor } from "./entitlement.js"
import { shelvesFor, wouldSuit } from "./room.js"
import { byText, SortedList } from "./sorted-list.js"
import {
  type DemandClass,
  type Draft,
  leasesOn,
  type Pool,
  type Room,
  recordOf,
  type Shelf,
  type Yard,
} from "./yard.js"

/** Resources of one room, or of those that share its places, that are looked at for one lease; places of one room. */
const LOOKED_AT = 1_024
/** Leases for which room is looked for in one step. */
const LEASES_LOOKED_AT = 32

export interface Reclaims {
  /** Resources that are to make room, and for whom. */
  readonly victims: ReadonlyMap<string, string>
  /** Leases that wait for one of these, or for one that ends anyway. */
  readonly awaited: ReadonlyMap<string, string>
}

export function reclaims(yard: Yard, pool: Pool, unserved: readonly Head[], left: Draft): Reclaims {
  const victims = new Map<string, string>()
  const awaited = new Map<string, string>()
  const given: Given = { left, taken: new Set() }
  const heads = new SortedList<Head>(inOrder)
  for (const head of unserved) if (!head.demand.building) heads.add(head)
  let looked = 0
  while (looked < LEASES_LOOKED_AT && awaited.size < LIMITS.reclaimsPerPool) {
    const head = heads.first()
    if (head === undefined) break
    heads.delete(head)
    const rooms = roomsFor(yard, pool.type, head.demand).filter(builds)
    // Whoever waits for something else (a blueprint that is disabled) hides nobody.
    if (rooms.length === 0) continue
    looked++
    const found = roomFor(yard, rooms, head.demand, given)
    const [first] = found
    if (first === undefined) continue
    for (const { resource, isVictim } of found) {
      given.taken.add(resource)
      if (isVictim) victims.set(resource, head.waiter.lease)
    }
    if (!first.isSuitable) awaited.set(head.waiter.lease, first.resource)
    pushNext(heads, head.demand, head.rest)
  }
  return { victims, awaited }
}

interface Given {
  readonly left: Draft
  /** Resources on which those who asked earlier count. */
  readonly taken: Set<string>
}

interface Found {
  readonly resource: string
  /** It has to be asked for its room. */
  readonly isVictim: boolean
  /** It serves the lease itself, as soon as somebody lets go of it. */
  readonly isSuitable: boolean
}

/**
 * What a lease can count on, if nothing serves it now: one resource, that nobody before it counts on. One that is in use
 * and has been asked is kept beside an idle one that is asked now: whichever ends first.
 */
function roomFor(yard: Yard, rooms: readonly Room[], demand: DemandClass, given: Given): readonly Found[] {
  const owners = rooms.flatMap((room) => [room, ...neighbours(yard, room)].map((owner) => ({ room, owner })))
  const find = (ids: (owner: Room) => Iterable<string>): string | undefined => {
    for (const { room, owner } of owners) {
      const [resource] = helping(yard, room, owner, ids(owner), demand, given)
      if (resource !== undefined) return resource
    }
    return undefined
  }
  const victim = (resource: string): Found => ({ resource, isVictim: true, isSuitable: false })
  const ending = find((owner) => owner.ending)
  if (ending !== undefined) return [{ resource: ending, isVictim: false, isSuitable: false }]
  const isIdle = (id: string) => leasesOn(yard, id).size === 0
  const promised = find((owner) => [...owner.promised].filter(isIdle))
  if (promised !== undefined) return [victim(promised)]
  const busy = find((owner) => owner.promised)
  const unused = find((owner) =>
    [...first(owner.unused, LOOKED_AT)].map(({ id }) => id).filter((id) => !given.left.loads.has(id)),
  )
  if (unused !== undefined) return busy === undefined ? [victim(unused)] : [victim(unused), victim(busy)]
  if (busy !== undefined) return [victim(busy)]
  const used = inUse(yard, rooms, demand, given)
  return used === undefined ? [] : [used]
}

/** One that is in use: it serves the lease when it is free, or has to go then. */
function inUse(yard: Yard, rooms: readonly Room[], demand: DemandClass, given: Given): Found | undefined {
  const shared = rooms.flatMap((room) =>
    neighbours(yard, room).flatMap((owner) => (rooms.includes(owner) ? [] : [{ room, owner }])),
  )
  const choosy = rooms.filter((room) => room.policy.demand !== undefined)
  // Where all are alike and nobody else has a share, whatever comes free serves the first in line.
  if (choosy.length === 0 && shared.length === 0) return undefined
  for (const room of rooms) {
    for (const shelf of shelvesFor(room, demand.demand)) {
      const resource = firstFree(shelf.used, given)
      if (resource !== undefined) return { resource, isVictim: false, isSuitable: true }
    }
  }
  for (const room of choosy) {
    const suitable = shelvesFor(room, demand.demand)
    const others = [...room.shelves.values()].filter((shelf) => !suitable.includes(shelf))
    const found = busyIn(yard, room, room, others, demand, given)
    if (found !== undefined) return found
  }
  for (const { room, owner } of shared) {
    const found = busyIn(yard, room, owner, [...owner.shelves.values()], demand, given)
    if (found !== undefined) return found
  }
  return undefined
}

function busyIn(
  yard: Yard,
  room: Room,
  owner: Room,
  shelves: readonly Shelf[],
  demand: DemandClass,
  given: Given,
): Found | undefined {
  const busy = shelves.filter((shelf) => shelf.used.size > 0).sort((a, b) => byText(a.text, b.text))
  for (const shelf of busy) {
    const [resource] = helping(yard, room, owner, shelf.used, demand, given)
    if (resource !== undefined) return { resource, isVictim: true, isSuitable: false }
  }
  return undefined
}

function firstFree(ids: Iterable<string>, { taken }: Given): string | undefined {
  for (const id of first(ids, LOOKED_AT)) if (!taken.has(id)) return id
  return undefined
}

/** Resources among those of `owner` whose end would let `room` build for a demand. */
function helping(
  yard: Yard,
  room: Room,
  owner: Room,
  ids: Iterable<string>,
  { demand }: DemandClass,
  { left, taken }: Given,
): readonly string[] {
  const count = countWith(yard, room, left)
  const isFull = count >= room.limit
  const hasPlace = freeSite(room, demand, left) !== undefined
  return [...first(ids, LOOKED_AT)].filter((id) => {
    if (taken.has(id)) return false
    // One less of its own would still be too many.
    if (owner === room && count - 1 >= room.limit) return false
    // A place of its own comes free, and with it one of the limit; of a neighbour only the place.
    if (owner !== room && isFull) return false
    if (hasPlace) return owner === room && isFull
    if (room.numbers !== undefined) return owner === room
    const site = recordOf(yard, "resource", id)?.context.site
    const rank = site === undefined ? undefined : room.siteRank.get(site)
    const place = rank === undefined ? undefined : room.survey.sites[rank]
    return place !== undefined && wouldSuit(room, place.attributes, demand)
  })
}

/** Rooms of the same type that share a place with one. */
function neighbours(yard: Yard, room: Room): readonly Room[] {
  const ids = new Set<string>()
  if (room.numbers !== undefined) return []
  for (const site of first(room.survey.sites, LOOKED_AT))
    for (const id of yard.siteUsers.get(site.key) ?? []) if (id !== room.blueprint) ids.add(id)
  return [...ids].sort().flatMap((id) => {
    const other = yard.rooms.get(id)
    return other?.policy.provides === room.policy.provides ? [other] : []
  })
}

function* first<T>(items: Iterable<T>, count: number): Iterable<T> {
  let left = count
  for (const item of items) {
    if (left-- <= 0) return
    yield item
  }
}

/** Whether a resource that was asked to make room is idle and its time has come. */
export function isDueAndIdle(yard: Yard, resource: string): boolean {
  const record = recordOf(yard, "resource", resource)
  return (
    record?.to === "active" && record.context.reclaim?.due === true && leasesOn(yard, resource).size === 0
  )
}

// Reclaim under pressure (reference, 2.2 step 8, 2.7): leases that nothing serves, in the order of their requests, each
// find one resource whose end would make room for them. What is ending already comes first, then what was asked
// before, then the idle resource that was used least recently. So one lease has one victim, a victim serves one lease,
// and a wish that was spoken is not spoken again.
//
// The victim is immune for a while after its last use, and others may use it meanwhile; then it gives nothing new. So
// those who keep it busy do not starve the one who waits.

import { LIMITS } from "../../machines/limits.js"
import { builds, countWith, freeSite, type Head, inOrder, pushNext, roomsFor } from "./entitlement.js"
import { wouldSuit } from "./room.js"
import { SortedList } from "./sorted-list.js"
import { type DemandClass, type Draft, leasesOn, type Pool, type Room, recordOf, type Yard } from "./yard.js"

/** Resources of one room, or of those that share its places, that are looked at for one lease. */
const LOOKED_AT = 64

/** Resources that are to make room, and for whom. */
export function reclaims(
  yard: Yard,
  pool: Pool,
  unserved: readonly Head[],
  left: Draft,
): ReadonlyMap<string, string> {
  const victims = new Map<string, string>()
  const coming = new Map<string, number>()
  const heads = new SortedList<Head>(inOrder)
  for (const head of unserved) if (!head.demand.building) heads.add(head)
  for (let looked = 0; looked < 4 * LIMITS.reclaimsPerPool; looked++) {
    const head = heads.first()
    if (head === undefined || victims.size >= LIMITS.reclaimsPerPool) break
    heads.delete(head)
    const found = roomFor(yard, pool.type, head.demand, { left, victims, coming })
    if (found === undefined) continue
    if (found.victim !== undefined) victims.set(found.victim, head.waiter.lease)
    pushNext(heads, head.demand, head.rest)
  }
  return victims
}

interface Given {
  readonly left: Draft
  readonly victims: ReadonlyMap<string, string>
  /** Resources that end anyway, by room: how many leases count on them already. */
  readonly coming: Map<string, number>
}

function roomFor(
  yard: Yard,
  type: string,
  demand: DemandClass,
  given: Given,
): { readonly victim: string | undefined } | undefined {
  const rooms = roomsFor(yard, type, demand).filter(builds)
  for (const room of rooms) {
    const counted = given.coming.get(room.blueprint) ?? 0
    if (helping(yard, room, room, room.ending, demand, given).length <= counted) continue
    given.coming.set(room.blueprint, counted + 1)
    return { victim: undefined }
  }
  for (const room of rooms) {
    for (const owner of [room, ...neighbours(yard, room)]) {
      const [promised] = helping(yard, room, owner, owner.promised, demand, given)
      if (promised !== undefined) return { victim: promised }
    }
  }
  for (const room of rooms) {
    for (const owner of [room, ...neighbours(yard, room)]) {
      const ids = [...first(owner.unused, LOOKED_AT)].map(({ id }) => id)
      const [victim] = helping(yard, room, owner, ids, demand, given)
      if (victim !== undefined) return { victim }
    }
  }
  return undefined
}

/** Resources among those of `owner` whose end would let `room` build for a demand. */
function helping(
  yard: Yard,
  room: Room,
  owner: Room,
  ids: Iterable<string>,
  { demand }: DemandClass,
  { left, victims }: Given,
): readonly string[] {
  const isFull = countWith(yard, room, left) >= room.limit
  const hasPlace = freeSite(room, demand, left) !== undefined
  return [...first(ids, LOOKED_AT)].filter((id) => {
    if (victims.has(id) || left.loads.has(id)) return false
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

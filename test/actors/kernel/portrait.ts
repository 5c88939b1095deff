import type { Yard } from "../../../src/actors/kernel/index.js"

/** Everything that a yard knows, in an order of its own: two yards that decide alike have equal portraits. */
export function portrait(yard: Yard): object {
  const sorted = <T>(entries: Iterable<[string, T]>) =>
    Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
  return {
    cursor: yard.cursor,
    lastAtMs: yard.lastAtMs,
    pendingLeases: yard.pendingLeases,
    actors: sorted([...yard.actors].map(([key, entry]) => [key, JSON.parse(JSON.stringify(entry))])),
    slots: sorted(yard.slots),
    lastUsed: sorted(yard.lastUsed),
    ended: [...yard.ended],
    holding: sorted([...yard.holding].map(([key, ids]) => [key, [...ids]])),
    leasesOn: sorted([...yard.leasesOn].map(([key, ids]) => [key, [...ids]])),
    resourcesOf: sorted([...yard.resourcesOf].map(([key, ids]) => [key, [...ids].sort()])),
    blueprintsFor: sorted([...yard.blueprintsFor].map(([key, ids]) => [key, [...ids]])),
    orders: sorted(yard.orders),
    unborn: sorted(yard.unborn),
    reserved: sorted(yard.reserved),
    orderedBy: sorted([...yard.orderedBy].map(([key, ids]) => [key, [...ids].sort()])),
    rooms: sorted(
      [...yard.rooms].map(([id, room]) => [
        id,
        {
          enabled: room.enabled,
          limit: room.limit,
          sites: room.survey.sites,
          closed: sorted(room.survey.closed),
          problems: room.survey.problems,
          pause: room.pause,
          hopeless: [...room.hopeless],
          activated: [...room.activated],
          watched: [...room.watched].sort(),
          numbers: room.numbers === undefined ? [] : firstOf(room.numbers, 8),
          shelves: sorted(
            [...room.shelves].map(([text, shelf]) => [
              text,
              {
                sites: [...shelf.sites],
                idle: [...shelf.idle],
                coming: [...shelf.coming],
                used: [...shelf.used],
                shared: [...shelf.shared],
              },
            ]),
          ),
          unused: [...room.unused],
          ending: [...room.ending],
          promised: [...room.promised],
          unheard: [...room.unheard].sort(),
          outdated: [...room.outdated],
          placed: sorted(room.placed),
        },
      ]),
    ),
    pools: sorted(
      [...yard.pools]
        .filter(([, pool]) => pool.waiters.size > 0)
        .map(([type, pool]) => [
          type,
          {
            waiters: sorted([...pool.waiters].map(([id, demand]) => [id, demand.key])),
            entitled: [...pool.entitled],
            reclaims: [...pool.reclaims],
            awaited: [...pool.awaited],
            unasked: [...pool.unasked],
            outlooks: sorted([...pool.classes].map(([key, { outlook }]) => [key, outlook])),
            told: sorted(
              [...pool.classes].map(([key, { told }]) => [
                key,
                sorted([...told].map(([code, ids]) => [code, [...ids]])),
              ]),
            ),
          },
        ]),
    ),
    watchers: sorted([...yard.watchers].map(([key, ids]) => [key, [...ids].sort()])),
    siteUsers: sorted([...yard.siteUsers].map(([key, ids]) => [key, [...ids].sort()])),
    duties: sorted([...yard.duties].map(([owner, duties]) => [owner, [...duties]])),
  }
}

function firstOf(numbers: Iterable<number>, count: number): number[] {
  const found: number[] = []
  for (const n of numbers) {
    if (found.length === count) break
    found.push(n)
  }
  return found
}

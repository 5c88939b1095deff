// "Why am I waiting, where am I, what would help?": the answer of the query `why`.

import { type Answer, consider, quarantined } from "./consider.js"
import { roomsFor } from "./entitlement.js"
import { askingOf, isBuilding, leasesAhead, lookAtPool } from "./waiting.js"
import { leasesOn, type Room, recordOf, type Yard } from "./yard.js"

const HOLDERS_NAMED = 16
const RESOURCES_LOOKED_AT = 10_000

export interface Holder {
  readonly lease: string
  readonly by: string
  readonly resource: string
  readonly until: string | null
}

export interface Explanation {
  readonly id: string
  readonly state: string
  /** One sentence. */
  readonly summary: string
  /** 1 = next; null when it does not wait. */
  readonly position: number | null
  readonly ahead: number
  readonly waiting: object | null
  readonly considered: readonly Answer[]
  /** Who holds what it could have, those that end soonest first. */
  readonly holders: readonly Holder[]
  /** What would unblock it, each a thing that somebody can do. */
  readonly unblock: readonly string[]
}

export function explain(yard: Yard, id: string): Explanation | undefined {
  const lease = recordOf(yard, "lease", id)
  if (lease === undefined) return undefined
  const { type, by, order, waiting, build, reason, resource, until } = lease.context
  const asking = askingOf(yard, lease.context)
  const ahead = lease.to === "pending" ? leasesAhead(lookAtPool(yard, type), order) : 0
  const considered = lease.to === "pending" ? consider(yard, type, by, asking) : []
  const base = { id, state: lease.to, ahead, waiting, considered }
  if (lease.to !== "pending") {
    const ended = reason === null ? "" : `: ${reason.message}`
    const held = resource === null ? "" : ` on resource ${resource}${until === null ? "" : ` until ${until}`}`
    const summary = `lease ${id} is ${lease.to}${reason === null ? held : ended}`
    return { ...base, position: null, summary, holders: [], unblock: [] }
  }
  const rooms = roomsFor(yard, type, asking)
  const holders = holdersOf(
    yard,
    rooms.filter((room) => room.enabled),
  )
  if (yard.pools.get(type)?.entitled.has(id) === true) {
    const summary = "it is its turn: the wake-up is on its way"
    return { ...base, position: ahead + 1, summary, holders: [], unblock: [] }
  }
  if (build !== null && isBuilding(yard, lease.context)) {
    const summary = `resource ${build.resource} is being built for it by blueprint ${build.blueprint}${howFar(yard, build.resource)}`
    return { ...base, position: ahead + 1, summary, holders, unblock: [] }
  }
  const pool = lookAtPool(yard, type)
  const victim = pool.awaited.get(id)
  if (victim !== undefined) {
    const resource = recordOf(yard, "resource", victim)
    const isEnding = resource?.to === "released" || resource?.to === "broken"
    const at = resource?.context.reclaim?.at
    const when = at === undefined ? "" : ` at ${at}, or when its lease ends`
    const summary = isEnding
      ? `resource ${victim} is being taken down: then there is room for it`
      : `resource ${victim} is to make room for it${when}`
    return {
      ...base,
      position: ahead + 1,
      summary,
      holders,
      unblock: isEnding ? [] : [`reclaim resource ${victim} now`],
    }
  }
  const summary =
    considered.length === 1
      ? `${considered[0]?.message}`
      : `none of ${considered.length} blueprints can serve it now: ${considered.map(({ message }) => message).join("; ")}`
  return {
    ...base,
    position: ahead + 1,
    summary,
    holders,
    unblock: unblock(yard, considered, holders, rooms),
  }
}

/** What its build came to so far, where that is not simply going on. */
function howFar(yard: Yard, resource: string): string {
  const context = recordOf(yard, "resource", resource)?.context
  const base = context?.base
  if (base != null && base.token === null)
    return `, as soon as lease ${base.lease} is active, on which it stands`
  const job = context?.job
  if (job == null) return ""
  const before = job.error === null ? "" : `: ${job.error}`
  if (job.state === "backing-off")
    return `: attempt ${job.attempt} failed${before}; the next one is at ${job.retryAt}`
  if (job.state === "ordered")
    return `; attempt ${job.attempt} waits for a worker of type ${job.type}${before}`
  return job.attempt === 1 ? "" : `; attempt ${job.attempt} is under way${before}`
}

function holdersOf(yard: Yard, rooms: readonly Room[]): readonly Holder[] {
  const holders: Holder[] = []
  let looked = 0
  for (const room of rooms) {
    for (const resource of yard.resourcesOf.get(room.blueprint) ?? []) {
      if (looked++ > RESOURCES_LOOKED_AT) break
      for (const id of leasesOn(yard, resource)) {
        const held = recordOf(yard, "lease", id)
        if (held === undefined) continue
        holders.push({ lease: id, by: held.context.by, resource, until: held.context.until })
        if (holders.length > 4 * HOLDERS_NAMED) trim(holders)
      }
    }
  }
  trim(holders)
  return holders
}

/** Keeps those that end soonest; those without an end come last. */
function trim(holders: Holder[]): void {
  const end = (holder: Holder) => holder.until ?? "9"
  holders.sort((a, b) => (end(a) < end(b) ? -1 : end(a) > end(b) ? 1 : a.lease < b.lease ? -1 : 1))
  holders.splice(HOLDERS_NAMED)
}

function unblock(
  yard: Yard,
  considered: readonly Answer[],
  holders: readonly Holder[],
  rooms: readonly Room[],
): readonly string[] {
  const cures: string[] = []
  const [soonest] = holders
  const isTaken = considered.some(({ code }) => code === "full" || code === "limit" || code === "ahead")
  if (soonest !== undefined && isTaken) {
    const when = soonest.until === null ? "no end set" : `ends by ${soonest.until}`
    cures.push(`release lease ${soonest.lease} of ${soonest.by} (${when})`)
  }
  for (const { blueprint, code } of considered) {
    const room = rooms.find((one) => one.blueprint === blueprint)
    if (code === "unauthorized" || code === "declined")
      cures.push(`authorize the principal on blueprint ${blueprint}`)
    if (room !== undefined && (code === "limit" || code === "full"))
      for (const id of quarantined(yard, room).slice(0, 3))
        cures.push(`retry or abandon resource ${id}, which is in quarantine`)
    if (code === "suspended") cures.push(`repair blueprint ${blueprint} and enable it`)
    if (code === "disabled") cures.push(`enable blueprint ${blueprint}`)
    if (code === "limit") cures.push(`raise the limit of blueprint ${blueprint}, now ${room?.limit}`)
    const spare = code === "full" && room !== undefined ? idleElsewhere(yard, room) : undefined
    if (spare !== undefined)
      cures.push(`reclaim resource ${spare.id} of blueprint ${spare.blueprint}: nobody uses it`)
    if (code === "full") cures.push(`bind another interface to a service of blueprint ${blueprint}`)
    if (code === "no-sites") cures.push(`give blueprint ${blueprint} a usable binding: ${firstProblem(room)}`)
    if (code === "unknown") cures.push(`create blueprint ${blueprint}`)
    if (code === "not-installed") cures.push(`run a host that has the type of blueprint ${blueprint}`)
  }
  return cures
}

/** A resource of another blueprint that keeps one of the room's places and has no lease. */
function idleElsewhere(
  yard: Yard,
  room: Room,
): { readonly id: string; readonly blueprint: string } | undefined {
  for (const { key } of room.survey.sites.slice(0, RESOURCES_LOOKED_AT)) {
    const holder = yard.slots.get(key)?.split("/")[1]
    const resource = holder === undefined ? undefined : recordOf(yard, "resource", holder)
    if (resource === undefined || resource.context.blueprint === room.blueprint) continue
    if (leasesOn(yard, resource.id).size === 0)
      return { id: resource.id, blueprint: resource.context.blueprint }
  }
  return undefined
}

function firstProblem(room: Room | undefined): string {
  const [closed] = [...(room?.survey.closed.values() ?? [])]
  return room?.survey.problems[0] ?? closed?.message ?? "its services have no bindings"
}

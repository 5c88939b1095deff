// What each blueprint has to give, kept up to date: free sites, idle and shared resources. Everything is derived from
// records; `refresh…` puts one object where it belongs now and takes it out of where it was.

import type { Almanac, AnyPolicy, BoundPolicy, Survey } from "../../blueprints/blueprint.js"
import { canonical } from "../../machines/json.js"
import type { ActorKey } from "../../machines/names.js"
import type { BlueprintRecord, ResourceRecord } from "../../machines/record.js"
import { byText, SortedList } from "./sorted-list.js"
import { type Loaded, leasesOn, type Placed, type Room, recordOf, type Yard } from "./yard.js"

/** The room of a blueprint, made anew: when it, its services or their devices change. */
export function resurvey(yard: Yard, blueprint: BlueprintRecord): void {
  forget(yard, blueprint.id)
  const policy = yard.policies.get(blueprint.context.type)
  if (policy === undefined) return
  const bound = bind(policy, blueprint)
  const watched = new Set<ActorKey>()
  const survey = bound === undefined ? UNFIT : surveyed(() => bound.survey(watching(yard, watched)))
  const room: Room = {
    blueprint: blueprint.id,
    policy,
    bound,
    enabled: blueprint.to === "enabled",
    limit: blueprint.context.limit ?? Number.POSITIVE_INFINITY,
    survey,
    siteRank: new Map(survey.sites.map((site, rank) => [site.key, rank])),
    freeSites: new SortedList((a, b) => a.rank - b.rank),
    idle: new SortedList(byText),
    shared: new SortedList<Loaded>((a, b) => a.load - b.load || byText(a.id, b.id)),
    outdated: new SortedList(byText),
    placed: new Map(),
  }
  yard.rooms.set(blueprint.id, room)
  for (const key of watched) addTo(yard.watchers, key, blueprint.id)
  for (const site of survey.sites) {
    addTo(yard.siteUsers, site.key, blueprint.id)
    if (!isTaken(yard, site.key)) setSite(room, site.key, true)
  }
  const providers = yard.blueprintsFor.get(policy.provides) ?? new SortedList<string>(byText)
  providers.add(blueprint.id)
  yard.blueprintsFor.set(policy.provides, providers)
  for (const id of yard.resourcesOf.get(blueprint.id) ?? []) refreshResource(yard, id)
}

function forget(yard: Yard, blueprint: string): void {
  const old = yard.rooms.get(blueprint)
  if (old === undefined) return
  yard.rooms.delete(blueprint)
  for (const site of old.survey.sites) removeFrom(yard.siteUsers, site.key, blueprint)
  for (const key of [...yard.watchers.keys()]) removeFrom(yard.watchers, key, blueprint)
}

const UNFIT: Survey = {
  sites: [],
  closed: new Map(),
  problems: ["its config does not fit the installed blueprint type: `configure` it"],
}

/** Undefined when the config does not fit, or the policy fails over it. */
function bind(policy: AnyPolicy, blueprint: BlueprintRecord): BoundPolicy | undefined {
  try {
    const parsed = policy.bind(blueprint.context.config)
    return "policy" in parsed ? parsed.policy : undefined
  } catch {
    // Said as "does not fit": such a blueprint serves nobody, and breaks nobody (K-09).
    return undefined
  }
}

/** A policy that throws serves nobody, and breaks nobody (K-09). */
function surveyed(survey: () => Survey): Survey {
  try {
    return survey()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { sites: [], closed: new Map(), problems: [`its policy failed: ${message.slice(0, 200)}`] }
  }
}

/** The Almanac, noting what is read: a later change of it, or its coming to be, is a reason to survey again. */
function watching(yard: Yard, watched: Set<ActorKey>): Almanac {
  return {
    service(id) {
      watched.add(`service/${id}`)
      const record = recordOf(yard, "service", id)
      return record?.to === "removed" ? undefined : record
    },
    device(id) {
      watched.add(`device/${id}`)
      const record = recordOf(yard, "device", id)
      return record?.to === "removed" ? undefined : record
    },
  }
}

/** Whether a site is held by a resource, or ordered for one that is not born yet. */
export function isTaken(yard: Yard, site: string): boolean {
  return yard.slots.has(site) || yard.reserved.has(site)
}

/** An order was given or taken back, or its resource was born: whether it still keeps its site for it. */
export function refreshOrder(yard: Yard, resource: string, pools: Set<string>): void {
  const build = yard.orders.get(resource)?.build
  const keeps = build !== undefined && !yard.actors.has(`resource/${resource}`)
  const kept = yard.unborn.get(resource)
  if (keeps && kept === undefined) {
    yard.unborn.set(resource, build)
    yard.reserved.set(build.site, resource)
    addTo(yard.orderedBy, build.blueprint, resource)
    refreshSite(yard, build.site, pools)
  } else if (!keeps && kept !== undefined) {
    yard.unborn.delete(resource)
    yard.reserved.delete(kept.site)
    removeFrom(yard.orderedBy, kept.blueprint, resource)
    refreshSite(yard, kept.site, pools)
  }
}

/** A site was taken or freed: for every blueprint that could build there, and so for its pool. */
export function refreshSite(yard: Yard, key: string, pools: Set<string>): void {
  const users = yard.siteUsers.get(key)
  if (users === undefined) return
  const free = !isTaken(yard, key)
  for (const blueprint of users) {
    const room = yard.rooms.get(blueprint)
    if (room === undefined) continue
    setSite(room, key, free)
    pools.add(room.policy.provides)
  }
}

function setSite(room: Room, key: string, free: boolean): void {
  const rank = room.siteRank.get(key)
  if (rank === undefined) return
  if (free) room.freeSites.add({ rank, key })
  else room.freeSites.delete({ rank, key })
}

/** A resource, its leases or its blueprint changed: put it where it belongs. */
export function refreshResource(yard: Yard, id: string): void {
  const record = recordOf(yard, "resource", id)
  if (record === undefined) return
  const room = yard.rooms.get(record.context.blueprint)
  if (room === undefined) return
  const was = room.placed.get(id)
  const is = placeOf(yard, room, record)
  if (same(was, is)) return
  if (was?.in === "idle") room.idle.delete(id)
  else if (was?.in === "shared") room.shared.delete({ load: was.load, id })
  else if (was?.in === "outdated") room.outdated.delete(id)
  if (is === undefined) room.placed.delete(id)
  else room.placed.set(id, is)
  if (is?.in === "idle") room.idle.add(id)
  else if (is?.in === "shared") room.shared.add({ load: is.load, id })
  else if (is?.in === "outdated") room.outdated.add(id)
}

function same(a: Placed | undefined, b: Placed | undefined): boolean {
  if (a?.in !== b?.in) return false
  return !(a?.in === "shared" && b?.in === "shared") || a.load === b.load
}

function placeOf(yard: Yard, room: Room, record: ResourceRecord): Placed | undefined {
  if (record.to !== "active" || !room.enabled || room.bound === undefined) return undefined
  const site = siteOf(room, record.context.site)
  if (site === undefined) return undefined
  const load = leasesOn(yard, record.id).size
  if (textOf(site.attributes) !== textOf(record.context.attributes))
    return load === 0 ? { in: "outdated" } : undefined
  if (load === 0) return { in: "idle" }
  return load < (room.bound.leasesPerResource ?? Number.POSITIVE_INFINITY)
    ? { in: "shared", load }
    : undefined
}

/** Canonical text of attributes, which never change once they are made. */
const texts = new WeakMap<object, string>()
function textOf(attributes: object): string {
  const known = texts.get(attributes)
  if (known !== undefined) return known
  const text = canonical(attributes)
  texts.set(attributes, text)
  return text
}

function siteOf(room: Room, key: string) {
  const rank = room.siteRank.get(key)
  return rank === undefined ? undefined : room.survey.sites[rank]
}

/** What is pinned in a resource and what its interface says now, where they differ. */
export function differences(
  yard: Yard,
  record: ResourceRecord,
): readonly { readonly field: string; readonly pinned: unknown; readonly now: unknown }[] {
  const room = yard.rooms.get(record.context.blueprint)
  const site = room === undefined ? undefined : siteOf(room, record.context.site)
  if (site === undefined || record.to === "destroyed") return []
  const pinned = new Map(Object.entries(record.context.attributes))
  const now = new Map(Object.entries(site.attributes))
  const fields = [...new Set([...pinned.keys(), ...now.keys()])].sort()
  return fields
    .filter((field) => canonical(pinned.get(field) ?? null) !== canonical(now.get(field) ?? null))
    .map((field) => ({ field, pinned: pinned.get(field) ?? null, now: now.get(field) ?? null }))
}

/** Resources of a blueprint that count against its limit: those that live, and those that are ordered. */
export function resourceCount(yard: Yard, blueprint: string): number {
  return (yard.resourcesOf.get(blueprint)?.size ?? 0) + (yard.orderedBy.get(blueprint)?.size ?? 0)
}

export function addTo<Key>(map: Map<Key, Set<string>>, key: Key, value: string): void {
  const set = map.get(key)
  if (set === undefined) map.set(key, new Set([value]))
  else set.add(value)
}

export function removeFrom<Key>(map: Map<Key, Set<string>>, key: Key, value: string): void {
  const set = map.get(key)
  if (set?.delete(value) && set.size === 0) map.delete(key)
}

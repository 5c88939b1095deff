// What each blueprint has to give, kept up to date: free sites, idle and shared resources. Everything is derived from
// records; `refresh…` puts one object where it belongs now and takes it out of where it was.

import type { Almanac, AnyPolicy, BoundPolicy, Survey } from "../../blueprints/blueprint.js"
import { canonical, type JsonObject } from "../../machines/json.js"
import type { ActorKey } from "../../machines/names.js"
import type { BlueprintRecord, ResourceRecord } from "../../machines/record.js"
import { type Demand, messageOf, suits } from "./demand.js"
import { isSound, soundSurvey } from "./guarded-policy.js"
import { Numbers, parseNumberedSite } from "./numbers.js"
import { byText, SortedList } from "./sorted-list.js"
import {
  type Loaded,
  leasesOn,
  type Placed,
  type Room,
  recordOf,
  type Shelf,
  type Unused,
  type Yard,
} from "./yard.js"

/** The room of a blueprint, made anew: when it, its services or their devices change. */
export function resurvey(yard: Yard, blueprint: BlueprintRecord): void {
  forget(yard, blueprint.id)
  const policy = yard.policies.get(blueprint.context.type)
  if (policy === undefined) return
  const bound = bind(policy, blueprint)
  const watched = new Set<ActorKey>()
  const survey = bound === undefined ? UNFIT : surveyed(bound, watching(yard, watched))
  const numbers = bound !== undefined && bound.survey === undefined ? new Numbers() : undefined
  const room: Room = {
    blueprint: blueprint.id,
    policy,
    bound,
    enabled: blueprint.to === "enabled",
    pause: pauseOf(blueprint),
    hopeless: hopelessOf(blueprint),
    limit: blueprint.context.limit ?? Number.POSITIVE_INFINITY,
    terms: blueprint.context.terms,
    survey,
    siteRank: new Map(survey.sites.map((site, rank) => [site.key, rank])),
    numbers,
    shelves: new Map(),
    suitable: new Map(),
    unable: new Map(),
    unused: new SortedList<Unused>((a, b) => a.sinceMs - b.sinceMs || byText(a.id, b.id)),
    outdated: new SortedList(byText),
    ending: new SortedList(byText),
    promised: new SortedList(byText),
    activated: new SortedList((a, b) => byText(b.at, a.at) || byText(a.id, b.id)),
    watched,
    unheard: new Set(),
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
  if (numbers === undefined) return
  for (const id of yard.resourcesOf.get(blueprint.id) ?? [])
    takeNumber(numbers, recordOf(yard, "resource", id))
  for (const id of yard.orderedBy.get(blueprint.id) ?? []) {
    const numbered = parseNumberedSite(yard.unborn.get(id)?.site ?? "")
    if (numbered !== undefined) numbers.take(numbered.n)
  }
}

function takeNumber(numbers: Numbers, resource: ResourceRecord | undefined): void {
  for (const key of resource?.context.slots ?? []) {
    const numbered = parseNumberedSite(key)
    if (numbered !== undefined && numbered.blueprint === resource?.context.blueprint) numbers.take(numbered.n)
  }
}

function pauseOf({ context }: BlueprintRecord): Room["pause"] {
  const { suspended, retryAt, failures } = context
  if (suspended !== null) return { code: "suspended", message: suspended.message }
  if (retryAt === null) return null
  const last = failures.at(-1)?.message ?? "a build failed"
  return { code: "pausing", message: `it builds again at ${retryAt}, because ${last}` }
}

function hopelessOf({ context }: BlueprintRecord): Room["hopeless"] {
  return new Map(context.hopeless.map(({ demand, message }) => [demand, message]))
}

/** Only its troubles changed: what it could build is the same. */
export function refreshTroubles(yard: Yard, blueprint: BlueprintRecord): void {
  const room = yard.rooms.get(blueprint.id)
  if (room === undefined) return
  room.pause = pauseOf(blueprint)
  room.hopeless = hopelessOf(blueprint)
}

function forget(yard: Yard, blueprint: string): void {
  const old = yard.rooms.get(blueprint)
  if (old === undefined) return
  yard.rooms.delete(blueprint)
  for (const site of old.survey.sites) removeFrom(yard.siteUsers, site.key, blueprint)
  for (const key of old.watched) removeFrom(yard.watchers, key, blueprint)
}

const NO_SITES: Survey = { sites: [], closed: new Map(), problems: [] }
const UNFIT: Survey = {
  sites: [],
  closed: new Map(),
  problems: ["its config does not fit the installed blueprint type: `configure` it"],
}

/** Undefined when the config does not fit, or the policy fails over it. */
function bind(policy: AnyPolicy, blueprint: BlueprintRecord): BoundPolicy | undefined {
  try {
    const parsed = policy.bind(blueprint.context.config)
    return "policy" in parsed && isSound(policy, parsed.policy) ? parsed.policy : undefined
  } catch {
    // Said as "does not fit": such a blueprint serves nobody, and breaks nobody (K-09).
    return undefined
  }
}

/** A policy that throws serves nobody, and breaks nobody (K-09). */
function surveyed(bound: BoundPolicy, almanac: Almanac): Survey {
  if (bound.survey === undefined) return NO_SITES
  try {
    return soundSurvey(bound.survey(almanac))
  } catch (error) {
    return { sites: [], closed: new Map(), problems: [`its policy failed: ${messageOf(error)}`] }
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
  const free = !isTaken(yard, key)
  const numbered = parseNumberedSite(key)
  const numbering = numbered === undefined ? undefined : yard.rooms.get(numbered.blueprint)
  if (numbered !== undefined && numbering?.numbers !== undefined) {
    if (free) numbering.numbers.free(numbered.n)
    else numbering.numbers.take(numbered.n)
    pools.add(numbering.policy.provides)
  }
  for (const blueprint of yard.siteUsers.get(key) ?? []) {
    const room = yard.rooms.get(blueprint)
    if (room === undefined) continue
    setSite(room, key, free)
    pools.add(room.policy.provides)
  }
}

function setSite(room: Room, key: string, free: boolean): void {
  const rank = room.siteRank.get(key)
  const site = rank === undefined ? undefined : room.survey.sites[rank]
  if (rank === undefined || site === undefined) return
  const shelf = shelfOf(room, site.attributes)
  if (free) shelf.sites.add({ rank, key })
  else shelf.sites.delete({ rank, key })
  tidy(room, shelf)
}

/** The shelf for things with these attributes, made if there is none. */
function shelfOf(room: Room, attributes: JsonObject): Shelf {
  const { shape, text } = shapeOf(room.policy, attributes)
  const there = room.shelves.get(text)
  if (there !== undefined) return there
  const shelf: Shelf = {
    text,
    shape,
    sites: new SortedList((a, b) => a.rank - b.rank),
    idle: new SortedList(byText),
    coming: new SortedList(byText),
    used: new SortedList(byText),
    shared: new SortedList<Loaded>((a, b) => a.load - b.load || byText(a.id, b.id)),
  }
  room.shelves.set(text, shelf)
  for (const { demand, shelves } of room.suitable.values()) {
    if (!isFitting(room, shelf, demand)) continue
    shelves.push(shelf)
    shelves.sort((a, b) => byText(a.text, b.text))
  }
  return shelf
}

function tidy(room: Room, shelf: Shelf): void {
  if (shelf.sites.size + shelf.idle.size + shelf.coming.size + shelf.used.size > 0) return
  room.shelves.delete(shelf.text)
  for (const { shelves } of room.suitable.values()) {
    const at = shelves.indexOf(shelf)
    if (at >= 0) shelves.splice(at, 1)
  }
}

const shapes = new WeakMap<AnyPolicy, WeakMap<JsonObject, { shape: JsonObject; text: string }>>()
const NO_SHAPE: JsonObject = {}

/** What of attributes decides whom they suit. A policy that fails over them makes them nobody's in particular. */
function shapeOf(policy: AnyPolicy, attributes: JsonObject): { shape: JsonObject; text: string } {
  if (policy.demand === undefined) return { shape: NO_SHAPE, text: "" }
  const known = shapes.get(policy) ?? new WeakMap()
  shapes.set(policy, known)
  const before = known.get(attributes)
  if (before !== undefined) return before
  let shape = NO_SHAPE
  let text = "!"
  try {
    shape = policy.shape(attributes)
    text = canonical(shape)
  } catch {
    // Such a thing suits no demand: `!` stands on a shelf of its own.
  }
  const made = { shape, text }
  known.set(attributes, made)
  return made
}

/** Shelves with something that suits a demand. */
export function shelvesFor(room: Room, demand: Demand): readonly Shelf[] {
  const known = room.suitable.get(demand.text)
  if (known !== undefined) return known.shelves
  const shelves = [...room.shelves.values()]
    .filter((shelf) => isFitting(room, shelf, demand))
    .sort((a, b) => byText(a.text, b.text))
  if (room.suitable.size > SUITABLE_REMEMBERED) room.suitable.clear()
  room.suitable.set(demand.text, { demand, shelves })
  return shelves
}

function isFitting(room: Room, shelf: Shelf, demand: Demand): boolean {
  return shelf.text !== "!" && suits(room.policy, shelf.shape, demand)
}
const SUITABLE_REMEMBERED = 1_024

/** Whether a resource or a site with these attributes would suit a demand. */
export function wouldSuit(room: Room, attributes: JsonObject, demand: Demand): boolean {
  const { shape, text } = shapeOf(room.policy, attributes)
  return text !== "!" && suits(room.policy, shape, demand)
}

/** A resource, its leases or its blueprint changed: put it where it belongs. */
export function refreshResource(yard: Yard, id: string): void {
  const record = recordOf(yard, "resource", id)
  if (record === undefined) return
  const room = yard.rooms.get(record.context.blueprint)
  if (room === undefined) return
  if (record.context.reclaim !== null && (record.to === "pending" || record.to === "active"))
    room.promised.add(id)
  else room.promised.delete(id)
  const { activatedAt } = record.context
  if (activatedAt !== null && record.to === "active") room.activated.add({ at: activatedAt, id })
  else if (activatedAt !== null) room.activated.delete({ at: activatedAt, id })
  if (isUnheard(yard, record)) room.unheard.add(id)
  else room.unheard.delete(id)
  const was = room.placed.get(id)
  const is = placeOf(yard, room, record)
  if (same(was, is)) return
  if (was !== undefined) unplace(room, was, id)
  if (is === undefined) room.placed.delete(id)
  else place(room, is, id, record.context.attributes)
}

function place(room: Room, is: Placed, id: string, attributes: JsonObject): void {
  room.placed.set(id, is)
  if (is.in === "idle") {
    shelfOf(room, attributes).idle.add(id)
    room.unused.add({ sinceMs: is.sinceMs, id })
  } else if (is.in === "coming") shelfOf(room, attributes).coming.add(id)
  else if (is.in === "spare") room.unused.add({ sinceMs: is.sinceMs, id })
  else if (is.in === "use") {
    const shelf = shelfOf(room, attributes)
    shelf.used.add(id)
    if (!is.isFull) shelf.shared.add({ load: is.load, id })
  } else if (is.in === "outdated") room.outdated.add(id)
  else room.ending.add(id)
}

function unplace(room: Room, was: Placed, id: string): void {
  if (was.in === "outdated") room.outdated.delete(id)
  else if (was.in === "ending") room.ending.delete(id)
  else if (was.in === "spare") room.unused.delete({ sinceMs: was.sinceMs, id })
  else {
    const shelf = room.shelves.get(was.shelf)
    if (was.in === "coming") shelf?.coming.delete(id)
    else if (was.in === "idle") {
      shelf?.idle.delete(id)
      room.unused.delete({ sinceMs: was.sinceMs, id })
    } else {
      shelf?.used.delete(id)
      shelf?.shared.delete({ load: was.load, id })
    }
    if (shelf !== undefined) tidy(room, shelf)
  }
}

function same(a: Placed | undefined, b: Placed | undefined): boolean {
  if (a?.in !== b?.in) return false
  if (a?.in === "use" && b?.in === "use")
    return a.load === b.load && a.shelf === b.shelf && a.isFull === b.isFull
  if (a?.in === "coming" && b?.in === "coming") return a.shelf === b.shelf
  if (a?.in === "spare" && b?.in === "spare") return a.sinceMs === b.sinceMs
  if (a?.in === "idle" && b?.in === "idle") return a.sinceMs === b.sinceMs && a.shelf === b.shelf
  return true
}

function placeOf(yard: Yard, room: Room, record: ResourceRecord): Placed | undefined {
  const { context } = record
  if (record.to === "released" || record.to === "broken")
    return context.quarantine === null ? { in: "ending" } : undefined
  if (record.to === "pending" && !yard.orders.has(record.id) && room.enabled && !context.draining)
    return { in: "coming", shelf: shapeOf(room.policy, context.attributes).text }
  if (record.to !== "active") return undefined
  if (context.quarantine !== null || context.draining || context.reclaim?.due === true) return undefined
  const load = leasesOn(yard, record.id).size
  if (!room.enabled || room.bound === undefined)
    return load === 0 ? { in: "spare", sinceMs: idleSince(yard, record) } : undefined
  if (room.numbers === undefined) {
    const site = siteOf(room, context.site)
    if (site === undefined) return undefined
    if (textOf(site.attributes) !== textOf(context.attributes))
      return load === 0 ? { in: "outdated" } : undefined
  }
  const shelf = shapeOf(room.policy, context.attributes).text
  if (load === 0) return { in: "idle", shelf, sinceMs: idleSince(yard, record) }
  const isFull = load >= (room.bound.leasesPerResource ?? Number.POSITIVE_INFINITY)
  return { in: "use", shelf, load, isFull }
}

/** When it was of use last: the end of its last lease, or when it became active. */
function idleSince(yard: Yard, { id, context }: ResourceRecord): number {
  return yard.lastUsed.get(id)?.ms ?? Date.parse(context.activatedAt ?? context.allocatedAt)
}

/** Whether its build failed and its blueprint does not know. */
export function isUnheard(yard: Yard, record: ResourceRecord): boolean {
  const { brokenAt, reason, blueprint } = record.context
  if (brokenAt === null || reason?.code !== "failed" || record.to === "destroyed") return false
  const context = recordOf(yard, "blueprint", blueprint)?.context
  if (context === undefined || context.suspended !== null) return false
  return (
    brokenAt > (context.recoveredAt ?? "") && !context.failures.some(({ resource }) => resource === record.id)
  )
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
  const site =
    room === undefined || room.numbers !== undefined ? undefined : siteOf(room, record.context.site)
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

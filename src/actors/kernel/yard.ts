// The yard in memory. Everything here is a function of the last record of every actor that is not forgotten
// (rule 7): what `evolve` builds up record by record is what `restore` builds from the journal at once.

import type { AnyPolicy, BoundPolicy, Survey } from "../../blueprints/blueprint.js"
import type { BlueprintTerms } from "../../machines/blueprint-terms.js"
import type { JsonObject } from "../../machines/json.js"
import type { Build } from "../../machines/lease-context.js"
import type { ActorKey, Kind } from "../../machines/names.js"
import type { RecordOf, Send, YardRecord } from "../../machines/record.js"
import type { Demand } from "./demand.js"
import type { Numbers } from "./numbers.js"
import { byText, SortedList } from "./sorted-list.js"

export interface Yard {
  readonly name: string
  readonly policies: ReadonlyMap<string, AnyPolicy>
  /** Policies to which attributes of a request matter, by the resource type that they provide. */
  readonly choosy: ReadonlyMap<string, readonly AnyPolicy[]>
  /** Structural hash of every statechart, for the records. */
  readonly hashes: { readonly [K in Kind]: string }
  /** At least this generation of tokens, whatever the yard's record says: what the host knows from elsewhere. */
  readonly generation: number
  /** Sequence of the last command that has a record. */
  cursor: number
  /** Sequence of the last message in the journal; the next record gets this + 1. */
  journal: number
  /** `at` of the last record, milliseconds. */
  lastAtMs: number
  readonly actors: Map<ActorKey, Entry>
  /** Slot locks: key → holder (rule 5). */
  readonly slots: Map<string, ActorKey>
  /** Leases that are not over, by the resource that they are on. */
  readonly leasesOn: Map<string, SortedList<string>>
  /** Of these, the leases that would have to be told if it ended: acquired and active ones. */
  readonly holding: Map<string, SortedList<string>>
  /** Waiting leases that could not be activated on a resource, by that resource. */
  readonly failedOn: Map<string, Set<string>>
  /** The last lease that ended on a resource. While the resource lives, it is not forgotten. */
  readonly lastUsed: Map<string, Ended>
  /** What may be forgotten as soon as it is old enough, in the order of its end (forgetting.ts). */
  readonly ended: SortedList<Ended>
  /** Resources that are not destroyed, by blueprint. */
  readonly resourcesOf: Map<string, Set<string>>
  /** Blueprints by the resource type that they provide, in order of id. */
  readonly blueprintsFor: Map<string, SortedList<string>>
  /** What pending leases have ordered, by the id of the resource. */
  readonly orders: Map<string, { readonly lease: string; readonly build: Build }>
  /** Those of `orders` whose resource is not born yet, with the sites that they keep and their blueprints. */
  readonly unborn: Map<string, Build>
  readonly reserved: Map<string, string>
  readonly orderedBy: Map<string, Set<string>>
  /** What each blueprint has to give. */
  readonly rooms: Map<string, Room>
  /** Who waits, by resource type. */
  readonly pools: Map<string, Pool>
  /** Blueprints to survey again when an object of the Almanac changes. */
  readonly watchers: Map<ActorKey, Set<string>>
  /** Rooms by the sites that they share. */
  readonly siteUsers: Map<string, Set<string>>
  /** Follow-ups that are due by the state as it is, by the object they follow from (duties.ts). */
  readonly duties: Map<string, Map<string, Send>>
  pendingLeases: number
}

export interface Entry {
  readonly record: YardRecord
  /** Its sequence in the journal. */
  readonly seq: number
}

/** The end of an actor that is not forgotten. */
export interface Ended {
  readonly ms: number
  /** Of its last record. */
  readonly seq: number
  readonly key: ActorKey
}

/** The room of one blueprint. */
export interface Room {
  readonly blueprint: string
  readonly policy: AnyPolicy
  /** Undefined when the config does not fit the installed policy. */
  readonly bound: BoundPolicy | undefined
  readonly enabled: boolean
  /** Demands that it builds nothing for any more, with the reason. */
  hopeless: ReadonlyMap<string, string>
  /** Why it builds nothing although it is enabled; null when it builds. */
  pause: { readonly code: "pausing" | "suspended"; readonly message: string } | null
  readonly limit: number
  readonly terms: BlueprintTerms
  readonly survey: Survey
  readonly siteRank: ReadonlyMap<string, number>
  /** Where places are numbered and not surveyed. */
  readonly numbers: Numbers | undefined
  /** What is free, by shape. */
  readonly shelves: Map<string, Shelf>
  /** Shelves that suit a demand, by its text, in order of theirs. */
  readonly suitable: Map<string, { readonly demand: Demand; readonly shelves: Shelf[] }>
  /** Why it cannot serve a demand, by its text. */
  readonly unable: Map<string, string | undefined>
  /** Open resources without a lease, the one that was used least recently first. */
  readonly unused: SortedList<Unused>
  /** Idle resources whose interface has changed since they were allocated. */
  readonly outdated: SortedList<string>
  /** Resources that are being taken down: their room comes free by itself. */
  readonly ending: SortedList<string>
  /** Resources that were asked to make room for a lease. */
  readonly promised: SortedList<string>
  /** Resources that are active, the newest first. */
  readonly activated: SortedList<{ readonly at: string; readonly id: string }>
  /** What its survey has read of the Almanac. */
  readonly watched: ReadonlySet<ActorKey>
  /** Builds that failed and that the blueprint has not heard of: until then it builds nothing (K-10). */
  readonly unheard: Set<string>
  /** Where each resource stands: what to take it out of again. */
  readonly placed: Map<string, Placed>
}

/** Everything of one shape that a room could give at once. */
export interface Shelf {
  readonly text: string
  readonly shape: JsonObject
  /** Usable sites that nobody holds or has ordered, by preference. */
  readonly sites: SortedList<{ readonly rank: number; readonly key: string }>
  /** Open resources without a lease. */
  readonly idle: SortedList<string>
  /** Resources that are being built, and whose lease was served elsewhere meanwhile: for whoever would build one. */
  readonly coming: SortedList<string>
  /** Open resources with leases. */
  readonly used: SortedList<string>
  /** Those of them with room for more, the least loaded first. */
  readonly shared: SortedList<Loaded>
}

export interface Unused {
  readonly sinceMs: number
  readonly id: string
}

export interface Loaded {
  readonly load: number
  readonly id: string
}

export type Placed =
  | { readonly in: "idle"; readonly shelf: string; readonly sinceMs: number }
  | { readonly in: "use"; readonly shelf: string; readonly load: number; readonly isFull: boolean }
  | { readonly in: "coming"; readonly shelf: string }
  | { readonly in: "outdated" }
  /** Of a disabled blueprint: nobody's, but it may make room. */
  | { readonly in: "spare"; readonly sinceMs: number }
  | { readonly in: "ending" }

/** Leases that wait for one resource type. */
export interface Pool {
  readonly type: string
  readonly classes: Map<string, DemandClass>
  /** The class of each waiting lease. */
  readonly waiters: Map<string, DemandClass>
  /** Who is entitled, to what, in order (rule 3). */
  entitled: ReadonlyMap<string, Place>
  /** The room that the entitled would leave: what a newcomer could have. */
  left: Draft
  /** Resources that are to make room, each for a lease that nothing else serves. */
  reclaims: ReadonlyMap<string, string>
  /** What waiting leases wait for: those that are to make room, and those that are ending already. */
  awaited: ReadonlyMap<string, string>
  /** Waiting leases whose principal a closed blueprint has not heard of. */
  readonly unasked: SortedList<string>
}

/** Leases with one and the same demand, in the order of their requests. */
export interface DemandClass {
  readonly key: string
  /** Blueprints in order of preference; null = every one of the type. */
  readonly blueprints: readonly string[] | null
  readonly demand: Demand
  /** Blueprints that are closed to who asks. */
  readonly refused: readonly string[]
  /** Resources on which its lease failed: taken only if there is nothing else. */
  readonly avoid: readonly string[]
  /** Leases by what their last record says, where that may be over some time: `reclaiming`, `unauthorized`, … */
  readonly told: Map<string, SortedList<string>>
  /** What `waiting` says while nothing more particular does, and whether nothing will ever serve it. */
  outlook: { readonly code: string; readonly isHopeless: boolean }
  /** Each waits for a resource of its own that is being built: only an idle resource helps it. */
  readonly building: boolean
  readonly queue: SortedList<Waiter>
}

export interface Waiter {
  readonly order: number
  readonly lease: string
}

export type Place =
  | { readonly kind: "grant"; readonly blueprint: string; readonly resource: string }
  | {
      readonly kind: "build"
      readonly blueprint: string
      readonly site: string
      /** It is being built already, for nobody in particular any more. */
      readonly coming: string | null
    }

/** What a first-fit pass has given away so far, on top of what is really taken. */
export interface Draft {
  readonly given: number
  /** Extra leases by resource. */
  readonly loads: ReadonlyMap<string, number>
  readonly sites: ReadonlySet<string>
  /** Extra resources by blueprint. */
  readonly builds: ReadonlyMap<string, number>
}

export interface YardOptions {
  readonly name: string
  readonly policies: readonly AnyPolicy[]
  readonly hashes: { readonly [K in Kind]: string }
  /** Default 1. */
  readonly generation?: number | undefined
}

export function createYard(options: YardOptions): Yard {
  const choosy = new Map<string, AnyPolicy[]>()
  for (const policy of options.policies)
    if (policy.demand !== undefined)
      choosy.set(policy.provides, [...(choosy.get(policy.provides) ?? []), policy])
  return {
    name: options.name,
    choosy,
    policies: new Map(options.policies.map((policy) => [policy.type, policy])),
    hashes: options.hashes,
    generation: options.generation ?? 1,
    cursor: 0,
    journal: 0,
    lastAtMs: 0,
    actors: new Map(),
    slots: new Map(),
    leasesOn: new Map(),
    holding: new Map(),
    failedOn: new Map(),
    lastUsed: new Map(),
    ended: new SortedList<Ended>((a, b) => a.ms - b.ms || a.seq - b.seq),
    resourcesOf: new Map(),
    blueprintsFor: new Map(),
    orders: new Map(),
    unborn: new Map(),
    reserved: new Map(),
    orderedBy: new Map(),
    rooms: new Map(),
    pools: new Map(),
    watchers: new Map(),
    siteUsers: new Map(),
    duties: new Map(),
    pendingLeases: 0,
  }
}

/** The last record of an actor, of the kind that is asked for. */
export function recordOf<K extends YardRecord["kind"]>(
  yard: Yard,
  kind: K,
  id: string,
): RecordOf<K> | undefined {
  const record = yard.actors.get(`${kind}/${id}`)?.record
  // Sound: an entry's key is made of its record's own kind.
  return record?.kind === kind ? (record as RecordOf<K>) : undefined
}

const NO_LEASES = new SortedList<string>(byText)

/** Ids of the leases on a resource that are not over. */
export function leasesOn(yard: Yard, resource: string): SortedList<string> {
  return yard.leasesOn.get(resource) ?? NO_LEASES
}

/** The generation of tokens: the greater of the yard's own record and of what its host knows. */
export function generationOf(yard: Yard): number {
  return Math.max(yard.generation, recordOf(yard, "yard", yard.name)?.context.generation ?? 1)
}

const TOKENS_PER_GENERATION = 2 ** 40

/** The fencing token of the record that is decided now (rule 6). Arithmetic: bit operators would cut it off. */
export function nextToken(yard: Yard): number {
  return generationOf(yard) * TOKENS_PER_GENERATION + yard.journal + 1
}

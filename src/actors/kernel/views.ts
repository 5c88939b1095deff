// Reads over the yard for queries: lists in pages, slots by prefix. Pages go by id, so that they stay whole while the
// yard changes under them.

import { LIMITS } from "../../machines/limits.js"
import type { Kind } from "../../machines/names.js"
import type { YardRecord } from "../../machines/record.js"
import { recordOf, type Yard } from "./yard.js"

export interface ListFilter {
  readonly kind: Kind
  readonly state?: string | undefined
  readonly type?: string | undefined
  readonly blueprint?: string | undefined
  readonly resource?: string | undefined
  readonly limit?: number | undefined
  /** The `next` of the page before. */
  readonly after?: string | undefined
}

export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: string | null
}

/** Records of one kind in order of id. */
export function list(yard: Yard, filter: ListFilter): Page<YardRecord> {
  const limit = Math.min(filter.limit ?? 100, LIMITS.queryRows)
  const prefix = `${filter.kind}/`
  const ids: string[] = []
  for (const [key, { record }] of yard.actors)
    if (
      key.startsWith(prefix) &&
      (filter.after === undefined || record.id > filter.after) &&
      matches(yard, record, filter)
    )
      ids.push(record.id)
  ids.sort()
  const page = ids.slice(0, limit)
  const items = page.flatMap((id) => yard.actors.get(`${filter.kind}/${id}`)?.record ?? [])
  return { items, next: ids.length > limit ? (page.at(-1) ?? null) : null }
}

function matches(yard: Yard, record: YardRecord, filter: ListFilter): boolean {
  if (filter.state !== undefined && record.to !== filter.state) return false
  if (filter.type !== undefined && !("type" in record.context && record.context.type === filter.type))
    return false
  if (filter.blueprint !== undefined && !isOfBlueprint(yard, record, filter.blueprint)) return false
  if (filter.resource !== undefined)
    return record.kind === "lease" && record.context.resource === filter.resource
  return true
}

/** A resource that it built; a lease on such a resource, or one that names it. */
function isOfBlueprint(yard: Yard, record: YardRecord, blueprint: string): boolean {
  if (record.kind === "resource") return record.context.blueprint === blueprint
  if (record.kind !== "lease") return false
  const { blueprints, resource } = record.context
  if (blueprints?.includes(blueprint) === true) return true
  return resource !== null && recordOf(yard, "resource", resource)?.context.blueprint === blueprint
}

export interface SlotRow {
  readonly key: string
  readonly holder: string
}

/** Slot locks and their holders in order of key, all that begin with a prefix, at most 1,000 in one page. */
export function slots(yard: Yard, prefix = "", after?: string): Page<SlotRow> {
  const found: SlotRow[] = []
  for (const [key, holder] of yard.slots)
    if (key.startsWith(prefix) && (after === undefined || key > after)) found.push({ key, holder })
  found.sort((a, b) => (a.key < b.key ? -1 : 1))
  const items = found.slice(0, LIMITS.queryRows)
  return { items, next: items.length < found.length ? (items.at(-1)?.key ?? null) : null }
}

/** How many of each kind are in each state. */
export function counts(yard: Yard): { readonly [kind: string]: { readonly [state: string]: number } } {
  const counted: { [kind: string]: { [state: string]: number } } = {}
  for (const { record } of yard.actors.values()) {
    counted[record.kind] ??= {}
    const states = counted[record.kind]
    if (states !== undefined) states[record.to] = (states[record.to] ?? 0) + 1
  }
  return counted
}

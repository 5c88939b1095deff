// Rule 7: forgetting is a decision. What has ended and is needed by nothing stands in `yard.ended`, in the order of
// its end. A sweep is a record of the yard's own actor that lists the first of them; by that record, and not a moment
// sooner, they are gone from the yard, and everything that lies on their subjects before it counts no more. The purge of
// these messages is an effect, which may come late: recovery leaves out what a sweep lists (`forgottenUpTo`).
//
// Nothing else is decided otherwise because something was forgotten. So what a decision may still look at is kept:
//   the last lease on a resource that lives     when it was used last: immunity, idleness, whom to reclaim
//   a resource that a waiting lease has ordered  else its order would look as if it had not been carried out
//   a lease on which a resource stands          that has yet to hear that it is over
// What is removed from the Almanac is looked at by nobody: to a blueprint it is as if it had never been.

import { durationMs } from "../../machines/duration.js"
import { LIMITS } from "../../machines/limits.js"
import { type ActorKey, actorKey } from "../../machines/names.js"
import { keyOf, type LeaseRecord, type YardRecord } from "../../machines/record.js"
import { type Forgotten, type OwnHistory, type Sweep, sweepEveryMs } from "../../machines/yard.js"
import { type Ended, type Entry, recordOf, type Yard } from "./yard.js"

/** What a sweep at `nowMs` forgets, and when the next one is worth its while. */
export function sweepOf(yard: Yard, nowMs: number): Sweep {
  const retentionMs = durationMs(retentionOf(yard))
  const forgets: Forgotten[] = []
  let nextMs = nowMs + Math.max(retentionMs, sweepEveryMs(retentionMs))
  for (const { ms, key } of yard.ended) {
    if (ms + retentionMs > nowMs) {
      nextMs = Math.max(ms + retentionMs, nowMs + sweepEveryMs(retentionMs))
      break
    }
    if (forgets.length === LIMITS.forgottenPerSweep) {
      nextMs = nowMs
      break
    }
    const entry = yard.actors.get(key)
    if (entry !== undefined) forgets.push({ kind: entry.record.kind, id: entry.record.id, seq: entry.seq })
  }
  return { forgets, history: historyAfter(yard, retentionMs, nowMs), nextMs }
}

/** How many a sweep at `nowMs` could forget if this were the retention. */
export function countForgettable(yard: Yard, retentionMs: number, nowMs: number): number {
  return yard.ended.rank({ ms: nowMs - retentionMs, seq: Number.POSITIVE_INFINITY, key: "yard/" })
}

/** How long the yard remembers what has ended: a duration. */
export function retentionOf(yard: Yard): string {
  return recordOf(yard, "yard", yard.name)?.context.retention ?? "7d"
}

/** The yard's own records go page by page: a sweep turns one over when the last of it is old enough. */
function historyAfter(yard: Yard, retentionMs: number, nowMs: number): OwnHistory {
  const entry = yard.actors.get(actorKey("yard", yard.name))
  if (entry?.record.kind !== "yard") return { forgotten: 0, next: null }
  const { history } = entry.record.context
  const page = { seq: entry.seq, at: entry.record.at }
  if (history.next === null) return { ...history, next: page }
  if (Date.parse(history.next.at) + retentionMs > nowMs) return history
  return { forgotten: history.next.seq, next: page }
}

/** What a record forgets: of each actor everything up to and with a sequence. */
export function forgettingOf(
  record: YardRecord,
  seq: number,
): readonly { readonly kind: Forgotten["kind"]; readonly id: string; readonly upTo: number }[] {
  if (record.kind !== "yard" || record.event.type !== "expire") return []
  const { forgets, history } = record.context
  // Up to the sweep and not only up to the last record: what lies between them counted for nothing.
  const objects = forgets.map(({ kind, id }) => ({ kind, id, upTo: seq - 1 }))
  // Last: while the purge of an earlier sweep may be outstanding, its record must stay.
  if (history.forgotten === 0) return objects
  return [...objects, { kind: record.kind, id: record.id, upTo: history.forgotten }]
}

/** By actor, the sequence up to which nothing counts any more, as these records say. */
export function forgottenUpTo(
  records: Iterable<{ readonly record: YardRecord; readonly seq: number }>,
): ReadonlyMap<ActorKey, number> {
  const gone = new Map<ActorKey, number>()
  for (const { record, seq } of records)
    for (const { kind, id, upTo } of forgettingOf(record, seq)) {
      const key = actorKey(kind, id)
      gone.set(key, Math.max(gone.get(key) ?? 0, upTo))
    }
  return gone
}

/** Drops what a record forgets. */
export function forget(yard: Yard, record: YardRecord, seq: number): void {
  for (const { kind, id, upTo } of forgettingOf(record, seq)) {
    const key = actorKey(kind, id)
    const entry = yard.actors.get(key)
    if (entry === undefined || entry.seq > upTo) continue
    yard.actors.delete(key)
    yard.ended.delete(endOf(entry))
    const { record: last } = entry
    if (last.kind !== "lease" || last.context.resource === null) continue
    if (yard.lastUsed.get(last.context.resource)?.key === key) yard.lastUsed.delete(last.context.resource)
  }
}

/** When and where the life of an actor ended, or would have, by its last record. */
export function endOf({ record, seq }: Entry): Ended {
  return { ms: Date.parse(record.at), seq, key: keyOf(record) }
}

/** The order in which things ended. */
function inOrderOfEnd(a: Ended, b: Ended): number {
  return a.ms - b.ms || a.seq - b.seq
}

/** A lease is over: if it was the last on its resource, the one before it is needed no more. */
export function noteLastUse(yard: Yard, lease: LeaseRecord, ended: Set<ActorKey>): void {
  const entry = yard.actors.get(keyOf(lease))
  const { resource } = lease.context
  if (entry === undefined || resource === null) return
  const end = endOf(entry)
  const last = yard.lastUsed.get(resource)
  if (last !== undefined && inOrderOfEnd(last, end) > 0) return
  yard.lastUsed.set(resource, end)
  if (last !== undefined) ended.add(last.key)
}

/** Whether nothing more becomes of it, unless it is put again. */
export function hasEnded({ to }: YardRecord): boolean {
  return to === "destroyed" || to === "removed"
}

/** What has ended, or what needed it, has changed: whether it may be forgotten. */
export function refreshEnded(yard: Yard, key: ActorKey): void {
  const entry = yard.actors.get(key)
  if (entry === undefined || !hasEnded(entry.record)) return
  if (isNeeded(yard, key, entry.record)) yard.ended.delete(endOf(entry))
  else yard.ended.add(endOf(entry))
}

function isNeeded(yard: Yard, key: ActorKey, record: YardRecord): boolean {
  if (record.kind === "resource") return yard.orders.has(record.id)
  if (record.kind !== "lease") return false
  const { resource, carries } = record.context
  if (carries !== null && lives(yard, carries)) return true
  return resource !== null && yard.lastUsed.get(resource)?.key === key && lives(yard, resource)
}

function lives(yard: Yard, resource: string): boolean {
  const record = recordOf(yard, "resource", resource)
  return record !== undefined && record.to !== "destroyed"
}

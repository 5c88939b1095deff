// The entries of a record, and every type that there is. docs/log.md is held to this list by a test.

import type { YardRecord } from "../../machines/record.js"
import { blueprintSaid } from "./blueprint-said.js"
import { type LogEntry, type Said, said } from "./entry.js"
import { leaseSaid } from "./lease-said.js"
import { resourceSaid } from "./resource-said.js"
import { yardSaid } from "./yard-said.js"

const WORK = [
  "job-ordered",
  "job-started",
  "job-heartbeat",
  "job-output",
  "job-cancelled",
  "job-ended",
  "activation-yield",
  "clean-up-failure",
  "quarantined",
  "retried",
  "abandoned",
  "annotated",
] as const

/** Every type of entry. */
export const LOG_TYPES: readonly string[] = [
  "lease.queued",
  "lease.acquired",
  "lease.activated",
  "lease.activation-failure",
  "lease.allocation-failure",
  "lease.no-blueprints",
  "lease.no-authorizations",
  "lease.waiting-for-resources",
  "lease.waiting-for-activation",
  "lease.waiting-for-reclamation",
  "lease.reacquire",
  "lease.again",
  "lease.renewed",
  "lease.warning",
  "lease.released",
  "lease.destroyed",
  ...WORK.map((name) => `lease.${name}`),
  "resource.allocated",
  "resource.activated",
  "resource.activation-failure",
  "resource.allocation-failure",
  "resource.slot-lock.failure",
  "resource.reclaim",
  "resource.kept",
  "resource.idle-check",
  "resource.resting",
  "resource.draining",
  "resource.strike",
  "resource.forgiven",
  "resource.lost",
  "resource.based",
  "resource.base-lost",
  "resource.released",
  "resource.destroyed",
  ...WORK.map((name) => `resource.${name}`),
  "blueprint.created",
  "blueprint.configured",
  "blueprint.enabled",
  "blueprint.disabled",
  "blueprint.paused",
  "blueprint.suspended",
  "blueprint.hopeless",
  "blueprint.resumed",
  "blueprint.recovered",
  "blueprint.authorization-requested",
  "blueprint.authorized",
  "blueprint.declined",
  "device.put",
  "device.enable",
  "device.disable",
  "device.remove",
  "service.put",
  "service.bind",
  "service.unbind",
  "service.remove",
  "network.put",
  "network.remove",
  "yard.take-over",
  "yard.configured",
  "yard.sweep",
]

/** Types that say only that something goes on: left out unless they are asked for. */
export const QUIET_LOG_TYPES: ReadonlySet<string> = new Set([
  "lease.job-heartbeat",
  "resource.job-heartbeat",
  "resource.idle-check",
  "yard.sweep",
])

/** What a record says, in the order in which it happened: at least one entry. */
export function logEntries({
  seq,
  record,
}: {
  readonly seq: number
  readonly record: YardRecord
}): readonly LogEntry[] {
  const { at, kind, id, cause } = record
  const all = saidBy(record)
  const known = all.length > 0 ? all : [otherwise(record)]
  return known.map(({ type, text }) => ({ seq, at, kind, id, type, text, by: cause.by, record }))
}

function saidBy(record: YardRecord): readonly Said[] {
  if (record.kind === "lease") return leaseSaid(record)
  if (record.kind === "resource") return resourceSaid(record)
  if (record.kind === "blueprint") return blueprintSaid(record)
  return record.kind === "yard" ? yardSaid(record) : []
}

/** The Almanac, and words that this version does not know: the verb, and by whom. */
function otherwise({ kind, event, cause, to }: YardRecord): Said {
  return said(`${kind}.${event.type}`, `by ${cause.by}: ${kind} is ${to}`)
}

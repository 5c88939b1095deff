// One line of the log: something that happened to one object, in one sentence. A record makes one entry or several
// (a lease that is granted at once is queued, acquired and activated by one record), so nothing of it is invisible.
// Which words of the ancestor they stand for: docs/log.md.

import type { Kind } from "../../machines/names.js"
import type { YardRecord } from "../../machines/record.js"

export interface LogEntry {
  /** Journal sequence of its record. */
  readonly seq: number
  /** ISO 8601, by the yard's clock. */
  readonly at: string
  readonly kind: Kind
  readonly id: string
  /** `lease.acquired`: see LOG_TYPES. What this version does not know is `<kind>.<verb>`. */
  readonly type: string
  /** One sentence for people. */
  readonly text: string
  /** Who said the command: a principal, `allocator`, `timer`, `system` or `worker-<blueprint type>`. */
  readonly by: string
  readonly record: YardRecord
}

/** What a record says, before its place and time are added. */
export interface Said {
  readonly type: string
  readonly text: string
}

export function said(type: string, text: string): Said {
  return { type, text }
}

/** Output that a worker sent with its word, line by line. */
export function outputSaid(kind: "lease" | "resource", record: YardRecord): readonly Said[] {
  const body = bodyOf(record)
  const lines = body.log
  if (!Array.isArray(lines)) return []
  return lines.filter((line) => typeof line === "string").map((line) => said(`${kind}.job-output`, line))
}

/** What was said with the command. */
export function bodyOf(record: YardRecord): { readonly [name: string]: unknown } {
  const { body } = record.event
  return typeof body === "object" && body !== null && !Array.isArray(body) ? { ...body } : {}
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : ""
}

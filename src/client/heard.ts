// One event message, taken apart as far as a follower needs it: its place in the journal, and the record.

import type { Msg } from "nats"
import type { Kind } from "../machines/names.js"
import { recordSchema } from "../machines/record.js"
import type { JournalEvent } from "./drydock.js"

export interface Heard {
  readonly seq: number
  /** The subject's message before this one; 0 when there was none. */
  readonly previous: number
  /** Undefined when its kind is not followed. */
  readonly event: JournalEvent | undefined
}

/** Undefined for what is no record of the journal: it proves nothing, and it may stand where a record stood. */
export function hear(message: Msg, kind: Kind | undefined): Heard | undefined {
  const seq = headerNumber(message, "Nats-Sequence")
  const previous = headerNumber(message, "Nats-Last-Sequence")
  if (seq === undefined || previous === undefined) return undefined
  const [, yard, , messageKind, id] = message.subject.split(".")
  if (kind !== undefined && messageKind !== kind) return { seq, previous, event: undefined }
  let body: unknown
  try {
    body = message.json()
  } catch {
    // Somebody wrote what is not JSON: the same as what is JSON and no record.
    return undefined
  }
  const parsed = recordSchema.safeParse(body)
  if (!parsed.success) return undefined
  const record = parsed.data
  if (record.kind !== messageKind || record.id !== id || record.yard !== yard) return undefined
  return { seq, previous, event: { seq, record } }
}

function headerNumber(message: Msg, name: string): number | undefined {
  const text = message.headers?.get(name) ?? ""
  if (!/^\d{1,16}$/.test(text)) return undefined
  return Number(text)
}

// Records and outcomes as bytes. A record is turned into text once; its outcome is built around that text.

import { recordSchema, type YardRecord } from "../../machines/record.js"
import type { Rejection } from "../../machines/rejection.js"
import { blankContext } from "../kernel/statechart.js"

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

export function encode(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value))
}

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text)
}

/** JSON of a body; undefined when it is none. Empty counts as `{}`. */
export function decode(data: Uint8Array): unknown {
  if (data.length === 0) return {}
  try {
    return JSON.parse(decoder.decode(data))
  } catch {
    return undefined
  }
}

/** Why a journal message is no record of this yard, or the record. */
export function readRecord(yard: string, subject: string, data: Uint8Array): YardRecord | string {
  const parsed = recordSchema.safeParse(decode(data))
  if (!parsed.success) return `it does not parse: ${parsed.error.issues[0]?.message ?? "no reason given"}`
  const record = parsed.data
  if (record.yard !== yard) return `it belongs to yard ${record.yard}`
  if (subject !== `drydock.${yard}.journal.${record.kind}.${record.id}`)
    return "it lies on another actor's subject"
  return complete(record)
}

/** Fields that this version's statecharts need and another writer may not know get their blank values. */
function complete(record: YardRecord): YardRecord {
  const context = { ...blankContext(record.kind), ...record.context }
  // Sound: both parts are contexts of this record's kind.
  const whole = { ...record, context } as YardRecord
  if (whole.kind === "lease" && whole.context.order === 0)
    return { ...whole, context: { ...whole.context, order: whole.cause.command } }
  return whole
}

export function acceptedText(command: number, actor: string, recordText: string): string {
  return `{"outcome":"accepted","command":${command},"actor":${JSON.stringify(actor)},"record":${recordText}}`
}

export function rejectedText(command: number, actor: string, rejection: Rejection): string {
  const { code, message, issues } = rejection
  return JSON.stringify({
    outcome: "rejected",
    command,
    actor,
    code,
    message,
    ...(issues === undefined ? {} : { issues }),
  })
}

// Answers to queries, from memory and, for what is past, from the log. Every answer carries the journal sequence that
// it rests on; it leaves when that is stored (rule 13 for when a host may answer at all).

import { z } from "zod"
import { duration, durationMs } from "../../machines/duration.js"
import { LIMITS } from "../../machines/limits.js"
import { KINDS, OBJECT_ID } from "../../machines/names.js"
import type { YardRecord } from "../../machines/record.js"
import { journalSubject, parseCommandSubject } from "../../machines/subjects.js"
import {
  countForgettable,
  counts,
  differences,
  explain,
  list,
  type Page,
  recordOf,
  retentionOf,
  slots,
  type Yard,
} from "../kernel/index.js"
import type { Log } from "../log/log.js"
import { attention } from "./attention.js"
import { readRecord } from "./wire.js"

const kind = z.enum(KINDS)
const id = z.string().regex(OBJECT_ID)
const atLeast = z.number().int().nonnegative().optional()
const limit = z.number().int().min(1).max(LIMITS.queryRows).optional()

/** Body of every query. */
export const queryBodies = {
  get: z.strictObject({ atLeast, kind, id }),
  list: z.strictObject({
    atLeast,
    kind,
    limit,
    state: z.string().optional(),
    type: z.string().optional(),
    blueprint: z.string().optional(),
    resource: z.string().optional(),
    after: z.string().optional(),
  }),
  slots: z.strictObject({ atLeast, prefix: z.string().optional(), after: z.string().optional() }),
  commands: z.strictObject({ atLeast, kind, id }),
  /** `after`: the `next` of a page before, where an object has more records than one answer holds. */
  history: z.strictObject({ atLeast, kind, id, after: z.number().int().nonnegative().optional() }),
  why: z.strictObject({ atLeast, id }),
  events: z.strictObject({
    atLeast,
    after: z.number().int().nonnegative(),
    limit,
    kind: kind.optional(),
    id: id.optional(),
  }),
  /** What a sweep would forget now if this were the retention; without it, with the one that is. */
  forgettable: z.strictObject({ atLeast, retention: duration.optional() }),
  status: z.strictObject({ atLeast }),
} as const
export type QueryName = keyof typeof queryBodies

export function isQuery(name: string): name is QueryName {
  return Object.hasOwn(queryBodies, name)
}

export class QueryFailure extends Error {
  override readonly name = "QueryFailure"
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

export interface AnswerSources {
  readonly yard: Yard
  readonly log: Log
  /** Stored up to here: what may be read from the log. */
  readonly stored: number
  /** What became of recent commands, by sequence. */
  outcomeOf(command: number): object | undefined
  /** Last command whose verdict is final. */
  readonly decidedUpTo: number
  /** Up to where messages of a journal subject are forgotten, though they may still lie there. */
  forgottenUpTo(subject: string): number
  /** By the stream's clock, milliseconds. */
  nowMs(): number
  status(): object
}

/** The answer to one query, or QueryFailure. */
export async function answer(name: QueryName, body: unknown, from: AnswerSources): Promise<object> {
  const { yard } = from
  switch (name) {
    case "get": {
      const { kind, id } = queryBodies.get.parse(body)
      const record = recordOf(yard, kind, id)
      if (record === undefined) throw unknown(kind, id)
      return record.kind === "resource" ? { record, differences: differences(yard, record) } : { record }
    }
    case "list":
      return withinOneMessage(list(yard, queryBodies.list.parse(body)))
    case "slots": {
      const { prefix, after } = queryBodies.slots.parse(body)
      return slots(yard, prefix, after)
    }
    case "why": {
      const { id } = queryBodies.why.parse(body)
      const explained = explain(yard, id)
      if (explained === undefined) throw unknown("lease", id)
      return explained
    }
    case "commands": {
      const { kind, id } = queryBodies.commands.parse(body)
      return { items: await commandsOf(kind, id, from) }
    }
    case "history": {
      const { kind, id, after = 0 } = queryBodies.history.parse(body)
      const subject = journalSubject(yard.name, kind, id)
      const begin = Math.max(after, from.forgottenUpTo(subject))
      const { items, next } = await recordsFrom(begin, LIMITS.queryRows, from, subject)
      return { items: items.map(({ seq, record }) => ({ ...record, seq })), next }
    }
    case "events": {
      const { after, limit: rows, kind, id } = queryBodies.events.parse(body)
      const everything = kind === undefined && id === undefined
      const subject = everything ? undefined : `drydock.${yard.name}.journal.${kind ?? "*"}.${id ?? "*"}`
      return recordsFrom(after, rows ?? 100, from, subject)
    }
    case "forgettable": {
      const own = recordOf(yard, "yard", yard.name)?.context
      const { retention = retentionOf(yard) } = queryBodies.forgettable.parse(body)
      const count = countForgettable(yard, durationMs(retention), from.nowMs())
      return { retention, count, ended: yard.ended.size, sweepAt: own?.sweepAt ?? null }
    }
    case "status":
      return { ...from.status(), counts: counts(yard), attention: attention(yard) }
  }
}

function unknown(kind: string, id: string): QueryFailure {
  return new QueryFailure("unknown-actor", `there is no ${kind} ${id}`)
}

/** An answer stays under what a message may carry, whatever the number of rows. */
const ANSWER_BYTES = 700 * 1024

/** As much of a page as one answer carries, at least one record; the rest is on the next. */
function withinOneMessage({ items, next }: Page<YardRecord>): Page<YardRecord> {
  let bytes = 0
  for (const [index, record] of items.entries()) {
    bytes += Buffer.byteLength(JSON.stringify(record))
    if (index > 0 && bytes > ANSWER_BYTES)
      return { items: items.slice(0, index), next: items[index - 1]?.id ?? null }
  }
  return { items, next }
}

async function recordsFrom(after: number, rows: number, from: AnswerSources, subject: string | undefined) {
  const { log, yard, stored } = from
  const items: { seq: number; record: object }[] = []
  let next = Math.max(after, stored)
  let bytes = 0
  if (stored > after) {
    for await (const message of log.journal(after + 1, subject === undefined ? {} : { subject })) {
      if (message.seq > stored) break
      if (items.length >= rows || (items.length > 0 && bytes + message.data.length > ANSWER_BYTES)) {
        next = items.at(-1)?.seq ?? after
        break
      }
      const record = readRecord(yard.name, message.subject, message.data)
      if (typeof record === "string") continue
      bytes += message.data.length
      items.push({ seq: message.seq, record })
    }
  }
  return { items, next }
}

const COMMANDS_SHOWN = 200

async function commandsOf(kind: string, id: string, from: AnswerSources): Promise<readonly object[]> {
  const { log, yard } = from
  const subjects = ["command", "internal"].map(
    (channel) => `drydock.${yard.name}.${channel}.${kind}.${id}.*.*`,
  )
  const messages = await log.commandsOf(subjects, COMMANDS_SHOWN)
  return messages.map((message) => {
    const address = parseCommandSubject(yard.name, message.subject)
    const known = from.outcomeOf(message.seq)
    const state = message.seq > from.decidedUpTo ? { state: "waiting" } : (known ?? { state: "decided" })
    return {
      seq: message.seq,
      at: new Date(message.timestampMs).toISOString(),
      verb: address?.verb ?? "",
      by: address?.speaker ?? "",
      channel: address?.channel ?? "",
      ...state,
    }
  })
}

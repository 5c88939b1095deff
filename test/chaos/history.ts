// What happened in one run, as data: both streams as they lie on the server, and what the people heard. The checkers
// are pure functions of this.

import { contextFault } from "../../src/actors/hosting/foreign-context.js"
import { readRecord } from "../../src/actors/hosting/wire.js"
import type { Yard } from "../../src/actors/kernel/index.js"
import type { CommandMessage, JournalMessage } from "../../src/actors/log/log.js"
import type { YardRecord } from "../../src/machines/record.js"
import type { ClientReport } from "./processes/options.js"

/** A message on `event`, as a person heard it. */
export interface HeardEvent {
  readonly seq: number
  readonly subject: string
  readonly data: Uint8Array
}

export interface History {
  readonly yard: string
  /** Hosts in the pool; each takes one lease at a time. */
  readonly hosts: number
  /** From sequence 1 on, none missing. */
  readonly commands: readonly CommandMessage[]
  readonly journal: readonly JournalMessage[]
  readonly events: readonly HeardEvent[]
  readonly clients: readonly ClientReport[]
  /** The yard as a host that takes over now would read it back. */
  readonly recovered: Yard
}

/** A journal message that counts. */
export interface Counted {
  readonly seq: number
  readonly record: YardRecord
  readonly text: string
  /** Not written by a host of the run. */
  readonly foreign: boolean
}

/** On every message that a chaos run appends in place of a host. */
export const FOREIGN_HEADER = "Chaos-Foreign"

/**
 * The records of a journal. The rule is written a second time, apart from src/actors/hosting/recovery.ts, so that each
 * is a check of the other: a message whose writer did not know the one before counts only if it is a record of this
 * yard with a fitting context, about a command to its actor that existed and was not decided, and its actor's next revision.
 */
export function countedIn(history: History): readonly Counted[] {
  const known = judged.get(history)
  if (known !== undefined) return known
  const counted = judge(history)
  judged.set(history, counted)
  return counted
}

const judged = new WeakMap<History, readonly Counted[]>()

function judge({ yard, commands, journal }: History): readonly Counted[] {
  const counted: Counted[] = []
  const revs = new Map<string, number>()
  const lastCommand = commands.at(-1)?.seq ?? 0
  let cursor = 0
  for (const [index, { seq, subject, headers, data }] of journal.entries()) {
    const record = readRecord(yard, subject, data)
    if (typeof record === "string") continue
    const { command } = record.cause
    if (!isProven({ seq, headers })) {
      const proven = journal
        .slice(index + 1)
        .find((later) => isProven(later) && later.headers?.["Drydock-Cursor"] !== undefined)
      const bound = Number(proven?.headers?.["Drydock-Cursor"] ?? lastCommand)
      const said = commands[command - 1]?.subject.split(".") ?? []
      if (said[3] !== record.kind || said[4] !== record.id) continue
      const isNext = command > cursor && record.rev === (revs.get(subject) ?? 0) + 1
      if (!isNext || command > bound || contextFault(record) !== undefined) continue
    }
    cursor = Math.max(cursor, command)
    revs.set(subject, record.rev)
    counted.push({
      seq,
      record,
      text: new TextDecoder().decode(data),
      foreign: headers?.[FOREIGN_HEADER] !== undefined,
    })
  }
  return counted
}

/** Its writer knew the message before. */
function isProven({ seq, headers }: Pick<JournalMessage, "seq" | "headers">): boolean {
  return headers?.["Drydock-After"] === String(seq - 1)
}

/** Problems, in words. None: the property holds. */
export type Checker = (history: History) => readonly string[]

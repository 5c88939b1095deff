// What happened in one run, as data: both streams as they lie on the server, and what the people heard. The checkers
// are pure functions of this.

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
  /** Not written by a host of ours: it stands only because the rule for foreign messages lets it. */
  readonly foreign: boolean
}

/**
 * The records of a journal. Written a second time, apart from src/actors/hosting/recovery.ts, so that each is a check
 * of the other. A message whose writer did not know the one before counts only if it is a record of this yard, about a
 * command that existed and was not decided, and its actor's next revision. That the command existed shows in what our
 * host wrote next: it goes on behind the commands that it took for decided.
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
  let cursor = 0
  for (const [index, { seq, subject, headers, data }] of journal.entries()) {
    const record = readRecord(yard, subject, data)
    if (typeof record === "string") continue
    const foreign = headers?.["Drydock-After"] !== String(seq - 1)
    const { command } = record.cause
    if (foreign) {
      const ours = journal.slice(index + 1).find((later) => isOurs(later))
      const bound = ours === undefined ? (commands.at(-1)?.seq ?? 0) + 1 : commandOf(ours)
      if (command <= cursor || command >= bound || record.rev !== (revs.get(subject) ?? 0) + 1) continue
    }
    cursor = Math.max(cursor, command)
    revs.set(subject, record.rev)
    counted.push({ seq, record, text: new TextDecoder().decode(data), foreign })
  }
  return counted
}

function isOurs({ seq, headers }: JournalMessage): boolean {
  return headers?.["Drydock-After"] === String(seq - 1)
}

function commandOf({ data }: JournalMessage): number {
  // Ours: it was written by our host.
  const { cause } = JSON.parse(new TextDecoder().decode(data)) as { cause: { command: number } }
  return cause.command
}

/** Problems, in words. None: the property holds. */
export type Checker = (history: History) => readonly string[]

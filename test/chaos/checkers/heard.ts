// What was told outside against what is stored: no acknowledged outcome is lost, no event is invented.

import { isDeepStrictEqual } from "node:util"
import type { YardRecord } from "../../../src/machines/record.js"
import { type Checker, countedIn } from "../history.js"

interface Told {
  outcome: "accepted" | "rejected"
  command: number
  record?: YardRecord
  code?: string
}

/** The record of every accepted outcome stands in the journal at its rev; a rejected command has none. */
export const noOutcomeLost: Checker = (history) => {
  const problems: string[] = []
  const records = new Map<string, YardRecord>()
  const commands = new Set<number>()
  for (const { record } of countedIn(history)) {
    records.set(`${record.kind}/${record.id}@${record.rev}`, record)
    commands.add(record.cause.command)
  }
  for (const { id, text } of history.clients.flatMap(({ outcomes }) => outcomes)) {
    // The host wrote it.
    const { outcome, command, record } = JSON.parse(text) as Told
    if (outcome === "rejected") {
      if (commands.has(command)) problems.push(`command ${command} (${id}) was rejected but has a record`)
      continue
    }
    const at = `${record?.kind}/${record?.id}@${record?.rev}`
    const stored = records.get(at)
    if (stored === undefined)
      problems.push(`command ${command} (${id}) was accepted, but ${at} is not stored`)
    else if (!isDeepStrictEqual(stored, record))
      problems.push(`command ${command} (${id}) was accepted with another record than the stored ${at}`)
  }
  return problems
}

/** What was told of a command stays: it may be told again, by the next host, but not otherwise. */
export const noOutcomeChanges: Checker = (history) => {
  const problems: string[] = []
  const told = new Map<number, Told["outcome"]>()
  for (const { id, text } of history.clients.flatMap(({ outcomes }) => outcomes)) {
    const { outcome, command } = JSON.parse(text) as Told
    const before = told.get(command)
    if (before !== undefined && before !== outcome)
      problems.push(`command ${command} (${id}) was told ${before} and then ${outcome}`)
    told.set(command, before ?? outcome)
  }
  return problems
}

/** Every event is a journal message, byte for byte, in order and once. */
export const noEventInvented: Checker = (history) => {
  const problems: string[] = []
  const stored = new Map(history.journal.map((message) => [message.seq, message]))
  let before = 0
  for (const { seq, subject, data } of history.events) {
    const message = stored.get(seq)
    if (message === undefined)
      problems.push(`an event came with sequence ${seq}, which the journal does not hold`)
    else if (
      message.subject.replace(".journal.", ".event.") !== subject ||
      Buffer.compare(message.data, data) !== 0
    )
      problems.push(`the event with sequence ${seq} is not what the journal holds there`)
    if (seq <= before) problems.push(`an event with sequence ${seq} came after ${before}`)
    before = Math.max(before, seq)
  }
  return problems
}

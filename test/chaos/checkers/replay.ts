// The journal against the pure kernel. Every command of the stream goes through the step once more: the records must
// come out again, text for text and at the same sequence. Where a second host decided, its record is taken in instead;
// commands that it went past must not have a record. And the yard that is restored from the last records must equal
// the one that has taken every step.

import { machineHashes } from "../../../src/actors/hosting/host.js"
import { evolve } from "../../../src/actors/kernel/evolve.js"
import {
  allDuties,
  createYard,
  decide,
  restore,
  step,
  type Verdict,
  type Yard,
} from "../../../src/actors/kernel/index.js"
import type { CommandMessage } from "../../../src/actors/log/log.js"
import { keyOf } from "../../../src/machines/record.js"
import { policies } from "../../support/policies.js"
import { type Checker, type Counted, countedIn, type History } from "../history.js"

/** Restoring is compared after every so many records, and after the last. */
const COMPARE_EVERY = 97

export function freshYard(history: Pick<History, "yard">): Yard {
  return createYard({ name: history.yard, policies, hashes: machineHashes() })
}

/** The yard after all commands of a history, and what did not come out as it is stored. Stops at the first problem. */
export function replay(
  history: History,
  after: (yard: Yard, counted: Counted) => void = () => {},
): { readonly yard: Yard; readonly problem: string | undefined } {
  const yard = freshYard(history)
  const records = countedIn(history)
  const byCommand = new Map(records.map((counted) => [counted.record.cause.command, counted]))
  let expected = 1
  for (const command of history.commands) {
    if (command.seq !== expected) return { yard, problem: `command ${expected} is missing` }
    expected++
    const counted = byCommand.get(command.seq)
    if (counted === undefined) {
      const problem = withoutRecord(records, command, decide(yard, command))
      if (problem !== undefined) return { yard, problem }
      continue
    }
    // Void messages take up sequences too.
    yard.journal = counted.seq - 1
    if (counted.foreign) evolve(yard, counted.record, counted.seq)
    else {
      const problem = difference(counted, step(yard, command))
      if (problem !== undefined) return { yard, problem }
    }
    after(yard, counted)
  }
  return { yard, problem: undefined }
}

function difference(counted: Counted, verdict: Verdict): string | undefined {
  const { seq, text, record } = counted
  const { command } = record.cause
  if (verdict.kind !== "recorded")
    return `command ${command}: stored at ${seq}, but the step says ${verdict.kind}`
  if (verdict.seq !== seq) return `command ${command}: stored at ${seq}, but the step says ${verdict.seq}`
  const again = JSON.stringify(verdict.record)
  return again === text ? undefined : `journal ${seq} is not what the step says:\n${text}\n${again}`
}

/** A command without a record was refused or needed none; or a foreign record of a later command went past it. */
function withoutRecord(
  records: readonly Counted[],
  command: CommandMessage,
  verdict: Verdict,
): string | undefined {
  if (verdict.kind !== "recorded") return undefined
  const following = records.find(({ record }) => record.cause.command > command.seq)
  if (following?.foreign === true) return undefined
  return `command ${command.seq} (${command.subject}) has no record, but the step gives one`
}

export const journalIsReplay: Checker = (history) => {
  const { problem } = replay(history)
  return problem === undefined ? [] : [problem]
}

/** A yard restored from the last record of every actor equals the one that took every step. */
export const restoredEqualsReplayed: Checker = (history) => {
  const problems: string[] = []
  const last = new Map<string, Counted>()
  const total = countedIn(history).length
  let taken = 0
  replay(history, (yard, counted) => {
    last.set(keyOf(counted.record), counted)
    taken++
    if (taken % COMPARE_EVERY !== 0 && taken !== total) return
    const restored = freshYard(history)
    restore(restored, last.values())
    const difference = yardDifference(yard, restored)
    if (difference !== undefined) problems.push(`after journal ${counted.seq}: ${difference}`)
  })
  return problems
}

/** What a host would read back from the log at the end is the same yard, too. */
export const recoveredEqualsReplayed: Checker = (history) => {
  const { yard } = replay(history)
  // Void messages behind the last record take up sequences.
  yard.journal = history.journal.at(-1)?.seq ?? 0
  const difference = yardDifference(yard, history.recovered)
  return difference === undefined ? [] : [difference]
}

/** In what two yards differ, whatever the order in which their maps were filled. */
export function yardDifference(a: Yard, b: Yard): string | undefined {
  const [left, right] = [portrait(a), portrait(b)]
  for (const [name, text] of Object.entries(left)) {
    if (text !== right[name]) return `${name} differs: ${firstDifference(text, right[name] ?? "")}`
  }
  return undefined
}

function portrait(yard: Yard): { readonly [name: string]: string } {
  const sorted = (entries: Iterable<readonly [string, unknown]>) =>
    JSON.stringify([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
  const pools = [...yard.pools.values()].filter(({ waiters }) => waiters.size > 0)
  return {
    cursor: String(yard.cursor),
    journal: String(yard.journal),
    time: String(yard.lastAtMs),
    actors: sorted([...yard.actors].map(([key, { seq, record }]) => [key, [seq, inKeyOrder(record)]])),
    slots: sorted(yard.slots),
    waiting: sorted(pools.map(({ type, waiters }) => [type, [...waiters.keys()].sort()])),
    entitled: sorted(pools.map(({ type, entitled }) => [type, [...entitled]])),
    duties: JSON.stringify(allDuties(yard)),
  }
}

/** What was read back may have its keys in another order. */
function inKeyOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inKeyOrder)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, inKeyOrder(inner)] as const)
  return entries.sort(([a], [b]) => (a < b ? -1 : 1))
}

function firstDifference(a: string, b: string): string {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  const from = Math.max(0, at - 80)
  return `…${a.slice(from, at + 80)}… and …${b.slice(from, at + 80)}…`
}

// The only writer of the journal (rules 9 and 10). One append is under way at a time; what is decided meanwhile waits
// for the next one. Verdicts are settled in the order in which they were decided, each only after everything it was
// decided on is stored: so a rejection never leaves before the record that it rests on.

import { journalSubject } from "../../machines/subjects.js"
import type { Verdict } from "../kernel/index.js"
import { SortedList } from "../kernel/sorted-list.js"
import type { JournalEntry, Log } from "../log/log.js"
import { LogError } from "../log/log.js"
import type { Faults } from "./faults.js"
import { REPEATED_HEADER, RepeatedList } from "./repeated.js"
import { encodeText } from "./wire.js"

/** Records that wait are appended one by one up to here, and in one atomic batch above: a batch costs four singles. */
const SINGLES_UP_TO = 8
const BATCH_RECORDS = 1_000
const BATCH_BYTES = 16 * 1024 * 1024

/** Proof of the writer: it knew the journal up to the message before. On every message, batches included. */
export const AFTER_HEADER = "Drydock-After"
/** Everything ordered by records up to this sequence has been acknowledged (rule 11). */
export const SENT_HEADER = "Drydock-Sent"
/** The last command that had a record when the writer decided this one: what the writer took for a record shows here. */
export const CURSOR_HEADER = "Drydock-Cursor"
export const TRACE_HEADER = "traceparent"

export interface Decided {
  readonly verdict: Verdict
  /** The record as text; undefined when the verdict has none of its own. */
  readonly text: string | undefined
  readonly trace: string | undefined
  /** See `wordsOf` in poison.ts. */
  readonly words: string | undefined
}

interface Held {
  readonly seq: number
  readonly order: number
  readonly release: (stored: boolean) => void
}

export interface WriterOptions {
  readonly log: Log
  readonly yard: string
  readonly faults: Faults
  /** Last sequence of the journal. */
  readonly stored: number
  /** Last command that has a record in it. */
  readonly cursor: number
  /** Follow-ups of records up to this sequence are acknowledged. */
  sentUpTo(): number
  /** Called once per verdict, in order, when all it rests on is stored. */
  settle(decided: Decided): void
  /** The append was refused or its fate is unknown, or a record is too large: memory must be dropped. */
  failed(error: LogError, first: Decided | undefined): void
}

export class Writer {
  readonly #options: WriterOptions
  #waiting: Decided[] = []
  #records = 0
  #busy = false
  #ended = false
  #stored: number
  #cursor: number
  readonly #repeated = new RepeatedList()
  readonly #held = new SortedList<Held>((a, b) => a.seq - b.seq || a.order - b.order)
  #order = 0

  constructor(options: WriterOptions) {
    this.#options = options
    this.#stored = options.stored
    this.#cursor = options.cursor
  }

  /** Last sequence that is known to be stored. */
  get stored(): number {
    return this.#stored
  }

  /** Verdicts that wait to be settled. */
  get backlog(): number {
    return this.#waiting.length
  }

  add(decided: Decided): void {
    if (this.#ended) return
    this.#waiting.push(decided)
    if (decided.text !== undefined) this.#records++
    if (!this.#busy) this.#run().catch((error: unknown) => this.#broke(error))
  }

  /** Calls back with true when the journal is stored up to a sequence, with false when this writer ends before. Returns what takes the wish back. */
  whenStored(seq: number, release: (stored: boolean) => void): () => void {
    if (seq <= this.#stored || this.#ended) {
      release(seq <= this.#stored)
      return () => {}
    }
    const held: Held = { seq, order: this.#order++, release }
    this.#held.add(held)
    return () => {
      this.#held.delete(held)
    }
  }

  /** Nothing is written or settled afterwards. */
  end(): void {
    this.#ended = true
    this.#waiting = []
    for (const held of [...this.#held]) {
      this.#held.delete(held)
      held.release(false)
    }
  }

  /** What was settled may have left or not: the next term tells it again. */
  #broke(error: unknown): void {
    if (this.#ended) return
    this.end()
    this.#options.failed(new LogError("uncertain", "settling failed", { cause: error }), undefined)
  }

  async #run(): Promise<void> {
    this.#busy = true
    // Let the rest of a burst be decided first.
    await Promise.resolve()
    while (this.#waiting.length > 0 && !this.#ended) {
      const taken = this.#take()
      const stored = await this.#store(taken)
      if (!stored || this.#ended) return
      for (const decided of taken) this.#options.settle(decided)
      this.#releaseHeld()
    }
    this.#busy = false
  }

  /** The next verdicts to settle together: up to the first record, or a batch of records. */
  #take(): Decided[] {
    const records = this.#records <= SINGLES_UP_TO ? 1 : BATCH_RECORDS
    let count = 0
    let bytes = 0
    let index = 0
    for (; index < this.#waiting.length; index++) {
      const text = this.#waiting[index]?.text
      if (text === undefined) continue
      if (count === records || (count > 0 && bytes + text.length > BATCH_BYTES)) break
      count++
      bytes += text.length
    }
    this.#records -= count
    return this.#waiting.splice(0, index)
  }

  async #store(taken: readonly Decided[]): Promise<boolean> {
    const entries = this.#entries(taken)
    if (entries.length === 0) return true
    const { log, faults, failed } = this.#options
    try {
      faults("before-append")
      await log.append(this.#stored, entries)
      faults("after-append")
      this.#stored += entries.length
      return true
    } catch (error) {
      if (this.#ended) return false
      this.#ended = true
      const fault =
        error instanceof LogError ? error : new LogError("uncertain", "the append failed", { cause: error })
      failed(fault, largest(taken))
      return false
    }
  }

  #entries(taken: readonly Decided[]): JournalEntry[] {
    const { yard, sentUpTo } = this.#options
    const sent = String(sentUpTo())
    const entries: JournalEntry[] = []
    for (const { verdict, text, trace } of taken) {
      if (verdict.kind === "repeated" && verdict.reply !== undefined) this.#repeated.add(verdict.command)
      if (text === undefined || verdict.kind !== "recorded") continue
      const { record } = verdict
      const repeated = this.#repeated.take(this.#cursor)
      entries.push({
        subject: journalSubject(yard, record.kind, record.id),
        data: encodeText(text),
        headers: {
          [AFTER_HEADER]: String(this.#stored + entries.length),
          [CURSOR_HEADER]: String(this.#cursor),
          [SENT_HEADER]: sent,
          ...(repeated === undefined ? {} : { [REPEATED_HEADER]: repeated }),
          ...(trace === undefined ? {} : { [TRACE_HEADER]: trace }),
        },
      })
      this.#cursor = record.cause.command
    }
    return entries
  }

  #releaseHeld(): void {
    for (;;) {
      const first = this.#held.first()
      if (first === undefined || first.seq > this.#stored) return
      this.#held.delete(first)
      first.release(true)
    }
  }
}

/** The verdict with the largest record: the one that is too large, when one of them is. */
function largest(taken: readonly Decided[]): Decided | undefined {
  let found: Decided | undefined
  for (const decided of taken)
    if (decided.text !== undefined && decided.text.length > (found?.text?.length ?? -1)) found = decided
  return found
}

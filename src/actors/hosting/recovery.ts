// From the journal to a yard in memory. The last record of every actor is its state (rule 16). Messages that our hosts
// wrote carry proof that the writer knew the journal up to the message before (`Drydock-After`); any other message is
// judged by what lies before it: it counts only if it parses, is about a command to its actor that COMMANDS has, follows on every
// earlier command, and is its actor's next revision. Otherwise it is void and the subject's previous message stands
// (rule 12). Whether COMMANDS had the command shows later in what our host wrote next (`Drydock-Cursor`): a command that
// comes afterwards must not make a record of what was void. So every host comes to the same, at any time.
//
// What a sweep forgets may still lie there, when its purge did not happen (rule 7): it is left out all the same, and is no
// predecessor of what came later on its subject. Such sweeps are among the records after the greatest `Drydock-Sent`.

import type { ActorKey } from "../../machines/names.js"
import type { YardRecord } from "../../machines/record.js"
import { journalSubject, parseCommandSubject } from "../../machines/subjects.js"
import { DrydockError } from "../error.js"
import {
  createYard,
  forgottenUpTo,
  generationOf,
  restore,
  type Yard,
  type YardOptions,
} from "../kernel/index.js"
import type { JournalMessage, Log } from "../log/log.js"
import { contextFault } from "./foreign-context.js"
import { hostWords, type JournalLoss, type JournalMark, lossOf, NOTHING_KNOWN } from "./journal-loss.js"
import { REPEATED_HEADER } from "./repeated.js"
import type { Reporter } from "./reports.js"
import { readRecord } from "./wire.js"
import { AFTER_HEADER, CURSOR_HEADER, SENT_HEADER } from "./writer.js"

export interface Unsent {
  readonly seq: number
  readonly record: YardRecord
  readonly text: string
  /** What its writer says of the commands before it that have no record (repeated.ts). */
  readonly repeated: string | undefined
  /** The last command before it that had a record, as its writer says; undefined when it is none of ours. */
  readonly cursor: number | undefined
}

export interface Recovered {
  readonly yard: Yard
  /** Last sequence of the journal. */
  readonly stored: number
  /** Records after `sentUpTo`, whose follow-ups and outcomes may not have left. */
  readonly unsent: readonly Unsent[]
  /** Last command that had a record at `sentUpTo`: commands after it may not have got their outcome. */
  readonly toldUpTo: number
  /** What the journal once had and has no more. Then the yard must not be served. */
  readonly loss: JournalLoss | undefined
}

interface Counted {
  readonly seq: number
  readonly record: YardRecord
  readonly message: JournalMessage
}

/** Reads the yard back. `mark`: what is known to have been stored. Throws DrydockError `unreadable-record`, LogError. */
export async function recover(
  log: Log,
  options: YardOptions,
  report: Reporter,
  mark: JournalMark = NOTHING_KNOWN,
): Promise<Recovered> {
  const journal = await log.journalFacts()
  // Read afterwards: it has every command that one of these messages can be about.
  const commands = await log.commandFacts()
  const lasts: JournalMessage[] = []
  for await (const last of log.lastPerSubject()) {
    // One that came meanwhile hides the one that belongs to this state.
    const message = last.seq <= journal.lastSeq ? last : await log.lastOf(last.subject, journal.lastSeq)
    if (message !== undefined) lasts.push(message)
  }
  const ends = lasts.reduce((most, { seq }) => Math.max(most, seq), 0)
  const recent = await messagesAfter(log, sentBy(lasts), journal.lastSeq)
  const forgotten = forgottenUpTo(ownRecords(options.name, recent))
  const judge = new Judge(log, options.name, commands.lastSeq, forgotten, report)
  const records: Counted[] = []
  for (const message of lasts) {
    const counted = await judge.lastCounted(message)
    if (counted !== undefined) records.push(counted)
  }
  records.sort((a, b) => a.seq - b.seq)
  const cursor = records.reduce((most, { record }) => Math.max(most, record.cause.command), 0)
  const words = await hostWords(log, options.name, cursor)
  const yard = createYard({ ...options, generation: Math.max(options.generation ?? 1, words.generation) })
  restore(yard, records)
  yard.journal = journal.lastSeq
  const found = { lastSeq: journal.lastSeq, ends, cursor, generation: generationOf(yard), words }
  const loss = await lossOf(log, found, mark)

  const sentUpTo = sentBy(records.map(({ message }) => message))
  const unsent: Unsent[] = []
  const decoder = new TextDecoder()
  for (const message of recent) {
    if (message.seq <= sentUpTo) continue
    const record = await judge.counts(message)
    if (record === undefined) continue
    const isOurs = isProven(message)
    const repeated = isOurs ? message.headers?.[REPEATED_HEADER] : undefined
    const cursor = isOurs ? Number(message.headers?.[CURSOR_HEADER] ?? 0) : undefined
    unsent.push({ seq: message.seq, record, text: decoder.decode(message.data), repeated, cursor })
  }
  const told = sentUpTo === 0 ? undefined : await judge.countedBefore(sentUpTo + 1)
  const toldUpTo = told?.cause.command ?? 0
  return { yard, stored: journal.lastSeq, unsent, toldUpTo, loss }
}

/** The greatest sequence up to which one of our hosts says that everything ordered was acknowledged. */
function sentBy(messages: readonly JournalMessage[]): number {
  const said = messages.map((message) =>
    isProven(message) ? Number(message.headers?.[SENT_HEADER] ?? 0) : 0,
  )
  return said.reduce((most, seq) => Math.max(most, seq), 0)
}

async function messagesAfter(log: Log, after: number, upTo: number): Promise<readonly JournalMessage[]> {
  const messages: JournalMessage[] = []
  if (after >= upTo) return messages
  for await (const message of log.journal(after + 1)) {
    if (message.seq > upTo) break
    messages.push(message)
  }
  return messages
}

/** What our hosts wrote about the yard itself. */
function* ownRecords(
  yard: string,
  messages: readonly JournalMessage[],
): Iterable<{ readonly seq: number; readonly record: YardRecord }> {
  const subject = journalSubject(yard, "yard", yard)
  for (const message of messages) {
    if (message.subject !== subject || !isProven(message)) continue
    const record = readRecord(yard, message.subject, message.data)
    if (typeof record !== "string") yield { seq: message.seq, record }
  }
}

class Judge {
  readonly #verdicts = new Map<number, YardRecord | undefined>()

  constructor(
    readonly log: Log,
    readonly yard: string,
    readonly lastCommand: number,
    readonly forgotten: ReadonlyMap<ActorKey, number>,
    readonly report: Reporter,
  ) {}

  /** The record of a message, or of the last one before it on its subject that counts and is not forgotten. */
  async lastCounted(message: JournalMessage): Promise<Counted | undefined> {
    let candidate: JournalMessage | undefined = message
    const [, , , kind, id] = message.subject.split(".")
    // Sound: a key that is none of an actor's is not in the map.
    const from = this.forgotten.get(`${kind}/${id}` as ActorKey) ?? 0
    while (candidate !== undefined && candidate.seq > from) {
      const record = await this.counts(candidate)
      if (record !== undefined) return { seq: candidate.seq, record, message: candidate }
      candidate =
        candidate.seq === 1 ? undefined : await this.log.lastOf(candidate.subject, candidate.seq - 1)
    }
    return undefined
  }

  /** The record of a message if it counts. */
  async counts(message: JournalMessage): Promise<YardRecord | undefined> {
    if (this.#verdicts.has(message.seq)) return this.#verdicts.get(message.seq)
    const read = readRecord(this.yard, message.subject, message.data)
    // One of ours that this version cannot read is the truth all the same: to go on without it would be to forget it.
    if (typeof read === "string" && isProven(message))
      throw new DrydockError(
        "unreadable-record",
        `journal message ${message.seq} was written by a host of this yard, but ${read}`,
        "run the version of Drydock that wrote it, or a newer one",
      )
    const why = typeof read === "string" ? read : await this.#faultOf(message, read)
    if (why === undefined && typeof read !== "string") {
      if (!isProven(message)) this.#verdicts.set(message.seq, read)
      return read
    }
    this.#verdicts.set(message.seq, undefined)
    this.report({
      event: "void-record",
      seq: message.seq,
      subject: message.subject,
      why: why ?? "it does not parse",
    })
    return undefined
  }

  async #faultOf(message: JournalMessage, record: YardRecord): Promise<string | undefined> {
    if (isProven(message)) return undefined
    const misfit = contextFault(record)
    if (misfit !== undefined) return misfit
    const behind = await this.#cursorBehind(message.seq)
    if (record.cause.command > (behind?.cursor ?? this.lastCommand))
      return "it is about a command that does not exist"
    // Needs nothing that lay before it, which may be purged by now.
    if (behind?.isNext === true && record.cause.command < behind.cursor)
      return "the host that wrote the next record did not take it for one"
    if (await this.#isToAnother(record)) return "it is about a command to another actor"
    const before = await this.countedBefore(message.seq)
    if (before !== undefined && record.cause.command <= before.cause.command)
      return "it is about a command that was decided before"
    const previous = message.seq === 1 ? undefined : await this.log.lastOf(message.subject, message.seq - 1)
    const last = previous === undefined ? undefined : await this.lastCounted(previous)
    const rev = last?.record.rev ?? 0
    return record.rev === rev + 1 ? undefined : `it is revision ${record.rev} after ${rev}`
  }

  /** Whether the command that it names, if COMMANDS still has it, was said to somebody else. */
  async #isToAnother({ kind, id, cause }: YardRecord): Promise<boolean> {
    for await (const command of this.log.commands(cause.command)) {
      if (command.seq !== cause.command) return false
      const address = parseCommandSubject(this.yard, command.subject)
      return address?.kind !== kind || address.id !== id
    }
    return false
  }

  /** The last command with a record, as the next host of ours after a sequence saw it; undefined before there is one. */
  async #cursorBehind(
    seq: number,
  ): Promise<{ readonly cursor: number; readonly isNext: boolean } | undefined> {
    for await (const message of this.log.journal(seq + 1)) {
      const cursor = message.headers?.[CURSOR_HEADER]
      if (isProven(message) && cursor !== undefined)
        return { cursor: Number(cursor), isNext: message.seq === seq + 1 }
    }
    return undefined
  }

  /** The nearest record before a sequence that counts, whatever its subject. */
  async countedBefore(seq: number): Promise<YardRecord | undefined> {
    for (let before = await this.#lastBefore(seq); before !== undefined; ) {
      const record = await this.counts(before)
      if (record !== undefined) return record
      before = await this.#lastBefore(before.seq)
    }
    return undefined
  }

  /** The last message before a sequence. There may be large holes: it is searched for in ever longer strides. */
  async #lastBefore(seq: number): Promise<JournalMessage | undefined> {
    let found: JournalMessage | undefined
    for (let from = seq, stride = 1; from > 1 && found === undefined; stride *= 2) {
      from = Math.max(1, seq - stride)
      found = await this.#firstIn(from, seq)
    }
    let end = seq
    while (found !== undefined && found.seq + 1 < end) {
      const middle: number = Math.floor((found.seq + 1 + end) / 2)
      const later: JournalMessage | undefined = await this.#firstIn(middle, end)
      if (later === undefined) end = middle
      else found = later
    }
    return found
  }

  async #firstIn(from: number, end: number): Promise<JournalMessage | undefined> {
    for await (const message of this.log.journal(from, { limit: 1 }))
      return message.seq < end ? message : undefined
    return undefined
  }
}

/** Whether the writer proved that it knew the journal up to the message before: all messages of our hosts do. */
function isProven(message: JournalMessage): boolean {
  return message.headers?.[AFTER_HEADER] === String(message.seq - 1)
}

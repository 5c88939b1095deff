// Whether the journal is shorter than it was (rule 17, decision 006). To go on from a shortened journal would give out
// sequences and tokens twice, so a host that finds one serves nothing until somebody says `drydock accept-loss`.
//
// Three witnesses, each of which alone is enough. None of them can be made up by a stranger, and none can be wrong while
// the journal is whole, because a sequence is written down anywhere only after its append was acknowledged:
//   mark       what this host, or its store folder, knows to have been stored
//   follow-up  a command of a host that names a journal message as its cause. Those of lost records lie behind the
//              cursor: they were published after the command that their record is about
//   tail       the stream counts further than it holds: nothing ever removes its last message
//
// An accepted loss is a take-over with a higher generation in the same queue. What stands before it proves nothing any
// more, and a mark of a lower generation neither. So it holds for every host, and for one that was there before.

import { z } from "zod"
import { internalSubject, parseCommandSubject } from "../../machines/subjects.js"
import { DrydockError } from "../error.js"
import { CAUSE_HEADER } from "../kernel/index.js"
import { type CommandMessage, type Log, LogError } from "../log/log.js"
import { encodeText } from "./wire.js"

/** Generations are 1 to this: a token is at most 2^53. */
export const LAST_GENERATION = 8_191
/** On the take-over by which somebody accepts a loss: the sequence from which the yard goes on. */
const ACCEPTS_HEADER = "Drydock-Accepts-Loss"
const ACCEPTOR = "accept-loss"

/** What was known to be stored: tokens of this generation, up to this sequence. */
export interface JournalMark {
  readonly generation: number
  readonly journal: number
}

export const NOTHING_KNOWN: JournalMark = { generation: 1, journal: 0 }

/** The one that says more. A higher generation begins anew, because its loss was accepted. */
export function laterMark(a: JournalMark, b: JournalMark): JournalMark {
  if (a.generation !== b.generation) return a.generation > b.generation ? a : b
  return a.journal >= b.journal ? a : b
}

export interface JournalLoss {
  /** Sequence of the last message that is there. */
  readonly ends: number
  /** A greater one that was stored; there may have been more. */
  readonly known: number
  /** How that is known, for people. */
  readonly proof: string
  /** The highest generation of tokens that is known. */
  readonly generation: number
  /** Last command with a record: the queue is decided again from the one after it. */
  readonly cursor: number
}

export class JournalShortened extends DrydockError {
  override readonly name = "JournalShortened"
  constructor(
    yard: string,
    readonly loss: JournalLoss,
  ) {
    super(
      "journal-shortened",
      `the journal of yard ${yard} ends at ${loss.ends}, but ${loss.known} was stored: ${loss.proof}`,
      "put the whole journal back, or go on without what is missing: `drydock accept-loss` shows it and asks",
    )
  }
}

/** What hosts said in commands that have no record yet. */
export interface HostWords {
  /** The highest generation that a take-over names; 0 when there is none. */
  readonly generation: number
  /** Whether somebody accepted a loss. */
  readonly accepted: boolean
  /** The greatest journal sequence that is named as a cause, since then, and the command that does; 0 = none. */
  readonly cause: number
  readonly command: number
}

/** Reads what hosts said after a command. Costs as much as there is of it. Throws LogError. */
export async function hostWords(log: Log, yard: string, after: number): Promise<HostWords> {
  let generation = 0
  let accepted = false
  let [cause, command] = [0, 0]
  // Workers and people may put into a header what they like.
  const subjects = ["allocator", "timer", "system"].map(
    (sender) => `drydock.${yard}.internal.*.*.*.${sender}`,
  )
  for await (const message of log.commands(after + 1, { subjects })) {
    generation = Math.max(generation, generationNamed(yard, message))
    if (message.headers?.[ACCEPTS_HEADER] !== undefined) {
      accepted = true
      cause = 0
      command = 0
    }
    const named = causeOf(message)
    if (named > cause) {
      cause = named
      command = message.seq
    }
  }
  return { generation, accepted, cause, command }
}

/** What a recovery has found. */
export interface Found {
  /** Sequence that the stream gave last, and that of the last message that it holds. */
  readonly lastSeq: number
  readonly ends: number
  readonly cursor: number
  /** Of tokens: the greatest of the yard's record, of what its host knew and of take-overs in the queue. */
  readonly generation: number
  readonly words: HostWords
}

/** What is missing, or undefined. Throws LogError. */
export async function lossOf(log: Log, found: Found, mark: JournalMark): Promise<JournalLoss | undefined> {
  const { words, lastSeq, ends, generation, cursor } = found
  const seen = generation > mark.generation ? 0 : mark.journal
  const known = Math.max(seen, words.cause)
  if (known > lastSeq) {
    // Another host may have written since this one read: the end is asked for again, after the proof.
    if (known <= (await log.journalFacts()).lastSeq) return undefined
    const proof = seen === known ? "its host saw that" : `command ${words.command} follows from that`
    return { ends, known, proof, generation, cursor }
  }
  if (ends === lastSeq || words.accepted) return undefined
  return { ends, known: lastSeq, proof: "the stream counts as far, but holds no more", generation, cursor }
}

/**
 * Goes on without what is lost: from now on tokens are of the generation that this resolves to. The next host to take
 * over decides again what the queue holds behind the last record.
 * Throws DrydockError `generations-used-up`, LogError.
 */
export async function acceptLoss(log: Log, yard: string, loss: JournalLoss): Promise<number> {
  const generation = loss.generation + 1
  if (generation > LAST_GENERATION)
    throw new DrydockError(
      "generations-used-up",
      `generation ${loss.generation} of fencing tokens is the last one`,
      "begin a new yard under another name: nothing in this one could be told from what was before",
    )
  // Orders of lost records are nobody's any more. Whoever takes over orders again what waits.
  await log.dropJobs()
  const subject = internalSubject(yard, "yard", yard, "take-over", "system")
  const body = encodeText(JSON.stringify({ host: ACCEPTOR, generation }))
  const headers = { [ACCEPTS_HEADER]: String(loss.ends) }
  try {
    await log.send(subject, body, headers)
  } catch (error) {
    if (!(error instanceof LogError) || error.fault !== "queue-full") throw error
    await makeRoom(log, loss.cursor)
    await log.send(subject, body, headers)
  }
  return generation
}

/** While nobody serves a yard, people can fill its queue. What is decided goes, and there is always room for one more. */
async function makeRoom(log: Log, cursor: number): Promise<void> {
  await log.purgeCommands(cursor + 1)
  const { messages, maxMessages } = await log.commandFacts()
  if (messages >= maxMessages) await log.setCommandLimit(messages + 1)
}

/** The journal sequence in `<sequence>.<index>`; 0 when there is none. */
function causeOf(message: CommandMessage): number {
  const [, seq] = /^(\d{1,15})\.[a-z0-9-]+$/.exec(message.headers?.[CAUSE_HEADER] ?? "") ?? []
  return Number(seq ?? 0)
}

const takeOver = z.object({ generation: z.number().int().min(1).max(LAST_GENERATION) })

function generationNamed(yard: string, message: CommandMessage): number {
  const address = parseCommandSubject(yard, message.subject)
  if (address?.kind !== "yard" || address.id !== yard || address.verb !== "take-over") return 0
  const parsed = takeOver.safeParse(jsonOf(message.data))
  return parsed.success ? parsed.data.generation : 0
}

function jsonOf(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data))
  } catch {
    // Then the yard refuses it as well.
    return undefined
  }
}

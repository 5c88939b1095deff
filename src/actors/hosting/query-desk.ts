// Where questions are answered. An answer is worked out from memory and leaves when everything it rests on is stored.
// When memory is dropped meanwhile it is worked out again from what is read back: who asks notices a delay, not a
// silence. A host that may have been replaced says nothing (rule 13); one that stops leaves nobody without an answer.

import { LIMITS } from "../../machines/limits.js"
import { PRINCIPAL } from "../../machines/names.js"
import { type Log, LogError, type Question } from "../log/log.js"
import { answer, isQuery, QueryFailure, type QueryName, queryBodies } from "./answers.js"
import type { Cancellable, Clock } from "./clock.js"
import type { Reporter } from "./reports.js"
import type { Term } from "./term.js"
import { decode, encode } from "./wire.js"

export interface QueryDeskOptions {
  readonly log: Log
  readonly clock: Clock
  readonly report: Reporter
  /** The term that stands, or the next one; undefined when there is none within so many milliseconds. */
  term(withinMs: number): Promise<Term | undefined>
  status(term: Term): object
  /** Resolves when it is known whether this host still owns the yard. */
  isOwner(): Promise<boolean>
}

interface Asked {
  readonly name: QueryName
  readonly body: { readonly atLeast?: number | undefined }
}

export class QueryDesk {
  readonly #options: QueryDeskOptions
  #underWay = 0
  #closed = false
  /** Who waits for a sequence: calling says that it is too late. */
  readonly #late = new Set<() => void>()
  readonly #idle: (() => void)[] = []
  /** Last sequence that any term knew to be stored. */
  #stored = 0

  constructor(options: QueryDeskOptions) {
    this.#options = options
  }

  /** Nobody waits for anything from now on. Resolves when everything that was taken is answered. */
  close(): Promise<void> {
    this.#closed = true
    for (const late of [...this.#late]) late()
    return this.#underWay === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Answers, or says nothing. Never throws. */
  async take(question: Question): Promise<void> {
    const isTooMany = this.#underWay >= LIMITS.queriesUnderWay
    this.#underWay++
    try {
      const body = isTooMany ? this.#tooMany() : await this.#answerTo(question)
      if (body !== undefined && (await this.#options.isOwner())) this.#say(question, body)
    } catch (fault) {
      this.#options.report({ event: "trouble", doing: "answering a query", fault })
    } finally {
      this.#underWay--
      if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve()
    }
  }

  #tooMany(): object {
    const message = "too many queries are under way: ask again in a moment"
    return { error: { code: "over-limit", message }, journal: this.#stored }
  }

  async #answerTo(question: Question): Promise<object | undefined> {
    try {
      return await this.#workOut(read(question))
    } catch (fault) {
      return { ...failure(fault, this.#options.report), journal: this.#stored }
    }
  }

  async #workOut({ name, body }: Asked): Promise<object | undefined> {
    const { log, clock, report, status } = this.#options
    const endMs = clock.monotonicMs() + LIMITS.queryWaitMs
    for (;;) {
      const leftMs = endMs - clock.monotonicMs()
      const term = leftMs > 0 ? await this.#options.term(leftMs) : undefined
      if (term === undefined && this.#closed)
        throw new QueryFailure("not-ready", "this host is stopping: ask again in a moment")
      if (term === undefined) return undefined
      const { atLeast = 0 } = body
      if (!(await this.#reached(term, atLeast, endMs))) {
        if (term.isOver) continue
        throw new QueryFailure("behind", `this host has stored ${term.stored}, not yet ${atLeast}`)
      }
      this.#stored = Math.max(this.#stored, term.stored)
      const rests = term.yard.journal
      const answered = await answer(name, body, {
        yard: term.yard,
        log,
        stored: term.stored,
        decidedUpTo: term.decidedUpTo,
        outcomeOf: (command) => term.outcomeOf(command),
        forgottenUpTo: (subject) => term.forgottenUpTo(subject),
        nowMs: () => term.nowMs,
        status: () => status(term),
      }).catch((fault: unknown) => failure(fault, report))
      // It may rest on records that are on their way: it leaves when they are stored, or is worked out again.
      if (await this.#reached(term, rests, Number.POSITIVE_INFINITY)) return { ...answered, journal: rests }
    }
  }

  /** Whether the journal is stored up to a sequence; false when the term or the time ends before. */
  async #reached(term: Term, seq: number, untilMs: number): Promise<boolean> {
    if (seq <= term.stored) return !term.isOver
    const { clock } = this.#options
    return await new Promise<boolean>((resolve) => {
      let timer: Cancellable | undefined
      const done = (stored: boolean) => {
        timer?.cancel()
        this.#late.delete(late)
        resolve(stored)
      }
      const takeBack = term.whenStored(seq, done)
      const late = () => {
        takeBack()
        done(false)
      }
      if (!Number.isFinite(untilMs)) return
      this.#late.add(late)
      timer = clock.after(this.#closed ? 0 : untilMs - clock.monotonicMs(), late)
    })
  }

  /** Whatever was asked, an answer that cannot leave must not end the host. */
  #say(question: Question, body: object): void {
    try {
      question.answer(encode(body))
    } catch (fault) {
      if (!(fault instanceof LogError && fault.fault === "too-large")) throw fault
      const message = "the answer is larger than a message may be: ask for less at a time"
      question.answer(encode({ error: { code: "over-limit", message }, journal: this.#stored }))
    }
  }
}

/** Throws QueryFailure `invalid`. */
function read({ name, principal, data }: Question): Asked {
  if (!isQuery(name)) {
    const known = Object.keys(queryBodies).join(", ")
    throw new QueryFailure("invalid", `there is no query ${name.slice(0, 64)}: there are ${known}`)
  }
  if (!PRINCIPAL.test(principal))
    throw new QueryFailure("invalid", "a principal is 1 to 32 letters, digits and -, not beginning with -")
  const parsed = queryBodies[name].safeParse(decode(data))
  if (parsed.success) return { name, body: parsed.data }
  const [issue] = parsed.error.issues
  const where = issue?.path.map(String).join(".") ?? ""
  throw new QueryFailure("invalid", `${where} ${issue?.message ?? ""}`.trim())
}

function failure(fault: unknown, report: Reporter): object {
  if (fault instanceof QueryFailure) return { error: { code: fault.code, message: fault.message } }
  report({ event: "trouble", doing: "answering a query", fault })
  return { error: { code: "internal", message: "the yard could not answer this: see the host's log" } }
}

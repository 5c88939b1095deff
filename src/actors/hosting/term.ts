// One term of an active host: from reading the journal back until its memory is dropped, by a fence, an unknown
// outcome, a lost claim or the end of the process. There is no repair: whatever is in doubt, the next term reads back.

import { neededTasks } from "../../blueprints/work.js"
import type { ActorKey } from "../../machines/names.js"
import type { Send } from "../../machines/record.js"
import type { Rejection } from "../../machines/rejection.js"
import type { Timer } from "../../machines/stimulus.js"
import { outcomeSubject, rejectedSubject } from "../../machines/subjects.js"
import {
  allDuties,
  decide,
  generationOf,
  step,
  type Verdict,
  type Yard,
  type YardOptions,
} from "../kernel/index.js"
import type { CommandMessage, Log, LogError, Reading } from "../log/log.js"
import type { Clock } from "./clock.js"
import { Effects } from "./effects.js"
import type { Faults } from "./faults.js"
import { type JournalMark, JournalShortened } from "./journal-loss.js"
import { type Poison, type Poisoned, wordsOf } from "./poison.js"
import { type Recovered, recover } from "./recovery.js"
import type { Reporter } from "./reports.js"
import { settledVerdict } from "./settled-verdict.js"
import type { StreamClock } from "./stream-clock.js"
import { takeOver } from "./take-over.js"
import { Timers } from "./timers.js"
import { waitingJob } from "./waiting-jobs.js"
import { acceptedText, encodeText, rejectedText } from "./wire.js"
import { type Decided, TRACE_HEADER, Writer } from "./writer.js"

/** Decided commands that stay in the queue, for the query `commands`, for verification and for time travel. */
const KEPT_COMMANDS = 100_000
const PURGE_EVERY = 5_000
/** Verdicts that may wait for the journal before reading pauses. */
const BACKLOG_LIMIT = 4_000
const OUTCOMES_REMEMBERED = 10_000

export interface TermOptions {
  readonly log: Log
  readonly clock: Clock
  readonly yard: YardOptions
  readonly host: string
  readonly report: Reporter
  readonly faults: Faults
  /** Outlives the term: time goes on. */
  readonly streamClock: StreamClock
  /** Whether a claim was won, as against memory that is read back by the same owner. */
  readonly isTakeOver: boolean
  /** What is known to have been stored. */
  readonly mark: JournalMark
  /** Commands that must not be decided again: those on which a term failed. */
  readonly poison: Pick<Poison, "of">
  /** A record was stored. */
  stored(): void
  /** The term is over: its memory is worth nothing any more. */
  over(why: string, after?: Aftermath): void
}

/** What the next term has to know of this one's end. */
export interface Aftermath {
  readonly poison?: Poisoned
  readonly storageFull?: string
}

type CommandReading = Reading & { pause(): void; resume(): void }

export class Term {
  readonly #options: TermOptions
  readonly #recovered: Recovered
  readonly #streamClock: StreamClock
  readonly yard: Yard
  readonly #writer: Writer
  readonly #effects: Effects
  readonly #timers: Timers
  #reading: CommandReading | undefined
  #paused = false
  #ended = false
  #clockJumpMs: number | undefined
  /** Last command that was decided, and last whose verdict is settled. */
  #decided: number
  #settled: number
  #purgedBelow = 0
  readonly #outcomes = new Map<number, object>()

  private constructor(options: TermOptions, recovered: Recovered) {
    this.#options = options
    this.#recovered = recovered
    const { log, clock, report, faults } = options
    this.yard = recovered.yard
    this.#decided = this.yard.cursor
    this.#settled = this.yard.cursor
    this.#streamClock = options.streamClock
    this.#timers = new Timers(clock, this.#streamClock, (actor, timer) => this.#fire(actor, timer))
    const common = { log, clock, yard: this.yard.name, faults, report }
    this.#effects = new Effects({ ...common, purge: () => this.#purge(0) }, recovered.stored)
    this.#writer = new Writer({
      log,
      yard: this.yard.name,
      faults,
      stored: recovered.stored,
      cursor: recovered.yard.cursor,
      sentUpTo: () => this.#effects.sentUpTo,
      settle: (decided) => this.#settle(decided),
      failed: (error, first) => this.#failed(error, first),
    })
  }

  /**
   * Reads the yard back. It can answer queries from then on; `begin` lets it decide.
   * Throws JournalShortened when records are missing that were stored, DrydockError, LogError.
   */
  static async open(options: TermOptions): Promise<Term> {
    const { log, clock, report, faults } = options
    const startedMs = clock.monotonicMs()
    const recovered = await recover(log, options.yard, report, options.mark)
    const { yard, loss } = recovered
    if (loss !== undefined) throw new JournalShortened(options.yard.name, loss)
    report({
      event: "recovered",
      actors: yard.actors.size,
      journal: yard.journal,
      cursor: yard.cursor,
      generation: generationOf(yard),
      ms: Math.round(clock.monotonicMs() - startedMs),
    })
    faults("recovered")
    const commands = await log.commandFacts()
    if (commands.lastSeq < yard.cursor) {
      report({ event: "commands-lost", lastSeq: commands.lastSeq, cursor: yard.cursor })
      await log.purgeCommands(yard.cursor + 1)
    }
    return new Term(options, recovered)
  }

  /** Tells and sends what may not have left, and begins to decide. */
  async begin(): Promise<void> {
    const { log, host, isTakeOver } = this.#options
    const { yard } = this
    const recovered = this.#recovered
    await this.#tellAgain(recovered)
    if (isTakeOver) await takeOver(log, this.#effects, this.#streamClock, yard, host)
    if (this.#ended) return
    for (const [actor, { record }] of yard.actors) this.#timers.set(actor, record.timers)
    for (const { seq, record } of recovered.unsent) this.#effects.order(seq, record)
    if (isTakeOver) await this.#orderAgain()
    for (const [index, send] of allDuties(yard).entries())
      void this.#effects.say(send, `${yard.journal}.due-${index}`)
    if (this.#ended) return
    const reading = await log.readCommands(this.#decided + 1, (message) => this.#receive(message))
    if (this.#ended) await reading.stop()
    else this.#reading = reading
    if (this.#paused) reading.pause()
  }

  /** Every job that waits for a worker lies in WORK, and workers of its type can take it. */
  async #orderAgain(): Promise<void> {
    const { log, yard } = this.#options
    await log.workFor(
      yard.policies.filter((policy) => neededTasks(policy).length > 0).map(({ type }) => type),
    )
    for (const { record } of this.yard.actors.values()) {
      const job = waitingJob(record)
      if (job !== undefined) void this.#effects.orderJob(job, `${this.yard.journal}.job`)
    }
  }

  /** Outcomes that may not have left: of the last records, and of commands between them that have none. */
  async #tellAgain({ unsent, toldUpTo }: Recovered): Promise<void> {
    if (this.yard.cursor <= toldUpTo) return
    const records = [...unsent]
    for await (const command of this.#options.log.commands(toldUpTo + 1)) {
      if (command.seq > this.yard.cursor) return
      while (records[0] !== undefined && records[0].record.cause.command < command.seq) records.shift()
      const verdict = settledVerdict(this.yard, command, records[0])
      const isIts = records[0]?.record.cause.command === command.seq
      const text = isIts ? records[0]?.text : undefined
      if (verdict !== undefined) this.#tell({ verdict, text, trace: undefined, words: undefined })
    }
  }

  #receive(message: CommandMessage): void {
    if (this.#ended || message.seq <= this.#decided) return
    const jump = this.#streamClock.observe(message.timestampMs)
    if (jump !== undefined) this.#stopForClock(jump)
    if (this.#clockJumpMs !== undefined) return
    this.#timers.clockMoved()
    this.#decided = message.seq
    const verdict = this.#decide(message)
    if (verdict === undefined) return
    this.#options.faults("decided")
    if (verdict.kind === "rejected" && verdict.fault !== undefined)
      this.#options.report({ event: "internal-fault", command: message.seq, fault: verdict.fault })
    const isPoisoned = this.#options.poison.of(message) !== undefined
    if (verdict.kind === "nothing" && message.subject.endsWith(".expire.timer") && !isPoisoned)
      this.#timers.tooEarly(verdict.actor as ActorKey, message.timestampMs)
    const text = verdict.kind === "recorded" ? JSON.stringify(verdict.record) : undefined
    this.#writer.add({ verdict, text, trace: traceOf(message), words: wordsOf(message) })
    if (this.#writer.backlog > BACKLOG_LIMIT && !this.#paused) {
      this.#paused = true
      this.#reading?.pause()
    }
  }

  #decide(message: CommandMessage): Verdict | undefined {
    const poisoned = this.#options.poison.of(message)
    if (poisoned !== undefined) return this.#void(message, poisoned)
    try {
      return step(this.yard, message)
    } catch (fault) {
      // The record was decided but the yard could not take it in: memory is in doubt.
      this.#options.report({ event: "internal-fault", command: message.seq, fault })
      const rejection: Rejection = { code: "internal", message: "the yard could not take this in: report it" }
      const poison = { command: message.seq, words: wordsOf(message), rejection }
      this.#over("a record could not be taken in", { poison })
      return undefined
    }
  }

  /** A client hears of its command; an internal one does nothing, loudly. */
  #void(message: CommandMessage, rejection: Rejection): Verdict {
    const { command, actor, reply } = decide(this.yard, message)
    if (wordsOf(message) === undefined) return { kind: "rejected", command, actor, reply, rejection }
    const why = "it failed before: it is tried again when the host is restarted"
    this.#options.report({ event: "internal-fault", command, fault: new Error(`${message.subject}: ${why}`) })
    return { kind: "nothing", command, actor, reply, why }
  }

  #settle(decided: Decided): void {
    const { verdict } = decided
    this.#settled = verdict.command
    this.#options.faults("before-outcome")
    this.#tell(decided)
    this.#options.faults("after-outcome")
    if (verdict.kind === "recorded") {
      this.#options.stored()
      this.#timers.set(verdict.actor as ActorKey, verdict.record.timers)
      this.#effects.order(verdict.seq, verdict.record)
    }
    this.#remember(verdict)
    if (this.#settled - this.#purgedBelow > KEPT_COMMANDS + PURGE_EVERY) void this.#purge(KEPT_COMMANDS)
    if (this.#paused && this.#writer.backlog < BACKLOG_LIMIT / 2) {
      this.#paused = false
      this.#reading?.resume()
    }
  }

  /** Telling is at most once: what cannot be told (a body larger than the server takes) is reported. */
  #tell(decided: Decided): void {
    try {
      this.#tellWhoAsked(decided)
    } catch (fault) {
      this.#options.report({
        event: "trouble",
        doing: `telling the outcome of ${decided.verdict.command}`,
        fault,
      })
    }
  }

  #tellWhoAsked({ verdict, text }: Decided): void {
    const { log } = this.#options
    const { name } = this.yard
    if (verdict.kind === "nothing") return
    const body =
      verdict.kind === "rejected"
        ? rejectedText(verdict.command, verdict.actor, verdict.rejection)
        : acceptedText(verdict.command, verdict.actor, text ?? JSON.stringify(verdict.record))
    const { reply } = verdict
    if (reply !== undefined)
      log.tell(outcomeSubject(name, reply.principal, reply.commandId), encodeText(body))
    if (verdict.kind === "rejected") {
      // At the first slash: an id of a stranger may hold more of them, and is then nobody's.
      const slash = verdict.actor.indexOf("/")
      const [kind, id] = [verdict.actor.slice(0, slash), verdict.actor.slice(slash + 1)]
      log.tell(rejectedSubject(name, kind, id), encodeText(body))
    }
  }

  #remember(verdict: Verdict): void {
    const said =
      verdict.kind === "rejected"
        ? { state: "rejected", code: verdict.rejection.code, message: verdict.rejection.message }
        : verdict.kind === "nothing"
          ? { state: "nothing", message: verdict.why }
          : { state: "accepted" }
    this.#outcomes.set(verdict.command, said)
    const oldest = this.#outcomes.keys().next()
    if (this.#outcomes.size > OUTCOMES_REMEMBERED && oldest.done !== true) this.#outcomes.delete(oldest.value)
  }

  /** Removes decided commands but for the last `keep`; only what is final, so that nothing is ever lost. */
  async #purge(keep: number): Promise<void> {
    const below = this.#settled + 1 - keep
    if (below <= this.#purgedBelow) return
    const before = this.#purgedBelow
    this.#purgedBelow = below
    try {
      this.#options.faults("before-purge")
      await this.#options.log.purgeCommands(below)
    } catch (fault) {
      this.#purgedBelow = before
      this.#options.report({ event: "trouble", doing: "purging decided commands", fault })
    }
  }

  async #fire(actor: ActorKey, timer: Timer): Promise<boolean> {
    const record = this.yard.actors.get(actor)?.record
    if (record === undefined || this.#ended) return false
    this.#options.faults("timer")
    const send: Send = {
      kind: record.kind,
      id: record.id,
      verb: "expire",
      sender: "timer",
      body: { timer: timer.id, at: timer.at },
    }
    // What is stored, not what is decided: a cause is a proof that the journal has it (journal-loss.ts).
    return await this.#effects.say(send, `${this.#writer.stored}.timer`)
  }

  #stopForClock(aheadMs: number): void {
    if (this.#clockJumpMs !== undefined) return
    this.#clockJumpMs = aheadMs
    this.#timers.end()
    this.#reading?.pause()
    this.#options.report({ event: "clock-jump", aheadMs })
  }

  #failed(error: LogError, first: Decided | undefined): void {
    const why = `an append was ${error.fault}: ${error.message}`
    if (error.fault === "storage-full") {
      this.#over(why, { storageFull: error.message })
    } else if (error.fault === "too-large" && first !== undefined) {
      const rejection: Rejection = {
        code: "over-limit",
        message: "its record is larger than the server takes",
      }
      this.#over(why, { poison: { command: first.verdict.command, words: first.words, rejection } })
    } else this.#over(why)
  }

  #over(why: string, after?: Aftermath): void {
    if (!this.#ended) this.#options.over(why, after)
  }

  /** Whether its memory is worth nothing any more. */
  get isOver(): boolean {
    return this.#ended
  }

  /** Stops deciding and writing. What is under way is dropped; the next term reads it back. */
  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#writer.end()
    this.#effects.end()
    this.#timers.end()
    await this.#reading?.stop()
  }

  /** Waits until everything that was decided is stored and told. For a graceful stop. */
  async settled(): Promise<void> {
    await new Promise<void>((resolve) => void this.#writer.whenStored(this.yard.journal, () => resolve()))
    await this.#options.log.flush()
  }

  /** Calls back when the journal is stored up to a sequence. Returns what takes the wish back. */
  whenStored(seq: number, release: (stored: boolean) => void): () => void {
    return this.#writer.whenStored(seq, release)
  }

  /** Up to where messages of a journal subject are forgotten, though they may still lie there. */
  forgottenUpTo(subject: string): number {
    return this.#effects.forgottenUpTo(subject)
  }

  /** By the stream's clock, milliseconds; before that is known, the time of the last record. */
  get nowMs(): number {
    return Math.max(this.yard.lastAtMs, this.#streamClock.now() ?? 0)
  }

  get stored(): number {
    return this.#writer.stored
  }

  /** What is known to be stored by now. */
  get mark(): JournalMark {
    return { generation: generationOf(this.yard), journal: this.#writer.stored }
  }

  get decidedUpTo(): number {
    return this.#settled
  }

  outcomeOf(command: number): object | undefined {
    return this.#outcomes.get(command)
  }

  /** What keeps it from deciding, if anything. */
  get trouble(): string | undefined {
    return this.#clockJumpMs === undefined ? undefined : "clock-jump"
  }
}

function traceOf(message: CommandMessage): string | undefined {
  const trace = message.headers?.[TRACE_HEADER]
  return trace !== undefined && /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(trace)
    ? trace
    : undefined
}

// A host: one process that may serve one yard. It is active while it holds the claim, and stands by otherwise.

import { createHash, randomBytes } from "node:crypto"
import type { AnyPolicy } from "../../blueprints/blueprint.js"
import type { Kind } from "../../machines/names.js"
import { registry } from "../../machines/registry.js"
import type { DrydockError } from "../error.js"
import type { Log, Reading } from "../log/log.js"
import { Claim } from "./claim.js"
import { type Clock, systemClock } from "./clock.js"
import { type Faults, noFaults } from "./faults.js"
import { type JournalMark, JournalShortened, laterMark, NOTHING_KNOWN } from "./journal-loss.js"
import { Poison } from "./poison.js"
import { QueryDesk } from "./query-desk.js"
import type { Reporter } from "./reports.js"
import { StreamClock } from "./stream-clock.js"
import { type Aftermath, Term } from "./term.js"

const RESTART_MS = 200
const STORAGE_RETRY_MS = 1_000
/** What is under way when it stops may take so long. */
const FINISH_MS = 5_000

export interface HostOptions {
  readonly log: Log
  /** `[a-z0-9][a-z0-9-]{0,31}` */
  readonly yard: string
  readonly policies: readonly AnyPolicy[]
  readonly version: string
  readonly clock?: Clock
  /** Its name in the claim; by default unguessable. */
  readonly host?: string
  /** At least this generation of fencing tokens; default 1. */
  readonly generation?: number
  /** Of that generation the journal was once stored up to here; default 0. A shorter one is not served. */
  readonly journal?: number
  /**
   * Whoever calls has just started the server, for this yard alone: every older connection to it is dead, so a claim
   * that is not there counts for nobody. Default false: then a lost claim is waited for, two seconds.
   */
  readonly isServerNew?: boolean
  readonly report?: Reporter
  readonly faults?: Faults
}

export interface Host {
  readonly name: string
  readonly role: "active" | "standby"
  /** What it knows to be stored, and the generation of the tokens: worth keeping where the log is not. */
  readonly mark: JournalMark
  /** Resolves when it is active and has read the yard back. Rejects with what `refused` says. */
  active(): Promise<void>
  /**
   * Resolves when it will never serve this yard, because the journal is shorter than it was: DrydockError
   * `journal-shortened`. It has given the claim back by then. Otherwise never.
   */
  refused(): Promise<DrydockError>
  /** Stops deciding, waits for what is under way, gives the claim back. The log stays open. */
  stop(): Promise<void>
}

/** Structural hash of every statechart: what a record says it was decided by. */
export function machineHashes(): { readonly [K in Kind]: string } {
  const hash = (kind: Kind) =>
    createHash("sha256").update(JSON.stringify(registry[kind].machine.definition)).digest("hex").slice(0, 16)
  return {
    lease: hash("lease"),
    resource: hash("resource"),
    blueprint: hash("blueprint"),
    device: hash("device"),
    service: hash("service"),
    network: hash("network"),
    yard: hash("yard"),
  }
}

/** Starts a host on an open log. It serves as soon as it wins the claim, and again after every loss. */
export async function startHost(options: HostOptions): Promise<Host> {
  const host = new YardHost(options)
  await host.start()
  return host
}

class YardHost implements Host {
  readonly name: string
  readonly #options: HostOptions
  readonly #clock: Clock
  readonly #report: Reporter
  readonly #claim: Claim
  readonly #startedMs: number
  readonly #streamClock: StreamClock
  readonly #hashes = machineHashes()
  #isTakeOver = false
  /** Only for the first claim: later the stream may be lost while others answer. */
  #isServerNew: boolean
  /** Counts the claims won. */
  #tenure = 0
  /** The last of them in which a record was stored: the host before is fenced since. */
  #fencedTenure = 0
  #storageFull: string | undefined
  #term: Term | undefined
  #opening = false
  #ended = false
  #queries: Reading | undefined
  readonly #poison = new Poison()
  #waiting: { readonly resolve: () => void; readonly reject: (why: DrydockError) => void }[] = []
  #mark: JournalMark
  #refusal: JournalShortened | undefined
  #refusalAsked: ((why: DrydockError) => void)[] = []
  readonly #termAsked = new Set<(term: Term | undefined) => void>()
  readonly #desk: QueryDesk

  constructor(options: HostOptions) {
    this.#options = options
    this.name = options.host ?? `host-${randomBytes(8).toString("hex")}`
    const { generation, journal } = options
    this.#mark = {
      generation: generation ?? NOTHING_KNOWN.generation,
      journal: journal ?? NOTHING_KNOWN.journal,
    }
    this.#clock = options.clock ?? systemClock
    this.#report = options.report ?? (() => {})
    this.#isServerNew = options.isServerNew ?? false
    this.#startedMs = this.#clock.monotonicMs()
    this.#streamClock = new StreamClock(this.#clock)
    this.#claim = new Claim({
      log: options.log,
      clock: this.#clock,
      host: this.name,
      report: this.#report,
      nobodyBefore: () => this.#nobodyBefore(),
      won: () => this.#won(),
      lost: (why) => this.#standDown(why),
    })
    this.#desk = new QueryDesk({
      log: options.log,
      clock: this.#clock,
      report: this.#report,
      term: (withinMs) => this.#nextTerm(withinMs),
      status: (term) => this.#status(term),
      isOwner: () => this.#claim.untilKnown(),
    })
  }

  get role(): "active" | "standby" {
    return this.#term === undefined ? "standby" : "active"
  }

  async start(): Promise<void> {
    await this.#options.log.setUp()
    this.#options.log.onDisconnect(() => {
      this.#isServerNew = false
      this.#claim.disconnected()
      this.#dropTerm("the connection to the server was lost")
    })
    await this.#claim.start()
  }

  active(): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    if (this.#term !== undefined) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  refused(): Promise<DrydockError> {
    if (this.#refusal !== undefined) return Promise.resolve(this.#refusal)
    return new Promise((resolve) => this.#refusalAsked.push(resolve))
  }

  get mark(): JournalMark {
    return this.#term === undefined ? this.#mark : laterMark(this.#mark, this.#term.mark)
  }

  async stop(): Promise<void> {
    this.#ended = true
    try {
      if (this.#options.log.connected()) await Promise.race([this.#finish(), this.#pause(FINISH_MS)])
    } catch (fault) {
      // The connection broke meanwhile: what was not told is told by the next host.
      this.#report({ event: "trouble", doing: "finishing what was under way", fault })
    } finally {
      const term = this.#letGo()
      await Promise.allSettled([this.#closeQueries(), term?.end()])
      await this.#claim.end()
    }
  }

  /** No more questions come, those that came are answered, and what was decided is stored and told. */
  async #finish(): Promise<void> {
    await this.#closeQueries()
    for (const ask of [...this.#termAsked]) ask(this.#answering)
    await this.#desk.close()
    await this.#term?.settled()
  }

  /** A host answers only after its first record (`#answering`): with an empty journal none does. */
  async #nobodyBefore(): Promise<boolean> {
    return this.#isServerNew || (await this.#options.log.journalFacts()).lastSeq === 0
  }

  #won(): void {
    this.#isServerNew = false
    ;(this.#options.faults ?? noFaults)("claimed")
    this.#isTakeOver = true
    this.#tenure++
    void this.#open()
  }

  /** Opens terms until one stands, or the claim is gone. */
  async #open(): Promise<void> {
    if (this.#opening || this.#term !== undefined) return
    this.#opening = true
    while (this.#claim.isHeld && !this.#ended && this.#term === undefined) {
      try {
        await this.#openOnce()
      } catch (fault) {
        if (fault instanceof JournalShortened) {
          await this.#refuse(fault)
          break
        }
        // While there is no connection there is nothing to say: it comes back, or another host takes over.
        if (this.#options.log.connected())
          this.#report({ event: "trouble", doing: "taking the yard over", fault })
        await this.#pause(RESTART_MS)
      }
    }
    this.#opening = false
  }

  async #openOnce(): Promise<void> {
    const { log, faults, yard, policies } = this.#options
    const mark = this.#mark
    const tenure = this.#tenure
    const term: Term = await Term.open({
      log,
      clock: this.#clock,
      yard: { name: yard, policies, hashes: this.#hashes, generation: mark.generation },
      host: this.name,
      mark,
      report: this.#report,
      faults: faults ?? noFaults,
      poison: this.#poison,
      streamClock: this.#streamClock,
      isTakeOver: this.#isTakeOver,
      stored: () => this.#hasSpace(),
      over: (why, after) => this.#over(term, why, after),
    })
    this.#queries ??= await log.serveQueries((question) => void this.#desk.take(question))
    // Meanwhile the claim may have gone, and even come back: then what was read is old.
    if (this.#ended || !this.#claim.isHeld || tenure !== this.#tenure) {
      await term.end()
      if (this.#ended || !this.#claim.isHeld) await this.#closeQueries()
      return
    }
    this.#term = term
    this.#tellAsking()
    // Queries are answered while it waits for space.
    if (this.#storageFull !== undefined) await this.#pause(STORAGE_RETRY_MS)
    await this.#begin(term)
  }

  async #begin(term: Term): Promise<void> {
    try {
      if (this.#term === term) await term.begin()
    } catch (fault) {
      await term.end()
      if (this.#term === term) this.#letGo()
      throw fault
    }
    if (this.#term !== term) return
    if (this.#isTakeOver) this.#report({ event: "role", role: "active", why: "it holds the claim" })
    this.#isTakeOver = false
    for (const { resolve } of this.#waiting.splice(0)) resolve()
  }

  /** Records are missing that were stored: whoever went on would give out their sequences again (rule 17). */
  async #refuse(why: JournalShortened): Promise<void> {
    this.#ended = true
    const { ends, known, proof } = why.loss
    this.#report({ event: "journal-shortened", ends, known, proof })
    await Promise.allSettled([this.#closeQueries(), this.#claim.end()])
    this.#refusal = why
    for (const { reject } of this.#waiting.splice(0)) reject(why)
    for (const resolve of this.#refusalAsked.splice(0)) resolve(why)
  }

  /** The term stands no more; what it knew to be stored is remembered. */
  #letGo(): Term | undefined {
    const term = this.#term
    this.#mark = this.mark
    this.#term = undefined
    return term
  }

  #over(term: Term, why: string, after: Aftermath = {}): void {
    if (after.poison !== undefined) this.#poison.add(after.poison)
    if (after.storageFull !== undefined && this.#storageFull === undefined)
      this.#report({ event: "storage-full", why: after.storageFull })
    if (after.storageFull !== undefined) this.#storageFull = after.storageFull
    if (this.#term === term) this.#dropTerm(why)
  }

  /**
   * The term that may answer questions. A host that took over is silent until its first record is stored: before, the
   * one that it replaces could still write, and tell what this one does not know.
   */
  get #answering(): Term | undefined {
    const isSilent = this.#fencedTenure !== this.#tenure && this.#storageFull === undefined
    return isSilent || this.#term?.isOver === true ? undefined : this.#term
  }

  #tellAsking(): void {
    const term = this.#answering
    if (term !== undefined) for (const ask of [...this.#termAsked]) ask(term)
  }

  async #closeQueries(): Promise<void> {
    const queries = this.#queries
    this.#queries = undefined
    await queries?.stop()
  }

  #hasSpace(): void {
    if (this.#fencedTenure !== this.#tenure) {
      this.#fencedTenure = this.#tenure
      this.#tellAsking()
    }
    if (this.#storageFull === undefined) return
    this.#storageFull = undefined
    this.#report({ event: "storage-back" })
  }

  /** Memory is in doubt: forget it, and read it back if still the owner (rule 9). */
  #dropTerm(why: string): void {
    const term = this.#letGo()
    if (term === undefined) return
    if (this.#storageFull === undefined) this.#report({ event: "reload", why })
    const again = async () => {
      await term.end()
      if (await this.#claim.confirm()) await this.#open()
    }
    again().catch((fault: unknown) => this.#report({ event: "trouble", doing: "ending a term", fault }))
  }

  #standDown(why: string): void {
    const term = this.#letGo()
    for (const ask of [...this.#termAsked]) ask(undefined)
    this.#report({ event: "role", role: "standby", why })
    const failed = (fault: unknown) => this.#report({ event: "trouble", doing: "standing down", fault })
    Promise.all([term?.end(), this.#closeQueries()]).catch(failed)
  }

  /** The term that stands, or the next one within so many milliseconds. */
  #nextTerm(withinMs: number): Promise<Term | undefined> {
    const term = this.#answering
    if (term !== undefined || this.#ended || !this.#claim.isHeld) return Promise.resolve(term)
    return new Promise((resolve) => {
      const told = (term: Term | undefined) => {
        timer.cancel()
        this.#termAsked.delete(told)
        resolve(term)
      }
      const timer = this.#clock.after(withinMs, () => told(undefined))
      this.#termAsked.add(told)
    })
  }

  #status(term: Term): object {
    return {
      yard: this.#options.yard,
      role: this.role,
      host: this.name,
      cursor: term.yard.cursor,
      lag: term.yard.journal - term.stored,
      uptime: Math.round((this.#clock.monotonicMs() - this.#startedMs) / 1000),
      version: this.#options.version,
      trouble: term.trouble ?? (this.#storageFull === undefined ? null : "storage-full"),
    }
  }

  #pause(ms: number): Promise<undefined> {
    return new Promise((resolve) => this.#clock.after(ms, () => resolve(undefined)))
  }
}

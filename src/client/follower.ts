// Records in order, none missing, none twice, although events are sent at most once. Invariants:
// - `#position`: everything followed up to this journal sequence has been put into the buffer, nothing beyond it.
// - Live: the next event is taken only if it joins on to the position. What is followed as a whole (all objects, or
//   all of a kind) joins by the journal's sequence, which has no gaps; a single object joins by the subject's
//   previous sequence. Anything else is doubt.
// - Doubt (a gap, what is no record, a reconnect, a full buffer, a quiet time in which the *last* event may be lost)
//   is ended only by asking the host, when the reader wants more. Meanwhile events that join on to each other are
//   kept aside, so that a busy journal can be caught up with.
// - Memory is bounded: a slow reader fills the buffer once, then is served from the journal.

import { type Msg, PermissionViolationError, type Subscription } from "nats"
import type { Kind } from "../machines/names.js"
import { eventSubject } from "../machines/subjects.js"
import type { Questions } from "./answers.js"
import { askUntilAnswered, ShortJournal } from "./asking.js"
import { asError, type Channel } from "./channel.js"
import type { JournalEvent } from "./drydock.js"
import { ClientError, isClientError } from "./errors.js"
import { type Heard, hear } from "./heard.js"
import { type Deferred, deferred, jittered, pause, popularController } from "./pause.js"

export interface FollowOptions {
  readonly kind?: Kind | undefined
  /** Only with `kind`. */
  readonly id?: string | undefined
  /** Journal sequence to go on after; undefined: from now. */
  readonly after: number | undefined
  readonly signal?: AbortSignal | undefined
}

const PAGE = 500
/** Events kept for a slow reader. */
const CAPACITY = 1_024
/** After so long without a message the host is asked whether there is news; the last repeats. */
const QUIET_MS = [1_000, 2_000, 5_000] as const

/** One reader at a time: `for await`, or `next()` after the last one settled. */
export class Follower implements AsyncIterableIterator<JournalEvent> {
  readonly #buffer: JournalEvent[] = []
  readonly #ended = popularController()
  readonly #subscription: Subscription
  readonly #stops: (() => void)[] = []
  readonly #short = new ShortJournal()
  #position: number | undefined
  #live: boolean
  /** The highest sequence that was heard of. */
  #head = 0
  /** While in doubt: events that join on to each other, up to the newest. */
  #aside: Heard[] = []
  #awake: Deferred<void> = deferred()
  #failure: Error | undefined
  #lastRev = 0
  /** Quiet times in a row. */
  #quiet = 0

  /** Subscribes at once: what happens from now on is not missed, whenever the reader begins. */
  constructor(
    private readonly channel: Channel,
    private readonly options: FollowOptions,
  ) {
    this.#position = options.after
    // What begins at 0 with a single object takes the first event as it comes; everything else reads first.
    this.#live = options.after === 0 && options.id !== undefined
    const { id, kind } = options
    this.#subscription = channel.link.nats.subscribe(
      id === undefined ? eventSubject(channel.yard) : eventSubject(channel.yard, kind, id),
      { callback: (error, message) => (error === null ? this.#receive(message) : this.#fail(error)) },
    )
    this.#stops.push(channel.link.onBack(() => this.#doubt()))
    for (const signal of [channel.closing, options.signal]) this.#endWith(signal)
  }

  /** The next record; done when the signal aborted or the connection was closed. */
  async next(): Promise<IteratorResult<JournalEvent, undefined>> {
    for (;;) {
      if (this.#failure !== undefined) {
        this.#end()
        throw this.#failure
      }
      if (this.#ended.signal.aborted) return { done: true, value: undefined }
      const event = this.#buffer.shift()
      if (event !== undefined) return { done: false, value: event }
      if (this.#live) await this.#untilAwake()
      else await this.#mend().catch((error: unknown) => this.#fail(asError(error)))
    }
  }

  async return(): Promise<IteratorResult<JournalEvent, undefined>> {
    this.#end()
    return { done: true, value: undefined }
  }

  /** Has the host asked before the next event is given, because something else says that there is news. */
  lookAgain(): void {
    this.#doubt()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #receive(message: Msg): void {
    const heard = hear(message, this.options.id === undefined ? this.options.kind : undefined)
    if (heard === undefined) {
      this.channel.trouble(new Error(`what came on ${message.subject} is no record: asking the journal`))
      this.#doubt()
      return
    }
    this.#head = Math.max(this.#head, heard.seq)
    if (!this.#live || this.#position === undefined) {
      this.#keepAside(heard)
      return
    }
    if (heard.seq <= this.#position) return
    if (this.#joins(heard, this.#position) && this.#buffer.length < CAPACITY) this.#take(heard)
    else {
      this.#doubt()
      this.#keepAside(heard)
    }
    this.#wake()
  }

  #joins(heard: Heard, position: number): boolean {
    if (heard.seq <= position) return false
    if (this.options.id === undefined) return heard.seq === position + 1
    const rev = heard.event?.record.rev ?? 0
    return heard.previous <= position && (this.#lastRev === 0 || rev === this.#lastRev + 1)
  }

  #take(heard: Heard): void {
    this.#position = heard.seq
    if (heard.event !== undefined) this.#put(heard.event)
  }

  #put(event: JournalEvent): void {
    this.#quiet = 0
    this.#buffer.push(event)
    if (this.options.id !== undefined) this.#lastRev = event.record.rev
  }

  #keepAside(heard: Heard): void {
    const last = this.#aside.at(-1)
    if (last !== undefined && heard.seq <= last.seq) return
    const joins =
      last === undefined ||
      (this.options.id === undefined ? heard.seq === last.seq + 1 : heard.previous === last.seq)
    if (joins && this.#aside.length < CAPACITY) this.#aside.push(heard)
    else this.#aside = joins ? [] : [heard]
  }

  #doubt(): void {
    this.#live = false
    this.#aside = []
    this.#wake()
  }

  /** One question, then back to live if its answer joins on to what was kept aside. */
  async #mend(): Promise<void> {
    const after = this.#position ?? (await this.#begin())
    if (after === undefined || (this.#quiet > 0 && (await this.#isUnchanged()))) return
    const { kind, id } = this.options
    const question: Questions["events"] = {
      after,
      limit: PAGE,
      ...(kind === undefined ? {} : { kind }),
      ...(id === undefined ? {} : { id }),
    }
    const atLeast = Math.max(after, this.#head)
    const answer = await askUntilAnswered(this.channel, "events", question, atLeast, this.#ended.signal)
    if (answer === undefined || this.#short.isShort(answer.journal, after)) return
    for (const { seq, record } of answer.items)
      if (seq > (this.#position ?? after)) {
        this.#position = seq
        this.#put({ seq, record })
      }
    const position = Math.max(this.#position ?? after, answer.next ?? answer.journal)
    this.#position = position
    // A page that was cut ends with its last item. Whatever was stored after a whole one reaches us as an event.
    const isCut = answer.next === answer.items.at(-1)?.seq && position < answer.journal
    this.#resume(position, isCut)
  }

  #resume(position: number, isCut: boolean): void {
    const rest = this.#aside.filter(({ seq }) => seq > position)
    const [first] = rest
    if (first === undefined ? isCut || this.#head > position : !this.#joins(first, position)) return
    this.#aside = []
    this.#live = true
    for (const heard of rest) this.#take(heard)
  }

  /** The sequence of now. */
  async #begin(): Promise<number | undefined> {
    const status = await askUntilAnswered(this.channel, "status", {}, 0, this.#ended.signal)
    if (status === undefined) return undefined
    this.#position ??= status.journal
    return this.#position
  }

  /** After a quiet time, for a single object: its last record tells all, and costs the host no reading. */
  async #isUnchanged(): Promise<boolean> {
    const { kind, id } = this.options
    if (kind === undefined || id === undefined || this.#lastRev === 0) return false
    const atLeast = Math.max(this.#position ?? 0, this.#head)
    const question = { kind, id }
    const asked = askUntilAnswered(this.channel, "get", question, atLeast, this.#ended.signal)
    const answer = await asked.catch(unlessForgotten)
    if (answer === undefined) return this.#ended.signal.aborted
    if (answer.record.rev !== this.#lastRev || answer.journal < atLeast) return false
    this.#position = answer.journal
    this.#resume(answer.journal, false)
    return true
  }

  async #untilAwake(): Promise<void> {
    const enough = new AbortController()
    const quietMs = QUIET_MS[this.#quiet] ?? QUIET_MS[2]
    const waited = pause(jittered(quietMs), enough.signal, true).then(() => "quiet")
    const woken = await Promise.race([waited, this.#awake.promise])
    enough.abort()
    if (woken !== "quiet" || this.#ended.signal.aborted) return
    this.#doubt()
    this.#quiet++
  }

  #wake(): void {
    this.#awake.resolve()
    this.#awake = deferred()
  }

  #fail(error: Error): void {
    this.#failure ??= error instanceof PermissionViolationError ? denied(error) : error
    this.#wake()
  }

  #endWith(signal: AbortSignal | undefined): void {
    if (signal === undefined) return
    const end = () => this.#end()
    if (signal.aborted) {
      end()
      return
    }
    signal.addEventListener("abort", end, { once: true })
    this.#stops.push(() => signal.removeEventListener("abort", end))
  }

  #end(): void {
    if (this.#ended.signal.aborted) return
    this.#ended.abort()
    for (const stop of this.#stops) stop()
    if (!this.channel.link.closed) this.#subscription.unsubscribe()
    this.#buffer.length = 0
    this.#aside = []
    this.#wake()
  }
}

/** The yard may have forgotten the object since: then there is no last record, and that is no failure. */
function unlessForgotten(error: unknown): undefined {
  if (isClientError(error) && error.code === "unknown-actor") return undefined
  throw error
}

function denied(cause: PermissionViolationError): ClientError {
  return new ClientError(
    "denied",
    "no-access",
    `the NATS server does not let this user subscribe to ${cause.subject}`,
    "ask the operator for the permissions that docs/protocol.md lists",
    { cause },
  )
}

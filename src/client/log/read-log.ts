// The log of a yard or of one object, from the journal: what was, then what comes. Invariants:
// - Entries come in the order of the journal, none missing and none twice: what was is read in pages of `events`, what
//   comes is a Follower's, which goes on at the very sequence where the reading ended.
// - Times are found by halving the journal, as its records only grow older towards its beginning; what is no record is
//   skipped by the host. Nothing is read that is surely outside.
// - Memory holds `limit` entries at most.

import type { Kind } from "../../machines/names.js"
import type { Channel } from "../channel.js"
import type { CallOptions } from "../drydock.js"
import { ClientError } from "../errors.js"
import { Follower } from "../follower.js"
import { ask } from "../queries.js"
import { logEntries, QUIET_LOG_TYPES } from "./entries.js"
import type { LogEntry } from "./entry.js"

export interface LogOptions extends CallOptions {
  readonly kind?: Kind | undefined
  /** Only with `kind`. */
  readonly id?: string | undefined
  /** Nothing before it. Default: from the beginning. */
  readonly since?: Date | undefined
  /** Nothing at or after it. Default: up to now. */
  readonly until?: Date | undefined
  /** Only entries of these types. Default: all but heartbeats. */
  readonly types?: readonly string[] | undefined
  /** So many at most, the newest ones, of what was. 1 to 100,000. Default 1,000. */
  readonly limit?: number | undefined
  /** Goes on with what comes, until `signal` ends it without an error or the time is `until`. Default false. */
  readonly follow?: boolean | undefined
}

const PAGE = 500
const FIRST_WINDOW = 512
const MOST_WINDOW = 16_384
const DEFAULT_LIMIT = 1_000
const MOST = 100_000

/** Throws ClientError `invalid`, and what a query throws. */
export async function* readLog(channel: Channel, options: LogOptions = {}): AsyncGenerator<LogEntry, void> {
  const { kind, id, since, until, follow = false, limit = DEFAULT_LIMIT } = options
  if (id !== undefined && kind === undefined) throw invalid("log: an id without a kind", "name the kind too")
  if (!Number.isInteger(limit) || limit < 0 || limit > MOST)
    throw invalid(`log: a limit of ${limit}`, `a whole number up to ${MOST}`)
  const reader = new LogReader(channel, options)
  try {
    const end = await reader.end()
    const first = since === undefined ? 0 : await reader.lastBefore(since, end)
    const last = until === undefined ? end : await reader.lastBefore(until, end)
    yield* await reader.newest(first, last, limit)
    if (!follow || (until !== undefined && last < end)) return
    yield* follower(channel, reader, end)
  } catch (error) {
    // Whoever ends a log that goes on does so with its signal.
    if (follow && options.signal?.aborted === true) return
    throw error
  }
}

async function* follower(channel: Channel, reader: LogReader, after: number): AsyncGenerator<LogEntry, void> {
  const { kind, id, until, signal } = reader.options
  for await (const event of new Follower(channel, { kind, id, after, signal })) {
    if (until !== undefined && Date.parse(event.record.at) >= until.getTime()) return
    for (const entry of logEntries(event)) if (reader.isWanted(entry) && signal?.aborted !== true) yield entry
  }
}

class LogReader {
  readonly #types: ReadonlySet<string> | undefined

  constructor(
    private readonly channel: Channel,
    readonly options: LogOptions,
  ) {
    this.#types = options.types === undefined ? undefined : new Set(options.types)
  }

  isWanted({ type, at }: LogEntry): boolean {
    const { since, until } = this.options
    if (since !== undefined && Date.parse(at) < since.getTime()) return false
    if (until !== undefined && Date.parse(at) >= until.getTime()) return false
    return this.#types === undefined ? !QUIET_LOG_TYPES.has(type) : this.#types.has(type)
  }

  /** The journal's last sequence. */
  async end(): Promise<number> {
    return (await ask(this.channel, "status", {}, this.#call())).journal
  }

  /** The greatest sequence whose record is older than a time; 0 when there is none. */
  async lastBefore(time: Date, end: number): Promise<number> {
    // Everything up to `low` is older; whatever is beyond `high` is not.
    let [low, high] = [0, end]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const [next] = (await ask(this.channel, "events", { after: middle, limit: 1 }, this.#call())).items
      if (next === undefined || next.seq > high || Date.parse(next.record.at) >= time.getTime()) high = middle
      else low = next.seq
    }
    return low
  }

  /** The last entries of the records after `first` up to `last`: read backwards, in windows that grow. */
  async newest(first: number, last: number, limit: number): Promise<readonly LogEntry[]> {
    let found: readonly LogEntry[] = []
    let [to, window] = [last, FIRST_WINDOW]
    // An object's own records are few, and the host finds them by its subject: all at once.
    if (this.options.id !== undefined) window = Math.max(window, last)
    while (to > first && found.length < limit) {
      const from = Math.max(first, to - window)
      found = [...(await this.#between(from, to, limit)), ...found]
      to = from
      window = Math.min(MOST_WINDOW, window * 2)
    }
    return limit === 0 ? [] : found.slice(-limit)
  }

  /** The last `limit` entries of the records after `from` up to `to`. */
  async #between(from: number, to: number, limit: number): Promise<readonly LogEntry[]> {
    const { kind, id } = this.options
    const what = { ...(kind === undefined ? {} : { kind }), ...(id === undefined ? {} : { id }) }
    let found: LogEntry[] = []
    let after = from
    while (after < to) {
      const answer = await ask(this.channel, "events", { after, limit: PAGE, ...what }, this.#call())
      for (const event of answer.items)
        if (event.seq <= to) found.push(...logEntries(event).filter((entry) => this.isWanted(entry)))
      if (found.length > 2 * limit) found = found.slice(-limit)
      after = Math.max(after + 1, answer.next ?? answer.journal)
    }
    return found
  }

  #call(): CallOptions {
    const { signal, timeoutMs } = this.options
    return { signal, timeoutMs }
  }
}

function invalid(message: string, cure: string): ClientError {
  return new ClientError("impossible", "invalid", message, cure)
}

// Opens the connection and puts the parts together.

import type { Kind } from "../machines/names.js"
import type { RecordOf, YardRecord } from "../machines/record.js"
import { findAddress } from "./address.js"
import type { ListFilter, QueryName, Questions } from "./answers.js"
import { attachLease } from "./attach.js"
import { asError, type Channel } from "./channel.js"
import { send } from "./commands.js"
import type { CallOptions, ConnectOptions, Drydock, LeaseOptions, Term, WatchOptions } from "./drydock.js"
import { ClientError, isClientError, RejectedError } from "./errors.js"
import { Follower } from "./follower.js"
import { HolderClock } from "./holder-clock.js"
import { Link } from "./link.js"
import { readLog } from "./log/read-log.js"
import { Outcomes } from "./outcomes.js"
import { popularController } from "./pause.js"
import { ask } from "./queries.js"
import { requestLease } from "./request.js"
import { type RunCommandOptions, type RunResult, runCommand, runFunction, type Use } from "./run.js"
import { termBody } from "./term.js"

const TIMEOUT_MS = 15_000

/**
 * Connects to a yard. Throws ClientError `no-address` (nothing says where), `no-server` (nobody answers there),
 * `no-access` (wrong credentials), `invalid` (an option is out of its alphabet), or the signal's reason.
 */
export async function connect(options: ConnectOptions = {}): Promise<Drydock> {
  const address = await findAddress(options)
  const trouble = quietly(options.onTrouble)
  const link = await Link.open(address, { signal: options.signal, inboxPrefix: options.inboxPrefix, trouble })
  const { yard, principal } = address
  const outcomes = new Outcomes(trouble)
  link.nats.subscribe(Outcomes.subject(yard, principal), {
    callback: (error, message) => (error === null ? outcomes.receive(message) : outcomes.refused(error)),
  })
  const closing = popularController()
  const channel: Channel = {
    link,
    yard,
    principal,
    outcomes,
    clock: new HolderClock(),
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    closing: closing.signal,
    trouble,
  }
  return open(channel, async () => {
    closing.abort()
    await link.close()
  })
}

function open(channel: Channel, close: () => Promise<void>): Drydock {
  const query = <Name extends QueryName>(name: Name, body: Questions[Name], options?: CallOptions) =>
    ask(channel, name, body, options)

  async function command(kind: Kind, id: string, verb: string, body: object = {}, options?: CallOptions) {
    return (await send(channel, kind, id, verb, body, options)).outcome
  }

  /** The record of an accepted command. Throws RejectedError. */
  async function tell<K extends Kind>(
    kind: K,
    id: string,
    verb: string,
    body: object,
    options?: CallOptions,
  ): Promise<RecordOf<K>> {
    const outcome = await command(kind, id, verb, body, options)
    if (outcome.outcome === "rejected") throw new RejectedError(outcome)
    return ofKind(kind, outcome.record)
  }

  async function get<K extends Kind>(kind: K, id: string, options?: CallOptions) {
    try {
      return ofKind(kind, (await query("get", { kind, id }, options)).record)
    } catch (error) {
      if (isClientError(error) && error.code === "unknown-actor") return undefined
      throw error
    }
  }

  async function list<K extends Kind>(kind: K, filter: ListFilter = {}, options?: CallOptions) {
    const { items, next, journal } = await query("list", { ...filter, kind }, options)
    return { items: items.map((record) => ofKind(kind, record)), next, journal }
  }

  async function* each<K extends Kind>(kind: K, filter: ListFilter = {}, options?: CallOptions) {
    let after = filter.after
    do {
      const page = await list(kind, { ...filter, ...(after === undefined ? {} : { after }) }, options)
      yield* page.items
      after = page.next ?? undefined
    } while (after !== undefined)
  }

  async function history<K extends Kind>(kind: K, id: string, options?: CallOptions) {
    const records: { readonly seq: number; readonly record: RecordOf<K> }[] = []
    let after = 0
    for (;;) {
      const { items, next, journal } = await query("history", { kind, id, after }, options)
      for (const { seq, record } of items) records.push({ seq, record: ofKind(kind, record) })
      const last = items.at(-1)?.seq
      // A page that was cut ends with its last item; a whole one with the journal.
      if (last === undefined || next !== last || next >= journal) return records
      after = next
    }
  }

  const why = (id: string, options?: CallOptions) => query("why", { id }, options)
  function run<Result>(options: LeaseOptions, use: Use<Result>): Promise<Result>
  function run(options: LeaseOptions, argv: readonly string[], how?: RunCommandOptions): Promise<RunResult>
  function run<Result>(
    options: LeaseOptions,
    use: Use<Result> | readonly string[],
    how: RunCommandOptions = {},
  ): Promise<Result | RunResult> {
    return typeof use === "function"
      ? runFunction(channel, options, use)
      : runCommand(channel, options, use, how)
  }

  return {
    yard: channel.yard,
    principal: channel.principal,
    url: channel.link.shown,
    command,
    query,
    get,
    list,
    each,
    why,
    explain: why,
    lease: (options) => requestLease(channel, options),
    run,
    attach: (id, options) => attachLease(channel, id, options),
    release: (id, { reason, ...options } = {}) => tell("lease", id, "release", because(reason), options),
    renew: (id: string, term: Term = {}, options?: CallOptions) =>
      tell("lease", id, "renew", termBody(term), options),
    annotate: (kind, id, set, options) => tell(kind, id, "annotate", { set }, options),
    retry: (kind, id, options) => tell(kind, id, "retry", {}, options),
    abandon: (kind, id, { reason, ...options } = {}) => tell(kind, id, "abandon", because(reason), options),
    drain: (id, { reason, ...options } = {}) => tell("resource", id, "drain", because(reason), options),
    authorize: (id, principal, options) => tell("blueprint", id, "authorize", { principal }, options),
    decline: (id, principal, options) => tell("blueprint", id, "decline", { principal }, options),
    slots: async (prefix, options) =>
      (await query("slots", prefix === undefined ? {} : { prefix }, options)).items,
    commands: async (kind, id, options) => (await query("commands", { kind, id }, options)).items,
    history,
    status: (options) => query("status", {}, options),
    watch: (options = {}) => watch(channel, options),
    log: (options) => readLog(channel, options),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function because(reason: string | undefined): object {
  return reason === undefined ? {} : { reason }
}

function watch(channel: Channel, options: WatchOptions): Follower {
  if (options.id !== undefined && options.kind === undefined)
    throw new ClientError("impossible", "invalid", "watch: an id without a kind", "name the kind too")
  return new Follower(channel, { ...options, after: options.after })
}

function isOfKind<K extends Kind>(record: YardRecord, kind: K): record is YardRecord & RecordOf<K> {
  return record.kind === kind
}

function ofKind<K extends Kind>(kind: K, record: YardRecord): RecordOf<K> {
  if (isOfKind(record, kind)) return record
  throw new ClientError(
    "bug",
    "bad-answer",
    `asked for a ${kind}, got ${record.kind}/${record.id}`,
    "bring client and host to the same version of drydock",
  )
}

/** A callback of the caller's must not break what calls it. */
function quietly(onTrouble: ConnectOptions["onTrouble"]): (error: Error) => void {
  return (error) => {
    try {
      onTrouble?.(error)
    } catch (thrown) {
      process.emitWarning(`onTrouble threw: ${asError(thrown).message}`, "DrydockWarning")
    }
  }
}

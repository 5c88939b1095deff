// The public face of the library: interfaces only. `connect` makes what stands here.

import type { JsonObject } from "../machines/json.js"
import type { Kind } from "../machines/names.js"
import type {
  BlueprintRecord,
  LeaseRecord,
  RecordOf,
  ResourceRecord,
  YardRecord,
} from "../machines/record.js"
import type {
  Answers,
  CommandRow,
  ListFilter,
  QueryName,
  Questions,
  SlotRow,
  StatusAnswer,
  WhyAnswer,
} from "./answers.js"
import type { LogEntry } from "./log/entry.js"
import type { LogOptions } from "./log/read-log.js"
import type { Outcome } from "./outcomes.js"
import type { RunCommandOptions, RunResult } from "./run.js"

/** `"90s"`, `"30m"`, `"2h"`, `"1d"`. `asDuration` checks a text of unknown origin. */
export type Duration = `${number}${"ms" | "s" | "m" | "h" | "d"}`

export interface ConnectOptions {
  /** `nats://host:port`, several with commas, or `nats://user:password@host:port`. Default: `DRYDOCK_NATS_URL`, then `.drydock/up.json` here or in a parent folder. */
  readonly url?: string | undefined
  /** Default: `DRYDOCK_YARD`, then what `up.json` says, then `default`. */
  readonly yard?: string | undefined
  /** Who speaks. Default: `DRYDOCK_PRINCIPAL`, then the name of the OS user. */
  readonly principal?: string | undefined
  /** Ends the attempt to connect. */
  readonly signal?: AbortSignal | undefined
  /** How long a command or a query may take unless the call says otherwise, a fail-over included. Default 15,000. */
  readonly timeoutMs?: number | undefined
  /** Prefix of the reply subjects, where the server's permissions want one of its own. Default `_INBOX`. */
  readonly inboxPrefix?: string | undefined
  /** Told of trouble that belongs to no call: a renewal that failed and is tried again, a message that does not parse. Default: nothing. */
  readonly onTrouble?: ((error: Error) => void) | undefined
}

/** What every call takes. */
export interface CallOptions {
  /** Ends the call; it throws the signal's reason. What was published stays published. */
  readonly signal?: AbortSignal | undefined
  /** Default: that of the connection. */
  readonly timeoutMs?: number | undefined
}

export interface LeaseOptions {
  /** Type of the resource, such as `host`. */
  readonly type: string
  /** Blueprints that may serve it, in order of preference. Default: any. */
  readonly blueprints?: readonly string[] | undefined
  readonly attributes?: { readonly [name: string]: unknown } | undefined
  /** How long it lasts from `active` and after each renewal. Default with `autoRenew` `60s`; else until it is released. */
  readonly ttl?: Duration | undefined
  /** The hard end, ISO 8601 or a Date; also ends the waiting. Renewals never go beyond it. */
  readonly until?: string | Date | undefined
  /** Default `<principal>_<random>`. The same id again with the same content is the same lease. */
  readonly id?: string | undefined
  /** How long to wait. 0: only if nobody has to let go first. `forever`: until the signal. Default `10m`. */
  readonly wait?: Duration | 0 | "forever" | undefined
  /** Ends the waiting: what was asked for is released. It does not end a lease that was given. */
  readonly signal?: AbortSignal | undefined
  /** Told why it waits: when it begins to, and whenever the reason or the position changes. */
  readonly onWaiting?: ((why: WhyAnswer) => void) | undefined
  /** Told once when the end is near, as its blueprint says (`warnBefore`), and not renewed yet: renew it, or finish. */
  readonly onWarning?: ((warning: LeaseWarning) => void) | undefined
  /** Told every record of the lease, from the request to the end, in order. */
  readonly onRecord?: ((record: LeaseRecord) => void) | undefined
  /** Renews every third of `ttl` until released or lost. Default true. */
  readonly autoRenew?: boolean | undefined
  /** How long before its end an unrenewed lease counts as lost, so that work can stop in time. Default: a tenth of `ttl`, at most 2,000. */
  readonly graceMs?: number | undefined
  /** X25519 public key, base64url: secrets of the lease are sealed to it. */
  readonly sealTo?: string | undefined
  /** Told when the release at the end of `await using` or of `run` failed. Default: a process warning. */
  readonly onReleaseError?: ((error: Error) => void) | undefined
}

/** The end of a lease is near. */
export interface LeaseWarning {
  readonly lease: string
  /** When it ends, by the yard's clock. */
  readonly until: Date
  readonly record: LeaseRecord
}

export interface AttachOptions
  extends Pick<LeaseOptions, "autoRenew" | "graceMs" | "onRecord" | "onWarning" | "onReleaseError"> {
  readonly signal?: AbortSignal | undefined
  /** What to renew by. Default: the `ttl` that the lease was asked with. */
  readonly ttl?: Duration | undefined
}

export interface Term {
  readonly ttl?: Duration | undefined
  readonly until?: string | Date | undefined
}

/** A lease that is held. Leaving its scope (`await using`) releases it. */
export interface Lease extends AsyncDisposable {
  readonly id: string
  /** The fencing token: grows with every grant of the yard. Give it to whatever can refuse an older one. */
  readonly token: number
  /** The resource as it was when the lease became active; what its blueprint pinned is in `context.attributes`. */
  readonly resource: ResourceRecord
  /** What workers told that a holder needs, such as addresses and paths: those of the resource, then those of the lease. */
  readonly details: JsonObject
  /** The last record of the lease that is known here. */
  readonly record: LeaseRecord
  /** When it ends unless it is renewed, by the yard's clock; undefined when it has no end. */
  readonly until: Date | undefined
  /** Aborts as soon as the lease is not surely held any more, with a LeaseLostError as its reason. */
  readonly lost: AbortSignal
  /** Extends it, from now; without a term by the `ttl` of before. Throws LeaseLostError when it is over. */
  renew(term?: Term, options?: CallOptions): Promise<Date | undefined>
  /** Gives it back. Again = the same answer. Throws if the yard did not confirm within the time limit (10 s). */
  release(options?: CallOptions & { readonly reason?: string | undefined }): Promise<void>
  /** Stops renewing and following without releasing: somebody else adopts it by `attach`. */
  detach(): void
}

/** A record and its place in the journal. */
export interface JournalEvent {
  readonly seq: number
  readonly record: YardRecord
}

export interface WatchOptions {
  readonly kind?: Kind | undefined
  /** Only with `kind`. */
  readonly id?: string | undefined
  /** Journal sequence to go on after. Default: from now. 0: from the beginning. */
  readonly after?: number | undefined
  /** Ends the watch; the iteration finishes without an error. */
  readonly signal?: AbortSignal | undefined
}

/** A connection to one yard as one principal. */
export interface Drydock extends AsyncDisposable {
  readonly yard: string
  readonly principal: string
  /** Where it is connected, without credentials. */
  readonly url: string

  /** Leases a resource: resolves when it is active. Throws ClientError by `kind`; nothing is left behind then. */
  lease(options: LeaseOptions): Promise<Lease>
  /** Adopts an active lease, for example of a step before. Throws `conflict` when it is not active. */
  attach(leaseId: string, options?: AttachOptions): Promise<Lease>
  /** Leases, calls, releases. Throws LeaseLostError when it was lost meanwhile, whatever the function returned. */
  run<Result>(options: LeaseOptions, use: (lease: Lease) => Promise<Result> | Result): Promise<Result>
  /** Leases a host, runs a command on it, releases. The command is stopped when the lease is lost. */
  run(options: LeaseOptions, argv: readonly string[], command?: RunCommandOptions): Promise<RunResult>

  /** Releases a lease by id, whoever holds it. Throws RejectedError. */
  release(
    leaseId: string,
    options?: CallOptions & { readonly reason?: string | undefined },
  ): Promise<LeaseRecord>
  /** Renews a lease by id. Throws RejectedError. */
  renew(leaseId: string, term?: Term, options?: CallOptions): Promise<LeaseRecord>

  /** Sets notes of a lease or a resource; null removes one. Throws RejectedError: `over-limit`, `unknown-actor`. */
  annotate<K extends "lease" | "resource">(
    kind: K,
    id: string,
    set: { readonly [name: string]: string | null },
    options?: CallOptions,
  ): Promise<RecordOf<K>>
  /** What is stuck (`quarantine` in its context) is tried again. Throws RejectedError `not-allowed` when nothing is. */
  retry<K extends "lease" | "resource">(kind: K, id: string, options?: CallOptions): Promise<RecordOf<K>>
  /** Gives up taking down what ends: its slots are free, whatever is left in the world. Throws RejectedError. */
  abandon<K extends "lease" | "resource">(
    kind: K,
    id: string,
    options?: CallOptions & { readonly reason?: string | undefined },
  ): Promise<RecordOf<K>>
  /** The resource gives nothing new, and ends after its last lease. Throws RejectedError. */
  drain(
    resourceId: string,
    options?: CallOptions & { readonly reason?: string | undefined },
  ): Promise<ResourceRecord>
  /** Lets a principal use a blueprint, whether or not it asked. Throws RejectedError `unknown-actor`, `over-limit`. */
  authorize(blueprintId: string, principal: string, options?: CallOptions): Promise<BlueprintRecord>
  /** Keeps a principal from a blueprint; what it holds stays held. Throws RejectedError. */
  decline(blueprintId: string, principal: string, options?: CallOptions): Promise<BlueprintRecord>

  /** The last record of an object; undefined when there is none. Reads your writes. */
  get<K extends Kind>(kind: K, id: string, options?: CallOptions): Promise<RecordOf<K> | undefined>
  /** One page of objects, by id. `next` of a page is `after` of the following. */
  list<K extends Kind>(
    kind: K,
    filter?: ListFilter,
    options?: CallOptions,
  ): Promise<{
    readonly items: readonly RecordOf<K>[]
    readonly next: string | null
    readonly journal: number
  }>
  /** Every object, page by page. */
  each<K extends Kind>(kind: K, filter?: ListFilter, options?: CallOptions): AsyncIterable<RecordOf<K>>
  slots(prefix?: string, options?: CallOptions): Promise<readonly SlotRow[]>
  /** The queue of an object: what waits, and what became of the recent commands. */
  commands(kind: Kind, id: string, options?: CallOptions): Promise<readonly CommandRow[]>
  history<K extends Kind>(
    kind: K,
    id: string,
    options?: CallOptions,
  ): Promise<readonly { readonly seq: number; readonly record: RecordOf<K> }[]>
  /** Why a lease waits, and what would end it. */
  why(leaseId: string, options?: CallOptions): Promise<WhyAnswer>
  /** The same as `why`. */
  explain(leaseId: string, options?: CallOptions): Promise<WhyAnswer>
  status(options?: CallOptions): Promise<StatusAnswer>
  /** Every record from a sequence on, in order, none missing, none twice, however slow the reader is. */
  watch(options?: WatchOptions): AsyncIterable<JournalEvent>

  /**
   * What happened, one sentence each, oldest first; with `follow` also what happens, none missing. Throws ClientError
   * `invalid`, and what a query throws.
   */
  log(options?: LogOptions): AsyncIterable<LogEntry>

  /**
   * Publishes one command and waits for what became of it; a rejection is a value. Published again under a new id
   * when the outcome stays unknown: every verb is idempotent. Throws ClientError `no-server`, `no-host`, `no-outcome`,
   * `busy` (the queue is full), `over-limit` (the stream refuses it).
   */
  command(kind: Kind, id: string, verb: string, body?: object, options?: CallOptions): Promise<Outcome>
  /** Asks the host. Throws ClientError: `no-host`, or the code that the host gave. */
  query<Name extends QueryName>(
    name: Name,
    body: Questions[Name],
    options?: CallOptions,
  ): Promise<Answers[Name]>

  /** Stops renewing, then closes the connection. What is still held ends by its `ttl`. */
  close(): Promise<void>
}

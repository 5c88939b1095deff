// From asking for a lease to holding it. Invariants:
// - It ends in exactly one of: an active lease in the caller's hand, or an error after the lease was given back. What
//   was published is withdrawn by a release, which stands behind it in the same queue.
// - The follower subscribes before the request is published, so no record of the lease is missed.

import type { LeaseRecord } from "../machines/record.js"
import type { WhyAnswer } from "./answers.js"
import { asError, type Channel } from "./channel.js"
import { send } from "./commands.js"
import type { Duration, Lease, LeaseOptions } from "./drydock.js"
import { ClientError, RejectedError, UndecidedError } from "./errors.js"
import { Follower } from "./follower.js"
import { newLeaseId } from "./ids.js"
import { orAborted } from "./link.js"
import { popularController, timeLimit } from "./pause.js"
import { ask } from "./queries.js"
import { takeOver } from "./take-over.js"
import { termBody, toInstant, toMs } from "./term.js"
import { WaitingExplainer } from "./waiting.js"
import { YardTime } from "./yard-time.js"

/** Of a lease that renews itself: so long after its holder died it is free again. */
export const DEFAULT_TTL: Duration = "60s"
const DEFAULT_WAIT: Duration = "10m"
const WITHDRAW_MS = 5_000
/** How long a release that is queued is waited for. */
const DECIDED_MS = 1_000
const EXPLAIN_MS = 1_000

/** What a lease waits for although nobody who holds something has to let go. */
const PROGRESS: ReadonlySet<string> = new Set(["allocating", "reclaiming", "thrown-back"])

export async function requestLease(channel: Channel, options: LeaseOptions): Promise<Lease> {
  options.signal?.throwIfAborted()
  return new LeaseRequest(channel, options).run()
}

class LeaseRequest {
  readonly #id: string
  readonly #ttl: Duration | undefined
  readonly #until: string | undefined
  readonly #follower: Follower
  readonly #yardTime: YardTime
  readonly #settled = popularController()
  readonly #explainer: WaitingExplainer | undefined
  #latest: LeaseRecord | undefined
  #refused = false

  constructor(
    private readonly channel: Channel,
    private readonly options: LeaseOptions,
  ) {
    this.#id = options.id ?? newLeaseId(channel.principal)
    const isRenewed = options.autoRenew ?? true
    const hasTerm = options.ttl !== undefined || options.until !== undefined
    this.#ttl = options.ttl === undefined && isRenewed && !hasTerm ? DEFAULT_TTL : options.ttl
    if (this.#ttl !== undefined) checkGrace(toMs(this.#ttl), options.graceMs)
    this.#until = options.until === undefined ? undefined : toInstant(options.until)
    this.#yardTime = new YardTime(channel.clock)
    this.#explainer =
      options.onWaiting === undefined
        ? undefined
        : new WaitingExplainer(channel, this.#id, options.onWaiting, this.#settled.signal)
    this.#follower = new Follower(channel, { kind: "lease", id: this.#id, after: 0 })
  }

  async run(): Promise<Lease> {
    try {
      await this.#ask()
      await this.#untilActive()
      return await this.#take()
    } catch (error) {
      await this.#follower.return()
      throw await this.#afterWithdrawal(error)
    } finally {
      this.#settled.abort()
    }
  }

  /** Publishes the request and takes in its outcome. */
  async #ask(): Promise<void> {
    const { type, blueprints, attributes, sealTo, signal } = this.options
    const body = {
      type,
      ...(blueprints === undefined ? {} : { blueprints }),
      ...(attributes === undefined ? {} : { attributes }),
      ...(sealTo === undefined ? {} : { sealTo }),
      ...termBody({ ttl: this.#ttl, until: this.#until }),
    }
    const { outcome, sentMs, firstSentMs } = await send(this.channel, "lease", this.#id, "request", body, {
      signal,
    })
    if (outcome.outcome === "rejected") {
      this.#refused = true
      throw new RejectedError(outcome)
    }
    this.#yardTime.learn(outcome, sentMs)
    // Nobody else can have asked under an id that nobody can guess: an earlier attempt of ours did.
    if (!this.#yardTime.isKnown && this.options.id === undefined)
      this.#yardTime.learnFrom(outcome.record, firstSentMs)
    if (outcome.record.kind === "lease") this.#see(outcome.record)
  }

  async #untilActive(): Promise<void> {
    const timeout = this.#waitTimeout()
    const stop = AbortSignal.any([
      timeout,
      ...(this.options.signal === undefined ? [] : [this.options.signal]),
    ])
    while (this.#latest?.to !== "active") {
      if (this.#latest !== undefined) this.#checkHope(this.#latest)
      try {
        const { done, value } = await orAborted(this.#follower.next(), stop)
        if (done === true)
          throw new ClientError("bug", "closed", "the connection was closed", "connect again")
        if (value.record.kind === "lease") this.#see(value.record)
      } catch (error) {
        this.options.signal?.throwIfAborted()
        if (timeout.aborted) throw await this.#waitedEnough()
        throw error
      }
    }
  }

  #waitTimeout(): AbortSignal {
    const { wait = DEFAULT_WAIT } = this.options
    if (wait === "forever") return new AbortController().signal
    // Even who does not want to wait for others lets the yard finish what it has begun.
    return timeLimit(wait === 0 ? this.channel.timeoutMs : toMs(wait), this.#settled.signal)
  }

  /** Throws when it will not become active, or not without waiting for others by who does not want to. */
  #checkHope(record: LeaseRecord): void {
    const { reason, waiting } = record.context
    if (record.to === "released" || record.to === "broken" || record.to === "destroyed")
      throw endedEarly(this.#id, reason ?? { code: record.to, message: `it is ${record.to}` })
    if (this.options.wait === 0 && waiting !== null && !PROGRESS.has(waiting.code))
      throw new ClientError(
        "unavailable",
        "not-free",
        `nothing of type ${this.options.type} is free: ${waiting.code}`,
        "try again later, or wait for it: `wait`",
      )
  }

  async #waitedEnough(): Promise<ClientError> {
    const { wait = DEFAULT_WAIT, type } = this.options
    const explain = await this.#why()
    const because = explain === undefined || explain.summary === "" ? "" : `: ${explain.summary}`
    const cure = explain?.unblock[0] ?? `\`drydock why ${this.#id}\` tells what it waits for`
    const text = wait === 0 ? `nothing of type ${type} was free` : `waited ${wait} for a ${type}`
    return new ClientError("timeout", "waited", `${text}${because}`, cure, { explain })
  }

  async #why(): Promise<WhyAnswer | undefined> {
    try {
      return await ask(this.channel, "why", { id: this.#id }, { timeoutMs: EXPLAIN_MS })
    } catch (error) {
      this.channel.trouble(asError(error))
      return undefined
    }
  }

  #see(record: LeaseRecord): void {
    if (this.#latest !== undefined && record.rev <= this.#latest.rev) return
    this.#latest = record
    this.options.onRecord?.(record)
    if (record.to === "pending") this.#explainer?.stillWaiting()
  }

  async #take(): Promise<Lease> {
    const record = this.#latest
    const { token, resource: resourceId } = record?.context ?? { token: null, resource: null }
    if (record === undefined || token === null || resourceId === null)
      throw new ClientError(
        "bug",
        "bad-record",
        `lease ${this.#id} is active without a resource`,
        "report it",
      )
    const renewBy =
      (this.options.autoRenew ?? true) && this.#ttl !== undefined
        ? { ttl: this.#ttl, until: this.#until }
        : undefined
    // Made at once by the request: its end is known. Otherwise it is as if adopted.
    const isExact = this.#yardTime.isKnown && record.rev === 1
    return takeOver(this.channel, {
      record,
      token,
      resourceId,
      renewBy,
      isExact,
      yardTime: this.#yardTime,
      follower: this.#follower,
      options: this.options,
    })
  }

  /** Gives back what was asked for; the error says so if that could not be confirmed. */
  async #afterWithdrawal(error: unknown): Promise<unknown> {
    // A refused request has left nothing; the id may belong to somebody else.
    if (this.#refused) return error
    try {
      await send(
        this.channel,
        "lease",
        this.#id,
        "release",
        {},
        { timeoutMs: WITHDRAW_MS, queuedMs: DECIDED_MS },
      )
    } catch (second) {
      // It stands behind the request in the same queue: whoever decides the one decides the other.
      if (second instanceof UndecidedError && second.queuedAs !== undefined) return error
      this.channel.trouble(
        new ClientError(
          "unavailable",
          "not-withdrawn",
          `lease ${this.#id} was asked for and could not be given back: ${asError(second).message}`,
          `check it with \`drydock show lease/${this.#id}\`, and release it`,
          { cause: second },
        ),
      )
    }
    return error
  }
}

/** It is renewed when two thirds of its time are left: with a longer grace it would be lost by then. */
function checkGrace(ttlMs: number, graceMs: number | undefined): void {
  if (graceMs === undefined || graceMs <= ttlMs / 2) return
  throw new ClientError(
    "impossible",
    "invalid",
    `a grace of ${graceMs} ms is more than half of the ttl of ${ttlMs} ms`,
    "give it a longer ttl or a shorter graceMs",
  )
}

function endedEarly(id: string, reason: { readonly code: string; readonly message: string }): ClientError {
  const text = `lease ${id} ended before it became active: ${reason.message}`
  if (reason.code === "unsatisfiable")
    return new ClientError("impossible", "unsatisfiable", text, "ask for what `drydock ls blueprints` offers")
  if (reason.code === "expired") return new ClientError("timeout", "expired", text, "give it a later `until`")
  if (reason.code === "released")
    return new ClientError(
      "conflict",
      "released",
      text,
      "somebody gave it up: ask again if you still want it",
    )
  return new ClientError("unavailable", reason.code, text, "ask again")
}

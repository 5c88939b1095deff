// A lease in the hand of its holder. Invariants:
// - `lost` aborts before the yard can give the resource to anybody else: the end is counted by the holder's own clock
//   from *before* the last renewal was sent, less a grace in which work can stop.
// - Once lost, always lost; a renewal that is answered too late does not revive it.
// - An end that the yard tells (released, expired, resource gone) is lost as well, unless this handle released it.
// - After release, loss or detach nothing is renewed any more.

import { durationMs } from "../machines/duration.js"
import type { JsonObject } from "../machines/json.js"
import type { LeaseRecord, ResourceRecord } from "../machines/record.js"
import type { EndReason } from "../machines/stimulus.js"
import { asError, type Channel } from "./channel.js"
import { type SendOptions, send } from "./commands.js"
import type { CallOptions, Duration, Lease, LeaseOptions, Term } from "./drydock.js"
import { LeaseLostError, RejectedError } from "./errors.js"
import type { Follower } from "./follower.js"
import { isAtLongest } from "./longest.js"
import { popularController } from "./pause.js"
import { RenewalLoop } from "./renewal.js"
import { termBody, toInstant } from "./term.js"
import type { YardTime } from "./yard-time.js"

export interface Holding {
  readonly record: LeaseRecord
  readonly resource: ResourceRecord
  readonly token: number
  readonly follower: Follower
  readonly yardTime: YardTime
  /** What each renewal asks for; undefined: none is sent. */
  readonly renewBy: { readonly ttl: Duration; readonly until?: string | undefined } | undefined
  readonly graceMs: number
  readonly onRecord: LeaseOptions["onRecord"]
  readonly onWarning: LeaseOptions["onWarning"]
  readonly onReleaseError: LeaseOptions["onReleaseError"]
}

const RELEASE_MS = 10_000
/** When it is lost anyway, nobody waits long for a yard that does not answer. */
const RELEASE_LOST_MS = 2_000
/** How often the deadline is looked at. */
const LOOK_MS = 1_000
/** How long one renewal waits for its answer before it is sent again. */
const MOST_PATIENCE_MS = 5_000
const ENDED: ReadonlySet<string> = new Set(["released", "broken", "destroyed"])

export class HeldLease implements Lease {
  readonly id: string
  readonly token: number
  readonly resource: ResourceRecord
  readonly #lost = popularController()
  /** Aborts with loss, release and detach: nothing more is done for the lease. */
  readonly #over = popularController()
  #record: LeaseRecord
  #renewBy: Holding["renewBy"]
  #deadlineMs: number | undefined
  #timer: NodeJS.Timeout | undefined
  #releasing: Promise<void> | undefined

  constructor(
    private readonly channel: Channel,
    private readonly holding: Holding,
  ) {
    this.id = holding.record.id
    this.token = holding.token
    this.resource = holding.resource
    this.#record = holding.record
    this.#renewBy = holding.renewBy
    this.#adopt(holding.record)
    this.#follow().catch((error: unknown) => channel.trouble(asError(error)))
    if (holding.renewBy !== undefined) this.#keepRenewing(durationMs(holding.renewBy.ttl))
  }

  get record(): LeaseRecord {
    return this.#record
  }

  get details(): JsonObject {
    return { ...this.resource.context.details, ...this.#record.context.details }
  }

  get until(): Date | undefined {
    const { until } = this.#record.context
    return until === null ? undefined : new Date(until)
  }

  /** Looks at the clock first: after a stall of this program the timer may not have had its turn yet. */
  get lost(): AbortSignal {
    this.#checkDeadline()
    return this.#lost.signal
  }

  async renew(term: Term = {}, options: CallOptions = {}): Promise<Date | undefined> {
    this.lost.throwIfAborted()
    const isBare = term.ttl === undefined && term.until === undefined
    await this.#renew(isBare ? (this.#renewBy ?? {}) : term, options)
    // A term without `until` has none any more; the renewals to come keep to that.
    if (!isBare && this.#renewBy !== undefined) this.#renewBy = { ttl: this.#renewBy.ttl, ...untilOf(term) }
    return this.until
  }

  release(options: CallOptions & { readonly reason?: string | undefined } = {}): Promise<void> {
    this.#releasing ??= this.#release(options).catch((error: unknown) => {
      // The next call tries again.
      this.#releasing = undefined
      throw error
    })
    return this.#releasing
  }

  detach(): void {
    this.#stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.release()
    } catch (error) {
      this.#tellReleaseError(asError(error))
    }
  }

  #keepRenewing(ttlMs: number): void {
    const loop = new RenewalLoop(this.channel, {
      ttlMs,
      over: this.#over.signal,
      leftMs: () => this.#leftMs(),
      isAtHardEnd: () => this.#isAtHardEnd(),
      renew: (timeoutMs) =>
        this.#renew(this.#renewBy ?? {}, {
          timeoutMs,
          patienceMs: Math.min(MOST_PATIENCE_MS, ttlMs / 6),
          signal: this.#over.signal,
        }),
    })
    loop.run().catch((error: unknown) => this.channel.trouble(asError(error)))
  }

  /** No renewal goes beyond its own `until`, nor beyond the longest time that its blueprint allows. */
  #isAtHardEnd(): boolean {
    const { until } = this.#record.context
    if (this.#renewBy === undefined || isAtLongest(this.#record)) return true
    return until !== null && this.#renewBy.until === until
  }

  async #renew(term: Term, options: SendOptions): Promise<void> {
    const { outcome, sentMs } = await send(this.channel, "lease", this.id, "renew", termBody(term), options)
    if (outcome.outcome === "rejected") {
      this.#understandRefusal(outcome.code)
      this.lost.throwIfAborted()
      throw new RejectedError(outcome)
    }
    this.holding.yardTime.learn(outcome, sentMs)
    if (outcome.record.kind === "lease") this.#see(outcome.record)
    this.lost.throwIfAborted()
  }

  /** A lease that takes no renewal has probably ended. */
  #understandRefusal(code: string): void {
    if (code === "unknown-actor")
      this.#lose({ code: "unknown", message: "the yard does not know it any more" }, undefined)
    // Its end is in the journal already: the follower is told now what it would have heard anyway.
    if (code === "not-allowed") this.holding.follower.lookAgain()
  }

  async #release(options: CallOptions & { readonly reason?: string | undefined }): Promise<void> {
    const { reason, ...call } = options
    const timeoutMs = call.timeoutMs ?? (this.#lost.signal.aborted ? RELEASE_LOST_MS : RELEASE_MS)
    this.#stop()
    const body = reason === undefined ? {} : { reason }
    const { outcome } = await send(this.channel, "lease", this.id, "release", body, { ...call, timeoutMs })
    if (outcome.outcome === "accepted") {
      if (outcome.record.kind === "lease") this.#see(outcome.record)
      return
    }
    // Forgotten by the yard is as released as can be.
    if (outcome.code !== "unknown-actor") throw new RejectedError(outcome)
  }

  async #follow(): Promise<void> {
    try {
      for await (const { record } of this.holding.follower) if (record.kind === "lease") this.#see(record)
    } catch (error) {
      // Nobody can say any more whether it is still held; the deadline still holds.
      this.channel.trouble(asError(error))
    }
  }

  #see(record: LeaseRecord): void {
    if (record.rev <= this.#record.rev) return
    this.#record = record
    this.#tell(record)
    this.#adopt(record)
  }

  #tell(record: LeaseRecord): void {
    try {
      this.holding.onRecord?.(record)
      const { until } = record.context
      if (until !== null && isWarning(record))
        this.holding.onWarning?.({ lease: this.id, until: new Date(until), record })
    } catch (error) {
      this.channel.trouble(asError(error))
    }
  }

  /** Draws the consequences of the last record: ended, another grant, or another end. */
  #adopt(record: LeaseRecord): void {
    if (this.#over.signal.aborted) return
    if (ENDED.has(record.to)) {
      const reason = record.context.reason ?? { code: record.to, message: `it is ${record.to}` }
      this.#lose(reason, record)
      return
    }
    if (record.context.token !== this.token) {
      this.#lose({ code: "thrown-back", message: "its resource was taken from it" }, record)
      return
    }
    const { until } = record.context
    this.#deadlineMs =
      until === null ? undefined : this.holding.yardTime.toHolderMs(until) - this.holding.graceMs
    this.#arm()
  }

  #leftMs(): number {
    return this.#deadlineMs === undefined
      ? Number.POSITIVE_INFINITY
      : this.#deadlineMs - this.channel.clock.nowMs()
  }

  #arm(): void {
    clearTimeout(this.#timer)
    this.#checkDeadline()
    if (this.#over.signal.aborted || this.#deadlineMs === undefined) return
    // Looked at often enough to notice a sleep of the machine, in which timers stand still.
    const delayMs = Math.min(Math.max(1, this.#leftMs()), LOOK_MS)
    this.#timer = setTimeout(() => this.#arm(), delayMs)
    this.#timer.unref()
  }

  #checkDeadline(): void {
    if (this.#over.signal.aborted || this.#leftMs() > 0) return
    const { until } = this.#record.context
    this.#lose(
      this.#isAtHardEnd()
        ? { code: "expired", message: `its time ends at ${until ?? "an unknown time"}` }
        : { code: "not-renewed", message: "no renewal was confirmed in time" },
      undefined,
    )
  }

  #lose(reason: EndReason, record: LeaseRecord | undefined): void {
    if (this.#over.signal.aborted) return
    this.#lost.abort(new LeaseLostError(this.id, reason, record))
    this.#stop()
  }

  #stop(): void {
    this.#over.abort()
    clearTimeout(this.#timer)
    this.holding.follower.return().catch((error: unknown) => this.channel.trouble(asError(error)))
  }

  #tellReleaseError(error: Error): void {
    const { onReleaseError } = this.holding
    if (onReleaseError === undefined) {
      process.emitWarning(`lease ${this.id} was not released: ${error.message}`, "DrydockWarning")
      return
    }
    try {
      onReleaseError(error)
    } catch (second) {
      this.channel.trouble(asError(second))
    }
  }
}

/** Its timer `warn` has come: a record of `expire` that changes no state. */
function isWarning({ event, to }: LeaseRecord): boolean {
  const { body } = event
  const isWarn = typeof body === "object" && body !== null && "timer" in body && body.timer === "warn"
  return to === "active" && event.type === "expire" && isWarn
}

function untilOf(term: Term): { readonly until?: string } {
  return term.until === undefined ? {} : { until: toInstant(term.until) }
}

// One command, from publishing it to what became of it. Invariants:
// - The outcome decides, never the PubAck: that one only says whether the command is in the queue.
// - Unknown (no PubAck, no outcome, a connection that broke) is published again under a new id: every verb of the
//   protocol is idempotent. The ids of earlier attempts stay awaited, the first outcome of any of them counts.
// - `sentMs` is read before the message leaves, so that a lease is never thought to be younger than it is.

import { errors, headers } from "nats"
import { type Kind, OBJECT_ID } from "../machines/names.js"
import { commandSubject, querySubject } from "../machines/subjects.js"
import type { Channel } from "./channel.js"
import type { CallOptions } from "./drydock.js"
import { ClientError, UndecidedError } from "./errors.js"
import { newCommandId } from "./ids.js"
import { orAborted } from "./link.js"
import type { Outcome } from "./outcomes.js"
import { backOff, deferred, jittered, pause } from "./pause.js"
import { type Ack, ackOf, ackOfFailure, busy } from "./pub-ack.js"

/** How long the first attempt waits for its outcome; the next ones twice as long each. A fail-over takes 3 s. */
const PATIENCE_MS = 5_000
const MOST_PATIENCE_MS = 30_000
/** After a reconnect: an outcome sent meanwhile is lost, one on its way still comes. */
const AFTER_BREAK_MS = 300
const ACK_MS = 5_000
/** How long a full queue is tried again before it is `busy`. A host that lives makes room by reading. */
const FULL_MS = 2_000
const PROBE_MS = 500

export interface Sent {
  readonly outcome: Outcome
  /** By the holder's clock, before the attempt that was answered was published. */
  readonly sentMs: number
  /** The same of the first attempt. */
  readonly firstSentMs: number
}

export interface SendOptions extends CallOptions {
  /** Once it is surely in the queue, wait no longer than this for its outcome, milliseconds. */
  readonly queuedMs?: number | undefined
  /** How long the first attempt waits for its outcome, milliseconds. Default 5,000. */
  readonly patienceMs?: number | undefined
}

/**
 * Throws ClientError `no-server`, `no-yard`, `no-host`, `no-outcome`, `busy`, `over-limit`, `no-access`, `invalid`, or
 * the signal's reason.
 */
export async function send(
  channel: Channel,
  kind: Kind,
  id: string,
  verb: string,
  body: object,
  options: SendOptions = {},
): Promise<Sent> {
  const attempts = new Attempts(channel, subjectOf(channel, kind, id, verb), JSON.stringify(body), options)
  try {
    return await attempts.run()
  } finally {
    attempts.end()
  }
}

class Attempts {
  readonly #answer = deferred<Sent>()
  readonly #ids: string[] = []
  #deadlineMs: number
  readonly #timeoutMs: number
  readonly #signal: AbortSignal | undefined
  #answered = false
  #queuedAs: number | undefined
  #firstSentMs: number | undefined
  #fullSinceMs: number | undefined

  constructor(
    private readonly channel: Channel,
    private readonly subject: string,
    private readonly payload: string,
    private readonly options: SendOptions,
  ) {
    this.#timeoutMs = options.timeoutMs ?? channel.timeoutMs
    this.#deadlineMs = performance.now() + this.#timeoutMs
    this.#signal = options.signal
  }

  async run(): Promise<Sent> {
    let lastAck: Ack = { is: "unknown" }
    for (let attempt = 0; this.#leftMs() > 0; attempt++) {
      this.#signal?.throwIfAborted()
      if (this.channel.link.closed) throw closed()
      await this.channel.link.untilStanding(this.#leftMs(), this.#signal)
      if (!this.channel.link.standing) continue
      const ack = await this.#attempt(attempt)
      if (this.#answered) return this.#answer.promise
      // An attempt that the time limit cut short tells less than the one before.
      if (ack.is !== "unknown" || this.#leftMs() > 0) lastAck = ack
    }
    throw await this.#giveUp(lastAck)
  }

  end(): void {
    for (const id of this.#ids) this.channel.outcomes.forget(id)
  }

  /** Publishes it and waits for its outcome, until it makes no sense to wait for this attempt any longer. */
  async #attempt(attempt: number): Promise<Ack> {
    const { link, closing } = this.channel
    const enough = new AbortController()
    const end = () => enough.abort()
    const stopListening = link.onBack(() => {
      pause(AFTER_BREAK_MS, enough.signal).then(end, this.channel.trouble)
    })
    closing.addEventListener("abort", end, { once: true })
    try {
      const broken = aborting(enough.signal).then((): Ack => ({ is: "unknown" }))
      const ack = await orAborted(Promise.race([this.#publish(), broken]), this.#signal)
      if (!this.#answered) await this.#patience(attempt, ack, enough.signal)
      return ack
    } finally {
      stopListening()
      closing.removeEventListener("abort", end)
      enough.abort()
    }
  }

  /** Resolves with the PubAck, or as soon as the outcome is there. */
  async #publish(): Promise<Ack> {
    const { link, outcomes, clock } = this.channel
    const commandId = newCommandId()
    const sentMs = clock.nowMs()
    this.#firstSentMs ??= sentMs
    const firstSentMs = this.#firstSentMs
    this.#ids.push(commandId)
    outcomes.expect(commandId, (outcome) => {
      this.#answered = true
      this.#answer.resolve({ outcome, sentMs, firstSentMs })
    })
    const fields = headers()
    fields.set("Drydock-Id", commandId)
    const acked = link.nats
      .request(this.subject, this.payload, {
        headers: fields,
        timeout: Math.max(1, Math.min(ACK_MS, this.#leftMs())),
      })
      .then((reply) => ackOf(reply.string()))
      .catch((error: unknown) => ackOfFailure(error, this.channel.principal))
    // When the outcome is faster, it does not matter any more what the PubAck says.
    const ack = await Promise.race([acked, this.#answer.promise.then((): Ack => ({ is: "unknown" }))])
    if (ack.is === "queued") this.#queued(ack.seq)
    return ack
  }

  #queued(seq: number): void {
    this.#queuedAs = seq
    const { queuedMs } = this.options
    if (queuedMs !== undefined) this.#deadlineMs = Math.min(this.#deadlineMs, performance.now() + queuedMs)
  }

  async #patience(attempt: number, ack: Ack, enough: AbortSignal): Promise<void> {
    if (ack.is === "full") {
      this.#fullSinceMs ??= performance.now()
      if (performance.now() - this.#fullSinceMs > FULL_MS) throw busy(ack.text)
    }
    const waitMs =
      ack.is === "queued"
        ? Math.min(MOST_PATIENCE_MS, jittered(this.options.patienceMs ?? PATIENCE_MS) * 2 ** attempt)
        : backOff(attempt, 50, 1_000)
    const waited = pause(Math.min(waitMs, this.#leftMs()), enough)
    await orAborted(Promise.race([waited, this.#answer.promise]), this.#signal)
  }

  async #giveUp(lastAck: Ack): Promise<ClientError> {
    const { link, yard, outcomes, principal } = this.channel
    if (lastAck.is === "full") return busy(lastAck.text)
    if (lastAck.is === "nowhere") return noYard(yard)
    if (outcomes.unheard !== undefined)
      return new ClientError(
        "denied",
        "no-access",
        `the NATS server does not let ${principal} hear the outcomes of its commands`,
        "connect as the principal that the credentials belong to, or ask the operator",
        { cause: outcomes.unheard },
      )
    const queuedAs = this.#queuedAs
    if (!link.standing)
      return new UndecidedError(
        "unavailable",
        "no-server",
        `the connection to ${link.shown} is down`,
        "start the yard with `drydock up`, or try again: the client reconnects by itself",
        queuedAs,
      )
    if (await isUnserved(this.channel))
      return new UndecidedError(
        "unavailable",
        "no-host",
        `no host is serving the yard ${yard}`,
        "start one with `drydock up` or `drydock host`: it goes on with what is queued",
        queuedAs,
      )
    return new UndecidedError(
      "timeout",
      "no-outcome",
      `the yard did not answer within ${this.#timeoutMs} ms`,
      "look at `drydock commands`, then repeat: doing it twice is safe",
      queuedAs,
    )
  }

  #leftMs(): number {
    return this.#deadlineMs - performance.now()
  }
}

function aborting(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener("abort", () => resolve(), { once: true })
  })
}

function subjectOf(channel: Channel, kind: Kind, id: string, verb: string): string {
  if (!OBJECT_ID.test(id))
    throw new ClientError(
      "impossible",
      "invalid",
      `not an id: ${JSON.stringify(id.slice(0, 80))}`,
      "letters, digits, _ and -, at most 64, beginning with a letter or digit",
    )
  if (!/^[a-z][a-z-]{0,31}$/.test(verb))
    throw new ClientError(
      "impossible",
      "invalid",
      `not a verb: ${JSON.stringify(verb)}`,
      "see docs/protocol.md",
    )
  return commandSubject(channel.yard, kind, id, verb, channel.principal)
}

/** Whether surely nobody answers queries at the moment. */
async function isUnserved(channel: Channel): Promise<boolean> {
  try {
    await channel.link.nats.request(querySubject(channel.yard, "status", channel.principal), "{}", {
      timeout: PROBE_MS,
    })
    return false
  } catch (error) {
    return error instanceof Error && error.cause instanceof errors.NoRespondersError
  }
}

function noYard(yard: string): ClientError {
  return new ClientError(
    "unavailable",
    "no-yard",
    `this server has no yard ${yard}`,
    "start one with `drydock up` or `drydock host`, or name another with DRYDOCK_YARD",
  )
}

function closed(): ClientError {
  return new ClientError("bug", "closed", "the connection was closed", "connect again")
}

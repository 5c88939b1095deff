// One stream of the in-memory server, with the measured semantics of nats-server's: the fence names a number and not a
// writer, so behind a refused append the next one is accepted; a batch is stored whole or not at all; a purge beyond
// the end moves the next sequence there; a repeated `Nats-Msg-Id` is answered and not stored.

import type { StreamMessage } from "./delivery.js"
import type { StreamFacts } from "./log.js"
import { subjectMatches } from "./subject-pattern.js"

export interface Refusal {
  readonly errCode: number
  readonly description: string
}

export interface Submission {
  readonly subject: string
  readonly data: Uint8Array
  readonly headers: { readonly [name: string]: string }
}

export interface MemoryStreamSettings {
  readonly name: string
  readonly subjects: readonly string[]
  readonly maxMessages: number
  readonly maxMessageBytes: number
  /** What becomes of a second message on a subject: it is kept too, it replaces the first, or it is refused. */
  readonly second: "keep" | "replace" | "refuse"
  readonly atomic: boolean
}

const DUPLICATE_WINDOW_MS = 120_000
const BATCH_LIMIT = 1_000

export class MemoryStream {
  maxMessages: number
  #messages: StreamMessage[] = []
  #firstSeq = 1
  #lastSeq = 0
  readonly #lastOfSubject = new Map<string, StreamMessage>()
  readonly #remembered = new Map<string, { seq: number; untilMs: number }>()

  constructor(readonly settings: MemoryStreamSettings) {
    this.maxMessages = settings.maxMessages
  }

  takes(subject: string): boolean {
    return this.settings.subjects.some((pattern) => subjectMatches(pattern, subject))
  }

  facts(): StreamFacts {
    return {
      firstSeq: this.#firstSeq,
      lastSeq: this.#lastSeq,
      messages: this.#messages.length,
      maxMessages: this.maxMessages,
    }
  }

  /** What is held from a sequence on, ascending; a copy. */
  from(seq: number): readonly StreamMessage[] {
    return this.#messages.slice(this.#indexOf(seq))
  }

  /** The first message at or after a sequence. */
  next(seq: number): StreamMessage | undefined {
    return this.#messages[this.#indexOf(seq)]
  }

  lastOf(subject: string): StreamMessage | undefined {
    return this.#lastOfSubject.get(subject)
  }

  lastPerSubject(): readonly StreamMessage[] {
    return [...this.#lastOfSubject.values()].sort((a, b) => a.seq - b.seq)
  }

  /**
   * Stores all or none. One submission without batch headers is an ordinary publish. Stored: the messages with the
   * sequence that their subject had last.
   */
  store(
    submissions: readonly Submission[],
    nowMs: number,
  ): Refusal | { readonly duplicateOf: number } | readonly { message: StreamMessage; previous: number }[] {
    const duplicate = submissions.length === 1 ? this.#duplicate(submissions[0], nowMs) : undefined
    if (duplicate !== undefined) return { duplicateOf: duplicate }
    const refusal = this.#refusal(submissions, nowMs)
    if (refusal !== undefined) return refusal
    return submissions.map((submission) => this.#add(submission, nowMs))
  }

  /** Removes everything below a sequence. */
  purge(below: number): void {
    if (below <= this.#firstSeq) return
    this.#remove((message) => message.seq < below)
    this.#firstSeq = below
    this.#lastSeq = Math.max(this.#lastSeq, below - 1)
  }

  /** Forgets one subject up to a sequence, without a trace. The server does so too when a marker runs out. */
  forget(subject: string, upTo = Number.POSITIVE_INFINITY): void {
    this.#messages = this.#messages.filter((message) => message.subject !== subject || message.seq > upTo)
    if ((this.#lastOfSubject.get(subject)?.seq ?? upTo) <= upTo) this.#lastOfSubject.delete(subject)
    this.#firstSeq = this.#messages[0]?.seq ?? this.#lastSeq + 1
  }

  /** Index of the first message at or after a sequence. */
  #indexOf(seq: number): number {
    let low = 0
    let high = this.#messages.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#messages[middle]?.seq ?? 0) < seq) low = middle + 1
      else high = middle
    }
    return low
  }

  #remove(gone: (message: StreamMessage) => boolean): void {
    this.#messages = this.#messages.filter((message) => !gone(message))
    for (const [subject, message] of this.#lastOfSubject) {
      if (gone(message)) this.#lastOfSubject.delete(subject)
    }
  }

  #add(submission: Submission, nowMs: number): { message: StreamMessage; previous: number } {
    const { subject, data, headers } = submission
    const seq = ++this.#lastSeq
    const previous = this.#lastOfSubject.get(subject)
    const message: StreamMessage = {
      seq,
      timestampMs: nowMs,
      subject,
      // No prototype: as a message from nats-server has none.
      headers: Object.keys(headers).length === 0 ? undefined : Object.assign(Object.create(null), headers),
      data: data.slice(),
    }
    if (previous !== undefined && this.settings.second === "replace") this.forget(subject)
    this.#messages.push(message)
    this.#lastOfSubject.set(subject, message)
    const id = headers["Nats-Msg-Id"]
    if (id !== undefined) this.#remembered.set(id, { seq, untilMs: nowMs + DUPLICATE_WINDOW_MS })
    return { message, previous: previous?.seq ?? 0 }
  }

  #refusal(submissions: readonly Submission[], nowMs: number): Refusal | undefined {
    if (submissions.length > BATCH_LIMIT) return refused(10199, "atomic publish batch is too large: 1000")
    if (submissions.length > 1 && !this.settings.atomic) return refused(10174, "atomic publish is disabled")
    for (const submission of submissions) {
      if (sizeOf(submission) > this.settings.maxMessageBytes) {
        return refused(10054, "message size exceeds maximum allowed")
      }
      if (submissions.length > 1 && this.#duplicate(submission, nowMs) !== undefined) {
        return refused(10201, "atomic publish batch contains duplicate message id")
      }
    }
    const first = submissions[0]
    const expected = first?.headers["Nats-Expected-Last-Sequence"]
    if (expected !== undefined && Number(expected) !== this.#lastSeq) {
      return refused(10071, `wrong last sequence: ${this.#lastSeq}`)
    }
    const expectedOfSubject = first?.headers["Nats-Expected-Last-Subject-Sequence"]
    if (first !== undefined && expectedOfSubject !== undefined) {
      const last = this.#lastOfSubject.get(first.subject)?.seq ?? 0
      if (Number(expectedOfSubject) !== last) return refused(10071, `wrong last sequence: ${last}`)
    }
    if (first !== undefined && this.settings.second === "refuse" && this.#lastOfSubject.has(first.subject)) {
      return refused(10077, "maximum messages per subject exceeded")
    }
    const room = this.maxMessages < 0 || this.#messages.length + submissions.length <= this.maxMessages
    return room ? undefined : refused(10077, "maximum messages exceeded")
  }

  #duplicate(submission: Submission | undefined, nowMs: number): number | undefined {
    const id = submission?.headers["Nats-Msg-Id"]
    if (id === undefined) return undefined
    const known = this.#remembered.get(id)
    if (known === undefined) return undefined
    if (known.untilMs > nowMs) return known.seq
    this.#remembered.delete(id)
    return undefined
  }
}

export function refused(errCode: number, description: string): Refusal {
  return { errCode, description }
}

/** Headers and body, as the server counts them. */
function sizeOf({ data, headers }: Submission): number {
  let bytes = data.length
  for (const [name, value] of Object.entries(headers)) bytes += name.length + value.length + 4
  return bytes + (Object.keys(headers).length > 0 ? 12 : 0)
}

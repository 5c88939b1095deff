// A log server in memory, for tests and the simulator: several hosts and clients share one. It decides in the order of
// the calls, and everything that it says arrives later, never inside the call: an answer, a repeated event, a marker.
//
// It also takes the role of every other client: `publish` is what anybody with full rights could send.

import { LIMITS } from "../../machines/limits.js"
import { streamName } from "../../machines/subjects.js"
import { COMMAND_LIMIT, claimedSubject, claimSubject } from "../../nats/streams.js"
import type { Cancellable, Clock } from "../hosting/clock.js"
import type { StreamMessage } from "./delivery.js"
import type { LogFault } from "./log.js"
import {
  MemoryStream,
  type MemoryStreamSettings,
  type Refusal,
  refused,
  type Submission,
} from "./memory-stream.js"
import { MemoryWork } from "./memory-work.js"
import { subjectMatches } from "./subject-pattern.js"

export interface MemoryServerOptions {
  readonly yard: string
  readonly clock: Clock
  /** The stream's clock at the clock's zero, milliseconds since 1970. Default 2026-01-01. */
  readonly startMs?: number
  /** Default 1 MiB, as nats-server's. */
  readonly maxPayloadBytes?: number
  /** How what was said comes to arrive. Default: in order, after the current turn. A simulator may delay. */
  readonly later?: (arrive: () => void) => void
}

/** A message for a plain subscriber. */
export interface Broadcast {
  readonly subject: string
  readonly headers: { readonly [name: string]: string }
  readonly data: Uint8Array
  readonly reply: string | undefined
}

/** What the server says to a publish. */
export type PublishAnswer =
  | { readonly seq: number; readonly duplicate: boolean }
  | Refusal
  /** No stream takes the subject. */
  | undefined

/** What goes wrong with the next write of a host. */
export interface Mishap {
  readonly on: "append" | "send" | "claim"
  /** `lose-ack`: stored, but the writer only learns that it is uncertain. A fault: refused for that reason. */
  readonly what: "lose-ack" | LogFault
}

const CLAIM_MARK_MS = 3_600_000

export class MemoryServer {
  readonly yard: string
  readonly clock: Clock
  readonly maxPayloadBytes: number
  readonly streams = new Map<string, MemoryStream>()
  /** Who takes jobs out of WORK. */
  readonly work: MemoryWork
  /** While true every append and send is refused as `storage-full`. */
  storageFull = false
  readonly #startMs: number
  readonly #later: (arrive: () => void) => void
  readonly #subscribers = new Set<{ pattern: string; hear: (broadcast: Broadcast) => void }>()
  readonly #stored = new Set<(stream: string) => void>()
  readonly #mishaps: Mishap[] = []
  #eventsToDrop = 0
  #inboxes = 0
  #claimEnd: Cancellable | undefined

  constructor(options: MemoryServerOptions) {
    this.yard = options.yard
    this.clock = options.clock
    this.maxPayloadBytes = options.maxPayloadBytes ?? 1024 * 1024
    this.#startMs = options.startMs ?? Date.UTC(2026, 0, 1)
    this.#later = options.later ?? queueMicrotask
    this.work = new MemoryWork(
      this.clock,
      () => this.stream("WORK"),
      (arrive) => this.#later(arrive),
    )
    this.onStored((stream) => {
      if (stream === streamName(this.yard, "WORK")) this.work.look()
    })
  }

  /** The stream's clock. */
  nowMs(): number {
    return this.#startMs + Math.floor(this.clock.monotonicMs())
  }

  /** Makes whatever stream of the yard is missing. */
  setUp(): void {
    for (const settings of streamsOf(this.yard)) {
      if (!this.streams.has(settings.name)) this.streams.set(settings.name, new MemoryStream(settings))
    }
  }

  stream(kind: "COMMANDS" | "JOURNAL" | "WORK" | "CLAIM"): MemoryStream | undefined {
    return this.streams.get(streamName(this.yard, kind))
  }

  /** Loses a whole stream. */
  deleteStream(kind: "COMMANDS" | "JOURNAL" | "WORK" | "CLAIM"): void {
    this.streams.delete(streamName(this.yard, kind))
    if (kind === "CLAIM") this.#claimEnd?.cancel()
  }

  /** The next write of that kind goes wrong in that way; several are taken in their order. */
  inject(mishap: Mishap): void {
    this.#mishaps.push(mishap)
  }

  /** The next so many events reach nobody. */
  dropEvents(count: number): void {
    this.#eventsToDrop += count
  }

  takeMishap(on: Mishap["on"]): Mishap | undefined {
    const index = this.#mishaps.findIndex((mishap) => mishap.on === on)
    return index < 0 ? undefined : this.#mishaps.splice(index, 1)[0]
  }

  /** Runs a call in a later turn, in the order of asking. */
  later(arrive: () => void): void {
    this.#later(arrive)
  }

  /** Publishes as any client with full rights could, a person's command or a foreign record for instance. */
  async publish(
    subject: string,
    data: Uint8Array | string,
    headers: { readonly [name: string]: string } = {},
    reply?: string,
  ): Promise<PublishAnswer> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data
    const answer = this.submit([{ subject, data: bytes, headers }], reply)
    return await new Promise((resolve) => this.later(() => resolve(answer)))
  }

  /** Stores or refuses at once; everybody who must hear of it does so later. */
  submit(submissions: readonly Submission[], reply?: string): PublishAnswer {
    const first = submissions[0]
    if (first === undefined) return undefined
    for (const submission of submissions) this.broadcast({ ...submission, reply })
    const stream = [...this.streams.values()].find((candidate) => candidate.takes(first.subject))
    if (stream === undefined) return undefined
    if (this.storageFull) return refused(10047, "insufficient storage resources available")
    const result = stream.store(submissions, this.nowMs())
    if ("errCode" in result) return result
    if ("duplicateOf" in result) return { seq: result.duplicateOf, duplicate: true }
    for (const { message, previous } of result) this.#afterStoring(stream, message, previous)
    for (const hear of [...this.#stored]) hear(stream.settings.name)
    return { seq: stream.facts().lastSeq, duplicate: false }
  }

  /** Plain publish: whoever listens, hears it later. */
  broadcast(broadcast: Broadcast): void {
    for (const subscriber of [...this.#subscribers]) {
      if (!subjectMatches(subscriber.pattern, broadcast.subject)) continue
      this.later(() => {
        if (this.#subscribers.has(subscriber)) subscriber.hear(broadcast)
      })
    }
  }

  /** Returns what ends it. */
  subscribe(pattern: string, hear: (broadcast: Broadcast) => void): () => void {
    const subscriber = { pattern, hear }
    this.#subscribers.add(subscriber)
    return () => this.#subscribers.delete(subscriber)
  }

  /** Sends a request and resolves to the first answer. */
  request(subject: string, data: Uint8Array | string): Promise<Uint8Array> {
    const inbox = `_INBOX.memory.${++this.#inboxes}`
    return new Promise((resolve) => {
      const end = this.subscribe(inbox, (answer) => {
        end()
        resolve(answer.data)
      })
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data
      this.broadcast({ subject, data: bytes, headers: {}, reply: inbox })
    })
  }

  /** Tells (at once, so be quick) that a stream has got something. Returns what ends it. */
  onStored(hear: (stream: string) => void): () => void {
    this.#stored.add(hear)
    return () => this.#stored.delete(hear)
  }

  #afterStoring(stream: MemoryStream, message: StreamMessage, previous: number): void {
    if (stream === this.stream("JOURNAL")) {
      if (this.#eventsToDrop > 0) this.#eventsToDrop--
      else this.#repeat(stream, message, previous, message.subject.replace(".journal.", ".event."))
    }
    if (stream === this.stream("CLAIM")) {
      this.#repeat(stream, message, previous, claimedSubject(this.yard))
      this.#limitLife(stream, message)
    }
  }

  #repeat(stream: MemoryStream, message: StreamMessage, previous: number, subject: string): void {
    const headers = {
      ...message.headers,
      "Nats-Stream": stream.settings.name,
      "Nats-Subject": message.subject,
      "Nats-Sequence": String(message.seq),
      "Nats-Time-Stamp": new Date(message.timestampMs).toISOString(),
      "Nats-Last-Sequence": String(previous),
    }
    this.broadcast({ subject, data: message.data, headers, reply: undefined })
  }

  /** A claim that runs out leaves a marker; a marker that runs out leaves nothing. */
  #limitLife(stream: MemoryStream, message: StreamMessage): void {
    this.#claimEnd?.cancel()
    this.#claimEnd = undefined
    const ttlMs = durationMs(message.headers?.["Nats-TTL"])
    if (ttlMs === undefined) return
    this.#claimEnd = this.clock.after(ttlMs, () => {
      if (message.headers?.["Nats-Marker-Reason"] !== undefined) {
        stream.forget(message.subject)
        return
      }
      const headers = {
        "Nats-Marker-Reason": "MaxAge",
        "Nats-TTL": `${CLAIM_MARK_MS}ms`,
        "Nats-Rollup": "sub",
      }
      this.submit([{ subject: message.subject, data: new Uint8Array(), headers }])
    })
  }
}

function durationMs(text: string | undefined): number | undefined {
  const match = /^(\d+)ms$/.exec(text ?? "")
  return match === null ? undefined : Number(match[1])
}

function streamsOf(yard: string): readonly MemoryStreamSettings[] {
  const unlimited: Omit<MemoryStreamSettings, "name" | "subjects"> = {
    maxMessages: -1,
    maxMessageBytes: Number.POSITIVE_INFINITY,
    second: "keep",
    atomic: false,
  }
  return [
    {
      ...unlimited,
      name: streamName(yard, "COMMANDS"),
      subjects: [`drydock.${yard}.command.*.*.*.*`, `drydock.${yard}.internal.*.*.*.*`],
      maxMessages: COMMAND_LIMIT,
      maxMessageBytes: LIMITS.commandBodyBytes + LIMITS.commandHeaderBytes,
    },
    {
      ...unlimited,
      name: streamName(yard, "JOURNAL"),
      subjects: [`drydock.${yard}.journal.*.*`],
      atomic: true,
    },
    {
      ...unlimited,
      name: streamName(yard, "WORK"),
      subjects: [`drydock.${yard}.work.*.*`],
      second: "refuse",
    },
    { ...unlimited, name: streamName(yard, "CLAIM"), subjects: [claimSubject(yard)], second: "replace" },
  ]
}

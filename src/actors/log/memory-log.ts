// The Log port over the in-memory server: one host's connection to it. The same specs hold for it as for nats-server
// (test/actors/log/specs.ts). `disconnect` and `reconnect` break and mend the connection; the server remembers.

import { claimSubject } from "../../nats/streams.js"
import { BATCH_LIMIT } from "./appender.js"
import type { StreamMessage } from "./delivery.js"
import { type JournalEntry, type Log, LogError, type Question, type Reading } from "./log.js"
import { MemoryClaimWatch } from "./memory-claim-watch.js"
import { MemoryCommandReader } from "./memory-command-reader.js"
import type { MemoryServer, Mishap, PublishAnswer } from "./memory-server.js"
import type { MemoryStream, Submission } from "./memory-stream.js"
import { faultOf } from "./pub-ack.js"
import { mayAnswer } from "./query-server.js"
import { subjectMatches } from "./subject-pattern.js"

export interface MemoryLog extends Log {
  /** Breaks the connection; what is under way becomes uncertain. */
  disconnect(): void
  /** Mends it; readings go on where they were. */
  reconnect(): void
}

/** A connection to the server. Throws nothing; `setUp` makes the streams. */
export function openMemoryLog(server: MemoryServer): MemoryLog {
  return new MemoryConnection(server)
}

class MemoryConnection implements MemoryLog {
  readonly #underWay = new Set<(error: LogError) => void>()
  readonly #lost = new Set<() => void>()
  readonly #regained = new Set<() => void>()
  readonly #ends = new Set<() => void>()
  #connected = true
  #closed = false

  constructor(readonly server: MemoryServer) {}

  setUp(): Promise<{ readonly serverVersion: string; readonly syncsAlways: boolean | undefined }> {
    return this.#call(() => {
      this.server.setUp()
      return { serverVersion: "in-memory", syncsAlways: true }
    })
  }

  commandFacts(): ReturnType<Log["commandFacts"]> {
    return this.#call(() => this.#stream("COMMANDS").facts())
  }

  journalFacts(): ReturnType<Log["journalFacts"]> {
    return this.#call(() => this.#stream("JOURNAL").facts())
  }

  async append(after: number, entries: readonly JournalEntry[]): Promise<void> {
    const first = entries[0]
    if (first === undefined) return
    if (entries.length > BATCH_LIMIT) throw new RangeError(`the server takes ${BATCH_LIMIT} records at once`)
    const [, ...others] = entries
    const headers = { ...first.headers, "Nats-Expected-Last-Sequence": String(after) }
    await this.#write("append", [{ ...first, headers }, ...others], "storage-full")
  }

  async send(subject: string, data: Uint8Array, headers: { readonly [name: string]: string }): Promise<void> {
    await this.#write("send", [{ subject, data, headers }], "queue-full")
  }

  workFor(types: readonly string[]): Promise<void> {
    return this.#call(() => {
      for (const type of types) this.server.work.makeConsumer(type)
    })
  }

  async order(
    subject: string,
    data: Uint8Array,
    headers: { readonly [name: string]: string },
  ): Promise<void> {
    try {
      await this.#write("send", [{ subject, data, headers }], "queue-full")
    } catch (error) {
      // One message per subject: it lies there already.
      if (!(error instanceof LogError && error.fault === "queue-full")) throw error
    }
  }

  async *lastPerSubject(): AsyncGenerator<StreamMessage> {
    yield* await this.#call(() => this.#stream("JOURNAL").lastPerSubject())
  }

  async *journal(
    from: number,
    { subject, limit }: { readonly subject?: string; readonly limit?: number } = {},
  ): AsyncGenerator<StreamMessage> {
    const held = await this.#call(() => this.#stream("JOURNAL").from(from))
    yield* held.filter((message) => subject === undefined || message.subject === subject).slice(0, limit)
  }

  lastOf(subject: string, upTo = Number.POSITIVE_INFINITY): ReturnType<Log["lastOf"]> {
    return this.#call(() =>
      this.#stream("JOURNAL")
        .from(1)
        .findLast((message) => message.subject === subject && message.seq <= upTo),
    )
  }

  async readCommands(
    from: number,
    deliver: (message: StreamMessage) => void,
  ): ReturnType<Log["readCommands"]> {
    await this.#call(() => this.#stream("COMMANDS"))
    const reader = new MemoryCommandReader(this.server, () => this.connected(), from, deliver)
    const unhook = this.#onRegained(() => reader.wake())
    this.#ends.add(() => reader.stop())
    return {
      pause: () => reader.pause(),
      resume: () => reader.resume(),
      stop: () => {
        unhook()
        return reader.stop()
      },
    }
  }

  commandsOf(subjects: readonly string[], limit: number): ReturnType<Log["commandsOf"]> {
    return this.#call(() =>
      this.#stream("COMMANDS")
        .from(1)
        .filter((message) => subjects.some((pattern) => subjectMatches(pattern, message.subject)))
        .slice(-limit),
    )
  }

  async *commands(
    from: number,
    { subjects }: { readonly subjects?: readonly string[] } = {},
  ): AsyncGenerator<StreamMessage> {
    const held = await this.#call(() => this.#stream("COMMANDS").from(from))
    yield* held.filter(({ subject }) => subjects?.some((one) => subjectMatches(one, subject)) ?? true)
  }

  dropJobs(): Promise<void> {
    return this.#call(() => {
      const work = this.server.stream("WORK")
      work?.purge(work.facts().lastSeq + 1)
    })
  }

  forget(subject: string, upTo: number): Promise<void> {
    return this.#call(() => this.#stream("JOURNAL").forget(subject, upTo))
  }

  purgeCommands(below: number): Promise<void> {
    return this.#call(() => this.#stream("COMMANDS").purge(below))
  }

  setCommandLimit(maxMessages: number): Promise<void> {
    return this.#call(() => {
      this.#stream("COMMANDS").maxMessages = maxMessages
    })
  }

  tell(subject: string, data: Uint8Array): void {
    if (this.connected()) this.server.broadcast({ subject, data, headers: {}, reply: undefined })
  }

  flush(): Promise<void> {
    return this.#call(() => undefined)
  }

  serveQueries(ask: (question: Question) => void): Promise<Reading> {
    const end = this.server.subscribe(`drydock.${this.server.yard}.query.*.*`, ({ subject, data, reply }) => {
      const [, , , name, principal] = subject.split(".")
      if (!this.connected() || name === undefined || principal === undefined) return
      if (reply === undefined || !mayAnswer(reply)) return
      ask({ name, principal, data, answer: (body) => this.#answer(reply, body) })
    })
    this.#ends.add(end)
    const stop = () =>
      new Promise<void>((resolve) =>
        this.server.later(() => {
          end()
          resolve()
        }),
      )
    return Promise.resolve({ stop })
  }

  async claim(expect: number, holder: string, ttlMs: number): Promise<number | undefined> {
    return await this.#writeClaim(expect, holder, { "Nats-TTL": `${ttlMs}ms` })
  }

  async dropClaim(seq: number): Promise<void> {
    await this.#writeClaim(seq, "", {})
  }

  watchClaim(changed: Parameters<Log["watchClaim"]>[0]): ReturnType<Log["watchClaim"]> {
    const watch = new MemoryClaimWatch(this.server, () => this.connected(), changed)
    this.#ends.add(() => watch.stop())
    return Promise.resolve(watch)
  }

  connected(): boolean {
    return this.#connected && !this.#closed
  }

  onDisconnect(lost: () => void): void {
    this.#lost.add(lost)
  }

  close(): Promise<void> {
    this.#closed = true
    for (const end of this.#ends) end()
    this.#failAll("this end closed the connection")
    return Promise.resolve()
  }

  disconnect(): void {
    if (!this.connected()) return
    this.#connected = false
    this.#failAll("the connection to the server broke")
    for (const call of [...this.#lost]) call()
  }

  reconnect(): void {
    if (this.#connected) return
    this.#connected = true
    for (const call of [...this.#regained]) call()
  }

  #onRegained(call: () => void): () => void {
    this.#regained.add(call)
    return () => this.#regained.delete(call)
  }

  #stream(kind: "COMMANDS" | "JOURNAL"): MemoryStream {
    const stream = this.server.stream(kind)
    if (stream === undefined) throw new LogError("unavailable", `the stream ${kind} does not exist`)
    return stream
  }

  async #writeClaim(
    expect: number,
    holder: string,
    ttl: { readonly [name: string]: string },
  ): Promise<number | undefined> {
    const headers = { ...ttl, "Nats-Expected-Last-Subject-Sequence": String(expect) }
    const submission = {
      subject: claimSubject(this.server.yard),
      data: new TextEncoder().encode(holder),
      headers,
    }
    try {
      return await this.#write("claim", [submission], "storage-full")
    } catch (error) {
      if (error instanceof LogError && error.fault === "fenced") return undefined
      throw error
    }
  }

  async #write(
    on: Mishap["on"],
    submissions: readonly Submission[],
    full: "queue-full" | "storage-full",
  ): Promise<number> {
    if (submissions.some(({ data }) => data.length > this.server.maxPayloadBytes)) {
      throw new LogError("too-large", `larger than the server's ${this.server.maxPayloadBytes} bytes`)
    }
    const answer = await this.#call((): PublishAnswer => {
      const mishap = this.server.takeMishap(on)
      if (mishap !== undefined && mishap.what !== "lose-ack") throw new LogError(mishap.what, "as injected")
      const stored = this.server.submit(submissions)
      if (mishap !== undefined) throw new LogError("uncertain", "stored, and the answer lost, as injected")
      return stored
    })
    if (answer === undefined) throw new LogError("unavailable", "no stream takes this subject")
    if (!("errCode" in answer)) return answer.seq
    const fault = faultOf(answer.errCode, answer.description)
    throw new LogError(fault === "queue-full" ? full : fault, `${answer.description} (${answer.errCode})`)
  }

  /** Done at once on the server, in the order of the calls; known to the caller later, unless the connection breaks. */
  #call<T>(work: () => T): Promise<T> {
    if (!this.connected()) return Promise.reject(new LogError("unavailable", "not connected to the server"))
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject)
      const settle = attempt(work)
      this.server.later(() => {
        if (!this.#underWay.delete(reject)) return
        if ("error" in settle) reject(settle.error)
        else resolve(settle.value)
      })
    })
  }

  #failAll(why: string): void {
    const all = [...this.#underWay]
    this.#underWay.clear()
    for (const fail of all) fail(new LogError("uncertain", why))
  }

  #answer(reply: string, body: Uint8Array): void {
    if (body.length > this.server.maxPayloadBytes) {
      throw new LogError("too-large", `an answer of ${body.length} bytes`)
    }
    if (this.connected()) {
      this.server.broadcast({ subject: reply, data: body, headers: {}, reply: undefined })
    }
  }
}

/** The error travels to the caller of the port as a rejection. */
function attempt<T>(work: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: work() }
  } catch (error) {
    return { error }
  }
}

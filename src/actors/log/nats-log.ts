// The Log port over nats-server: this file only joins the parts, which share one connection and one inbox.

import type { NatsConnection } from "nats"
import { streamName } from "../../machines/subjects.js"
import { type NatsAccess, openConnection } from "../../nats/connect.js"
import { setUpYard } from "../../nats/set-up.js"
import { DrydockError } from "../error.js"
import { type Clock, systemClock } from "../hosting/clock.js"
import { append } from "./appender.js"
import { readNow } from "./bounded-read.js"
import { Claim } from "./claim.js"
import { CommandReader } from "./command-reader.js"
import { Link } from "./link.js"
import { type CommandMessage, type JournalMessage, type Log, LogError } from "./log.js"
import { serveQueries } from "./query-server.js"
import { Replies } from "./replies.js"
import { Sender } from "./sender.js"
import { StreamApi } from "./stream-api.js"

export interface NatsLogOptions extends NatsAccess {
  readonly yard: string
  /** Copies of every stream: 1, or 3 in a cluster. Default: as they are; of new ones, 1. */
  readonly replicas?: number | undefined
  /** How long the server may take to answer before an outcome is called uncertain, milliseconds. Default 5,000. */
  readonly answerTimeoutMs?: number | undefined
  readonly clock?: Clock | undefined
}

/** Connects. Throws DrydockError `no-server`, `not-authorized`, `bad-url`. The log owns its connection. */
export async function openNatsLog(options: NatsLogOptions): Promise<Log> {
  return natsLog(await openConnection(options), options)
}

/** Over a connection that stands already; `close` closes it. */
function natsLog(
  nats: NatsConnection,
  options: Pick<NatsLogOptions, "yard" | "replicas" | "answerTimeoutMs" | "clock">,
): Log {
  const { yard } = options
  const clock = options.clock ?? systemClock
  const link = new Link(nats)
  const replies = new Replies(link, clock, options.answerTimeoutMs ?? 5_000)
  const sender = new Sender(replies)
  const api = new StreamApi(replies)
  const claim = new Claim(replies, api, clock, yard, options.replicas)
  const reading = { replies, api, clock }
  const commands = streamName(yard, "COMMANDS")
  const journal = streamName(yard, "JOURNAL")
  let closing = false

  return {
    setUp: async () => {
      const { serverVersion } = await setUpYard(nats, yard, options.replicas).catch((error: unknown) => {
        if (error instanceof DrydockError) throw error
        throw new LogError("unavailable", "the server does not answer the set-up", { cause: error })
      })
      // Over an ordinary account's connection the server does not tell how it syncs.
      return { serverVersion, syncsAlways: undefined }
    },
    commandFacts: () => api.facts(commands),
    journalFacts: () => api.facts(journal),

    append: (after, entries) => append(replies, after, entries),

    lastPerSubject: () =>
      readNow(reading, journal, { policy: "last_per_subject", subjects: [`drydock.${yard}.journal.>`] }),
    journal: (from, { subject, limit } = {}) =>
      readNow(
        reading,
        journal,
        { policy: "by_start_sequence", from, subjects: subject === undefined ? undefined : [subject] },
        limit,
      ),
    lastOf: async (subject, upTo) => {
      if (upTo === undefined) return await api.lastOf(journal, subject)
      // The server cannot search backwards from a sequence, and one object's history is short.
      const history = readNow(reading, journal, { policy: "by_start_sequence", from: 1, subjects: [subject] })
      return await lastUpTo(history, upTo)
    },

    readCommands: (from, deliver) => CommandReader.start(replies, api, clock, commands, from, deliver),
    commandsOf: async (subjects, limit) => {
      const kept: CommandMessage[] = []
      for await (const message of readNow(reading, commands, {
        policy: "by_start_sequence",
        from: 1,
        subjects,
      })) {
        kept.push(message)
        if (kept.length > 2 * limit) kept.splice(0, kept.length - limit)
      }
      return kept.slice(-limit)
    },
    commands: (from, { subjects } = {}) =>
      readNow(reading, commands, { policy: "by_start_sequence", from, subjects }),

    send: (subject, data, headers) => sender.send(subject, data, headers),
    workFor: async (types) => {
      for (const type of types) await api.makeWorkConsumer(yard, type)
    },
    order: async (subject, data, headers) => {
      try {
        await sender.send(subject, data, headers)
      } catch (error) {
        // The stream takes one message per subject and knows no other limit: so it lies there already.
        if (!(error instanceof LogError && error.fault === "queue-full")) throw error
      }
    },
    dropJobs: async () => {
      const work = streamName(yard, "WORK")
      await api.purge(work, (await api.facts(work)).lastSeq + 1)
    },
    forget: (subject, upTo) => api.purge(journal, upTo + 1, subject),
    purgeCommands: (below) => api.purge(commands, below),
    setCommandLimit: (maxMessages) => api.setMaxMessages(commands, maxMessages),

    tell: (subject, data) => {
      if (link.connected) nats.publish(subject, data)
    },
    flush: async () => {
      try {
        await nats.flush()
      } catch (error) {
        throw new LogError("unavailable", "the connection broke before everything had left", { cause: error })
      }
    },

    serveQueries: (ask) => serveQueries(link, clock, yard, ask),

    claim: (expect, holder, ttlMs) => claim.write(expect, holder, ttlMs),
    dropClaim: (seq) => claim.drop(seq),
    watchClaim: (changed) => claim.watch(changed),

    connected: () => link.connected,
    onDisconnect: (lost) => {
      link.onLost(() => {
        if (!closing) lost()
      })
    },
    close: async () => {
      closing = true
      replies.close()
      await nats.close()
    },
  }
}

async function lastUpTo(
  history: AsyncIterable<JournalMessage>,
  upTo: number,
): Promise<JournalMessage | undefined> {
  let last: JournalMessage | undefined
  for await (const message of history) {
    if (message.seq > upTo) break
    last = message
  }
  return last
}

// Appends to JOURNAL by somebody who has the host's own credentials and is not the host: garbage, records for commands
// that were decided, and records of a second host that decides differently, some of them behind the fence at the very
// place that our host is about to write. Nothing here makes up a grant that was not there: what strangers write is
// republished as an event, and the clients of the race believe what they hear.

import { setTimeout as pause } from "node:timers/promises"
import { connect, headers, type NatsConnection } from "nats"
import { machineHashes } from "../../src/actors/hosting/host.js"
import { recover } from "../../src/actors/hosting/recovery.js"
import { step, type Yard } from "../../src/actors/kernel/index.js"
import type { CommandMessage } from "../../src/actors/log/log.js"
import type { LeaseRecord, YardRecord } from "../../src/machines/record.js"
import { policies } from "../support/policies.js"
import type { TestServer } from "../support/server.js"
import { FOREIGN_HEADER } from "./history.js"
import type { ChaosHost } from "./host.js"
import type { Random } from "./random.js"
import type { Recorder } from "./recorder.js"

export const FOREIGN_KINDS = [
  "not-json",
  "wrong-schema",
  "wrong-types",
  "wrong-yard",
  "wrong-subject",
  "far-beyond",
  "just-beyond",
  "rev-gap",
  "decided",
  "decided-with-headers",
  "undecided",
  "undecided-with-headers",
  "undecided-skipping",
  "undecided-wrong-types",
] as const
export type ForeignKind = (typeof FOREIGN_KINDS)[number]

export interface Injection {
  readonly kind: ForeignKind
  /** Where it was stored; undefined when the server refused it. */
  readonly seq: number | undefined
}

interface Message {
  readonly subject: string
  readonly data: string | Uint8Array
  readonly headers?: { readonly [name: string]: string }
}

/** Appends foreign messages, one kind after the other, until the race is over or `count` are stored. */
export async function appendForeign(
  server: TestServer,
  yard: string,
  recorder: Recorder,
  host: () => ChaosHost,
  options: { readonly racing: () => boolean; readonly count: number; readonly random: Random },
): Promise<readonly Injection[]> {
  const nc = await connect({ ...server.hostOptions })
  const injections: Injection[] = []
  const stranger = new Stranger(nc, yard, recorder, options.random)
  try {
    for (let n = 0; injections.length < options.count && options.racing(); n++) {
      const kind = FOREIGN_KINDS[n % FOREIGN_KINDS.length] ?? "not-json"
      const stopped = kind.startsWith("undecided") ? host() : undefined
      // So that there is something that it has not decided.
      stopped?.signal("SIGSTOP")
      await pause(options.random.below(60))
      const seq = await stranger.append(kind)
      stopped?.signal("SIGCONT")
      if (seq !== undefined) injections.push({ kind, seq })
      await pause(20 + options.random.below(120))
    }
  } finally {
    await nc.close()
  }
  return injections
}

class Stranger {
  constructor(
    private readonly nc: NatsConnection,
    private readonly yard: string,
    private readonly recorder: Recorder,
    private readonly random: Random,
  ) {}

  /** The sequence at which it is stored; undefined when there was nothing to say, or the fence refused it. */
  async append(kind: ForeignKind): Promise<number | undefined> {
    const message = kind.startsWith("undecided") ? await this.#undecided(kind) : await this.#garbage(kind)
    if (message === undefined) return undefined
    const sent = headers()
    sent.set(FOREIGN_HEADER, kind)
    for (const [name, value] of Object.entries(message.headers ?? {})) sent.set(name, value)
    const ack = await this.nc.request(message.subject, message.data, { headers: sent, timeout: 5_000 })
    return ack.json<{ seq?: number; error?: object }>().seq
  }

  async #garbage(kind: ForeignKind): Promise<Message | undefined> {
    const yard = await this.#yard()
    const leases = [...yard.actors.values()].map(({ record }) => record).filter(isLease)
    const lease = leases[this.random.below(leases.length)]
    if (lease === undefined) return undefined
    const { lastSeq } = await this.recorder.log.commandFacts()
    const subject = this.#subject(lease)
    const next = (command: number, rev = 1): YardRecord => ({
      ...lease,
      rev: lease.rev + rev,
      from: lease.to,
      to: "broken",
      path: ["broken"],
      cause: { ...lease.cause, command },
      sends: [],
    })
    const say = (record: object): Message => ({ subject, data: JSON.stringify(record) })
    switch (kind) {
      case "not-json":
        return { subject, data: this.random.pick<Message["data"]>([Uint8Array.of(0xff, 0xfe, 0), "{", ""]) }
      case "wrong-schema":
        return this.random.pick([say({ hello: 1 }), say([]), say({ ...next(lastSeq), context: {} })])
      case "wrong-types":
        return say({ ...next(lease.cause.command), context: { ...lease.context, slots: 5, build: "x" } })
      case "wrong-yard":
        return say({ ...next(lastSeq), yard: "other" })
      case "wrong-subject":
        return { ...say(next(lastSeq)), subject: `drydock.${this.yard}.journal.lease.someone-else` }
      case "far-beyond":
        return say(next(lastSeq + 1_000_000))
      case "just-beyond":
        return say(next(lastSeq + 10 + this.random.below(60)))
      case "rev-gap":
        return say(next(lastSeq, 2 + this.random.below(3)))
      case "decided":
        return say(next(1 + this.random.below(yard.cursor)))
      default: {
        // As a host would write it that has slept.
        const after = yard.journal - 1 - this.random.below(20)
        return { ...say(next(1 + this.random.below(yard.cursor))), headers: marksOf(after, yard.cursor) }
      }
    }
  }

  /** A record for a command that our host has not decided, at the end of the journal and behind the fence. */
  async #undecided(kind: ForeignKind): Promise<Message | undefined> {
    const yard = await this.#yard()
    const open: CommandMessage[] = []
    for await (const command of this.recorder.log.commands(yard.cursor + 1)) open.push(command)
    const skipped = kind === "undecided-skipping" ? this.random.below(open.length) : 0
    for (const command of open.slice(skipped)) {
      const { journal, cursor: before } = yard
      const verdict = step(yard, command)
      if (verdict.kind !== "recorded") continue
      const record =
        kind === "undecided-wrong-types" ? mistyped(verdict.record) : this.#differently(verdict.record)
      // Of another host, or of somebody who writes by hand.
      const marks = kind === "undecided-with-headers" ? marksOf(journal, before) : {}
      return {
        subject: this.#subject(verdict.record),
        data: JSON.stringify(record),
        headers: { ...marks, "Nats-Expected-Last-Sequence": String(journal) },
      }
    }
    return undefined
  }

  /** What another version of the host could have decided. */
  #differently(record: YardRecord): object {
    if (record.kind !== "lease")
      return { ...record, context: { ...record.context, notes: { by: "another" } } }
    if (record.to === "destroyed") {
      const reason = { code: "released", message: "another host says so" }
      return { ...record, context: { ...record.context, reason } }
    }
    if (record.from === null || record.from === "pending") {
      const context = { ...record.context, resource: null, slots: [], token: null, build: null }
      const others = { acquiredAt: null, activatedAt: null }
      const waiting = { code: "no-free-resource", details: { blueprints: [] } }
      const stays = { ...record, to: "pending", timers: [], sends: [] }
      if (this.random.next() < 0.5) return { ...stays, path: [], context: { ...context, ...others, waiting } }
      const reason = { code: "unsatisfiable", message: "another host says so" }
      const destroy = { kind: "lease", id: record.id, verb: "destroy", sender: "system", body: {} }
      const ends = { to: "broken", path: ["broken"], sends: [destroy] }
      return { ...stays, ...ends, context: { ...context, ...others, waiting: null, reason } }
    }
    return { ...record, context: { ...record.context, notes: { by: "another" } } }
  }

  async #yard(): Promise<Yard> {
    const options = { name: this.yard, policies, hashes: machineHashes() }
    return (await recover(this.recorder.log, options, () => {})).yard
  }

  #subject({ kind, id }: YardRecord): string {
    return `drydock.${this.yard}.journal.${kind}.${id}`
  }
}

function marksOf(after: number, cursor: number): { readonly [name: string]: string } {
  return { "Drydock-After": String(after), "Drydock-Cursor": String(cursor), "Drydock-Sent": "0" }
}

function isLease(record: YardRecord): record is LeaseRecord {
  return record.kind === "lease"
}

/** Every field is there, and some are of a type that no statechart writes. */
function mistyped(record: YardRecord): object {
  const context = { ...record.context, slots: 5, build: "x", resource: {}, waiting: 7, notes: null }
  return { ...record, to: "broken", context }
}

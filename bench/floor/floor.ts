// The floor: what the same messages through the same two streams cost when nobody decides anything. It reads COMMANDS,
// makes a record of the usual size, appends it, and publishes the outcome after the ack: no statechart, no zod, no
// allocator, no lease. It keeps the yard's commit discipline (rule 9): never more than one append under way; singles
// while at most 8 records wait, one atomic batch above.

import { type JsMsg, jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect, headers, type Msg } from "nats"

const SINGLES = Number(process.env.FLOOR_SINGLES ?? 8)
const BATCH = 1_000
const PURGE_EVERY = 20_000

const yard = "default"
const {
  DRYDOCK_NATS_URL: servers = "",
  DRYDOCK_HOST_USER: user = "",
  DRYDOCK_HOST_PASSWORD: pass = "",
} = process.env
const nc = await connect({ servers, user, pass, noAsyncTraces: true })
const jsm = await jetstreamManager(nc)
const utf8 = new TextDecoder()
let last = (await jsm.streams.info("DRYDOCK_DEFAULT_JOURNAL")).state.last_seq

interface Waiting {
  readonly key: string
  readonly record: string
  readonly outcome: string
  readonly reply: string | undefined
}
const waiting: Waiting[] = []
let appending = false
let decided = 0

/** A record of the size that a lease has, made of what the command says. */
function decide({ seq, subject, timestamp: at, headers: hdrs, data }: JsMsg): Waiting {
  const [, , , kind = "", id = "", verb = "", principal = ""] = subject.split(".")
  const body: object = JSON.parse(utf8.decode(data))
  const requested = verb === "request"
  const [from, to] = requested ? [null, "active"] : ["active", "destroyed"]
  const path = requested ? ["pending", "acquired", "active"] : ["released", "destroyed"]
  const reason = requested ? null : { code: "released", message: `released by ${principal}` }
  const cause = { command: seq, id: hdrs?.get("Drydock-Id") ?? null, verb, by: principal }
  const slots = ["almanac.host.lease(r0123456789,17)"]
  const asked = { ttl: "30m", until: null }
  const times = { until: at, requestedAt: at, acquiredAt: at, activatedAt: at }
  const context = {
    type: "host",
    attributes: {},
    blueprints: null,
    by: principal,
    order: seq,
    asked,
    slots,
    ...times,
  }
  Object.assign(context, {
    resource: "r0123456789",
    token: 2 ** 40 + last,
    waiting: null,
    build: null,
    cleanup: false,
  })
  Object.assign(context, {
    reason,
    notes: {},
    sealTo: null,
    job: null,
    request: '{"attributes":{},"type":"host"}',
  })
  const machine = { id: "lease", version: "1", hash: "0123456789abcdef" }
  const event = { type: verb, ...body }
  const actor = { v: 1, yard, kind, id, rev: requested ? 1 : 2, from, to, path, event, context }
  const record = JSON.stringify({ ...actor, cause, at, machine, jobs: [], timers: [], sends: [] })
  const outcome = `{"outcome":"accepted","command":${seq},"actor":"${kind}/${id}","record":${record}}`
  const reply = cause.id === null ? undefined : `drydock.${yard}.outcome.${principal}.${cause.id}`
  return { key: `${kind}.${id}`, record, outcome, reply }
}

/** One append: resolves when the server has stored all of it. */
async function append(entries: readonly Waiting[]): Promise<void> {
  const batch = entries.length > 1 ? `${process.pid}-${last}` : undefined
  let ack: Msg | undefined
  for (const [index, entry] of entries.entries()) {
    const hdrs = headers()
    if (index === 0) hdrs.set("Nats-Expected-Last-Sequence", String(last))
    hdrs.set("Drydock-Sent", String(last))
    if (batch !== undefined) hdrs.set("Nats-Batch-Id", batch)
    if (batch !== undefined) hdrs.set("Nats-Batch-Sequence", String(index + 1))
    const subject = `drydock.${yard}.journal.${entry.key}`
    const isLast = index === entries.length - 1
    if (isLast && batch !== undefined) hdrs.set("Nats-Batch-Commit", "1")
    if (isLast) ack = await nc.request(subject, entry.record, { headers: hdrs, timeout: 10_000 })
    else nc.publish(subject, entry.record, { headers: hdrs })
  }
  const answer: { error?: { description: string }; seq: number } | undefined = ack?.json()
  if (answer === undefined || answer.error) throw new Error(answer?.error?.description ?? "no ack")
  last = answer.seq
}

async function commit(): Promise<void> {
  appending = true
  while (waiting.length > 0) {
    const entries = waiting.splice(0, waiting.length <= SINGLES ? 1 : BATCH)
    await append(entries)
    for (const entry of entries) if (entry.reply !== undefined) nc.publish(entry.reply, entry.outcome)
  }
  appending = false
}

const js = jetstream(nc)
const consumer = await js.consumers.get("DRYDOCK_DEFAULT_COMMANDS")
await consumer.consume({
  max_messages: 2_000,
  callback: (message) => {
    waiting.push(decide(message))
    if (!appending) void commit()
    if (++decided % PURGE_EVERY === 0)
      void jsm.streams.purge("DRYDOCK_DEFAULT_COMMANDS", { seq: message.seq - 5_000 })
  },
})
process.stdout.write('{"event":"ready"}\n')

// What the workers' user can and cannot do to the server of nats.conf (architecture, rule 12): it takes jobs, says what
// a worker may say, reads records, and nothing else, whatever it names as reply subject.

import { readFile } from "node:fs/promises"
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection } from "nats"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { openNatsLog } from "../../src/actors/log/nats-log.js"
import { KINDS } from "../../src/machines/names.js"
import { registry } from "../../src/machines/registry.js"
import { CONFIG_FILE } from "../../src/nats/server/config.js"
import { startTestServer, type TestServer } from "../support/server.js"
import { RawClient } from "./raw-client.js"

let server: TestServer
let host: NatsConnection
let manager: JetStreamManager
let worker: RawClient
/** Subjects of everything that was ever said in the account YARD. */
const heard: string[] = []

const STARTED = "drydock.default.internal.lease.L1.started.worker-shell"
const GET = "drydock.default.query.get.worker-shell"
const NEXT = "$JS.API.CONSUMER.MSG.NEXT.DRYDOCK_DEFAULT_WORK.shell"
/** A made-up one: the server takes it, and it means nothing. */
const ACK = "$JS.ACK.DRYDOCK_DEFAULT_WORK.shell.1.999.999.1700000000000000000.0"

beforeAll(async () => {
  server = await startTestServer()
  const { servers, user, pass } = server.hostOptions
  const log = await openNatsLog({ url: servers, user, password: pass, yard: "default" })
  await log.setUp()
  await log.workFor(["shell", "other"])
  await log.close()
  host = await connect(server.hostOptions)
  manager = await jetstreamManager(host)
  await host.request("drydock.default.journal.lease.L1", "{}")
  await host.request("drydock.default.claim", "host-1")
  host.subscribe(">", { callback: (_error, message) => void heard.push(message.subject) })
  host.subscribe("drydock.*.query.*.*", {
    callback: (_error, message) => void message.respond('{"record":null,"journal":1}'),
  })
  await host.flush()
})
afterAll(async () => {
  await host.close()
  await server.stop()
})
beforeEach(async () => {
  const { user, pass } = server.workerOptions
  worker = await RawClient.connect(server.port, { user, pass })
})
afterEach(() => worker.close())

/** Settings and contents of all streams, but for how many commands wait. */
async function streams(): Promise<unknown> {
  const found: unknown[] = []
  for await (const { config, state } of manager.streams.list()) {
    const { messages, first_seq, last_seq, num_deleted, consumer_count } = state
    const kept = config.name.endsWith("_COMMANDS") ? {} : { messages, last_seq }
    found.push({ config, first_seq, num_deleted, consumer_count, ...kept })
  }
  return found
}

/** Runs an attack and resolves to what was said in YARD meanwhile. Fails if any stream has changed. */
async function during(attack: () => void | Promise<void>): Promise<string[]> {
  const before = await streams()
  heard.splice(0)
  await attack()
  for (let turn = 0; turn < 3; turn += 1) {
    await worker.settle()
    await host.flush()
  }
  const said = heard.filter((subject) => subject.startsWith("drydock."))
  expect(await streams()).toEqual(before)
  return said
}

describe("a worker", () => {
  test("takes a job and says that it is done with it", async () => {
    await host.request("drydock.default.work.shell.lease/L1/3", '{"job":1}')
    worker.subscribe("_INBOX.mine")
    worker.publish(NEXT, { body: '{"batch":1,"expires":5000000000}', reply: "_INBOX.mine" })
    await expect.poll(() => worker.messages.length).toBe(1)
    const [job] = worker.messages
    expect(job).toMatchObject({ subject: "drydock.default.work.shell.lease/L1/3", body: '{"job":1}' })
    const done = await worker.request(job?.reply ?? "", { body: "+ACK" })
    expect(done.body).toBe("")
    expect((await manager.streams.info("DRYDOCK_DEFAULT_WORK")).state.messages).toBe(0)
  })

  test("speaks to the yard and gets the PubAck", async () => {
    const { body } = await worker.request(STARTED)
    expect(JSON.parse(body)).toMatchObject({ stream: "DRYDOCK_DEFAULT_COMMANDS", seq: expect.any(Number) })
  })

  test("reads records, hears events and outcomes", async () => {
    expect((await worker.request(GET)).body).toBe('{"record":null,"journal":1}')
    worker.subscribe("drydock.default.event.lease.L2")
    worker.subscribe("drydock.default.outcome.worker-shell.*")
    await worker.settle()
    await host.request("drydock.default.journal.lease.L2", '{"rev":1}')
    host.publish("drydock.default.outcome.worker-shell.c1", "{}")
    await host.flush()
    await worker.settle()
    expect(worker.messages.map(({ subject }) => subject)).toEqual(
      expect.arrayContaining(["drydock.default.event.lease.L2", "drydock.default.outcome.worker-shell.c1"]),
    )
    expect(worker.errors).toEqual([])
  })
})

test("the verbs that the server lets a worker say are those that the yard takes from one", async () => {
  const text = await readFile(CONFIG_FILE, "utf8")
  const permitted = [...text.matchAll(/"drydock\.\*\.internal\.([a-z]+)\.\*\.([a-z-]+)\.\*"/g)]
  const known = KINDS.flatMap((kind) => Object.keys(registry[kind].worker).map((verb) => `${kind} ${verb}`))
  expect(permitted.map(([, kind, verb]) => `${kind} ${verb}`).sort()).toEqual(known.sort())
})

/** What only the host says to an actor. */
const HOST_VERBS = KINDS.flatMap((kind) =>
  Object.keys(registry[kind].internal)
    .filter((verb) => !Object.hasOwn(registry[kind].worker, verb))
    .map((verb) => `drydock.default.internal.${kind}.X1.${verb}.worker-shell`),
)

const NOT_THEIRS = [
  ...HOST_VERBS,
  "drydock.default.internal.lease.L1.wake.allocator",
  "drydock.default.internal.yard.default.take-over.system",
  "drydock.default.internal.device.d1.started.worker-shell",
  "drydock.default.internal.lease.L1.x.started.worker-shell",
  "drydock.default.command.lease.L1.request.worker-shell",
  "drydock.default.command.lease.L1.release.alice",
  "drydock.default.journal.lease.L1",
  "drydock.default.work.shell.lease/L1/9",
  "drydock.default.claim",
  "drydock.default.claimed",
  "drydock.default.event.lease.L1",
  "drydock.default.outcome.worker-shell.c1",
  "drydock.default.rejected.lease.L1",
  "drydock.default.query.list.worker-shell",
  "drydock.default.query.status.worker-shell",
  "$JS.API.INFO",
  "$JS.API.STREAM.INFO.DRYDOCK_DEFAULT_WORK",
  "$JS.API.STREAM.UPDATE.DRYDOCK_DEFAULT_COMMANDS",
  "$JS.API.STREAM.PURGE.DRYDOCK_DEFAULT_WORK",
  "$JS.API.STREAM.DELETE.DRYDOCK_DEFAULT_WORK",
  "$JS.API.STREAM.MSG.GET.DRYDOCK_DEFAULT_JOURNAL",
  "$JS.API.STREAM.MSG.DELETE.DRYDOCK_DEFAULT_WORK",
  "$JS.API.DIRECT.GET.DRYDOCK_DEFAULT_JOURNAL",
  "$JS.API.CONSUMER.CREATE.DRYDOCK_DEFAULT_WORK",
  "$JS.API.CONSUMER.CREATE.DRYDOCK_DEFAULT_JOURNAL.mine",
  "$JS.API.CONSUMER.CREATE.DRYDOCK_DEFAULT_WORK.shell.drydock.default.work.>",
  "$JS.API.CONSUMER.DELETE.DRYDOCK_DEFAULT_WORK.shell",
  "$JS.API.CONSUMER.PAUSE.DRYDOCK_DEFAULT_WORK.shell",
  "$JS.API.CONSUMER.LIST.DRYDOCK_DEFAULT_COMMANDS",
  "$JS.FC.DRYDOCK_DEFAULT_WORK.x.y",
  "$SYS.REQ.SERVER.PING",
  "_INBOX.of-another",
  "_R_.x.y",
]

describe("a worker cannot", () => {
  test.each(NOT_THEIRS)("publish to %s", async (subject) => {
    const said = await during(() => {
      worker.publish(subject)
      worker.publish(subject, { reply: "_INBOX.mine" })
    })
    expect(worker.errors).toHaveLength(2)
    expect(worker.errors.join()).toContain(`Permissions Violation for Publish to "${subject}"`)
    expect(said).toEqual([])
  })

  test.each([
    ">",
    "*",
    "drydock.>",
    "drydock.default.*.lease.L1",
    "drydock.default.journal.>",
    "drydock.default.internal.>",
    "drydock.default.command.>",
    "drydock.default.query.>",
    "drydock.default.work.>",
    "drydock.default.rejected.>",
    "drydock.default.claim",
    "drydock.default.claimed",
    "$JS.>",
    "$JS.ACK.>",
    "$SYS.>",
    "_R_.>",
  ])("listen to %s", async (subject) => {
    worker.subscribe(subject)
    worker.send(`SUB ${subject} answerers 99`)
    await worker.settle()
    expect(worker.errors.join()).toContain(`Permissions Violation for Subscription to "${subject}"`)
    await host.request("drydock.default.journal.lease.L1", "{}")
    await worker.settle()
    expect(worker.messages).toEqual([])
  })

  test.each(NOT_THEIRS)("aim an answer of the server or the host at %s", async (reply) => {
    await host.request("drydock.default.work.other.bait", '{"job":"bait"}')
    const mine = [STARTED, GET]
    const said = await during(async () => {
      worker.publish(STARTED, { reply })
      worker.publish(STARTED, { reply, body: "x".repeat(70_000) })
      worker.publish(GET, { reply })
      worker.publish(ACK, { reply, body: "+ACK" })
      worker.publish(ACK, { reply, body: '+NXT {"batch":1}' })
      worker.publish(NEXT, { reply, body: '{"batch":1,"no_wait":true}' })
      worker.publish(NEXT.replace("shell", "other"), { reply, body: '{"batch":1,"no_wait":true}' })
    })
    // A job that is given out shows under its own subject as it passes.
    expect(
      said.filter((subject) => !mine.includes(subject) && subject !== "drydock.default.work.other.bait"),
    ).toEqual([])
    await manager.streams.purge("DRYDOCK_DEFAULT_WORK")
  })

  test("read a stream of the yard through a consumer's name that it guesses", async () => {
    for (const stream of ["COMMANDS", "JOURNAL", "CLAIM"]) {
      for (const name of ["host", "drydock", "shell", "default"]) {
        const said = await during(() => {
          worker.subscribe("_INBOX.mine")
          worker.publish(`$JS.API.CONSUMER.MSG.NEXT.DRYDOCK_DEFAULT_${stream}.${name}`, {
            body: '{"batch":10,"no_wait":true}',
            reply: "_INBOX.mine",
          })
        })
        expect(said).toEqual([])
      }
    }
    expect(worker.messages.filter(({ body }) => body !== "")).toEqual([])
  })
})

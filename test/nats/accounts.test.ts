// What a loopback client without credentials can and cannot do to the server of nats.conf (architecture, rule 12).
// The attacks that need a running host are in hosted-accounts.test.ts.

import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream"
import { connect, headers, type NatsConnection } from "nats"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { setUpYard } from "../../src/nats/set-up.js"
import { startTestServer, type TestServer } from "../support/server.js"
import { HOSTILE_HEADERS } from "./hostile-headers.js"
import { RawClient } from "./raw-client.js"
import { overWebSocket } from "./websocket-client.js"

let server: TestServer
let host: NatsConnection
let manager: JetStreamManager
let person: RawClient
/** Subjects of everything that was ever said in the account YARD. */
const heard: string[] = []

const COMMAND = "drydock.default.command.lease.L1.request.mallory"
const QUERY = "drydock.default.query.get.mallory"
/** What only the host, or the server for it, may say. */
const OURS = /^drydock\.[^.]+\.(journal|internal|work|claim|claimed|event|outcome|rejected)(\.|$)/

beforeAll(async () => {
  server = await startTestServer()
  host = await connect(server.hostOptions)
  manager = await jetstreamManager(host)
  await setUpYard(host, "default")
  // Something in every stream, so that a purge or a roll-up would show.
  await host.request("drydock.default.journal.lease.L1", "{}")
  await host.request("drydock.default.internal.lease.L1.acquire.allocator", "{}")
  await host.request("drydock.default.work.almanac-service-host.job1", "{}")
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
  person = await RawClient.connect(server.port)
})
afterEach(() => person.close())

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
  // The server is done with the attacker's lines, then with whatever they set off: that passes through it too.
  for (let turn = 0; turn < 3; turn += 1) {
    await person.settle()
    await host.flush()
  }
  const said = heard.filter((subject) => subject.startsWith("drydock."))
  expect(await streams()).toEqual(before)
  expect(said.filter((subject) => OURS.test(subject))).toEqual([])
  return said
}

describe("a person over loopback, without credentials", () => {
  test("publishes a command and gets its PubAck", async () => {
    const { body } = await person.request(COMMAND)
    expect(JSON.parse(body)).toMatchObject({ stream: "DRYDOCK_DEFAULT_COMMANDS", seq: expect.any(Number) })
    expect(
      (await manager.streams.getMessage("DRYDOCK_DEFAULT_COMMANDS", { last_by_subj: COMMAND }))?.string(),
    ).toBe("{}")
  })

  test("publishes a command without wanting an answer", async () => {
    const subject = "drydock.default.command.lease.L2.release.mallory"
    person.publish(subject, { body: '{"reason":"done"}' })
    await person.settle()
    await host.flush()
    const stored = await manager.streams.getMessage("DRYDOCK_DEFAULT_COMMANDS", { last_by_subj: subject })
    expect(stored?.json()).toEqual({ reason: "done" })
  })

  test("learns from the PubAck that a command is too large", async () => {
    const { body } = await person.request(COMMAND, { body: "x".repeat(70_000) })
    expect(JSON.parse(body)).toMatchObject({ error: { err_code: 10054 } })
  })

  test("asks a query and gets the host's answer", async () => {
    expect((await person.request(QUERY)).body).toBe('{"record":null,"journal":1}')
  })

  test("hears events with their sequence and the one before on the subject, outcomes and rejections", async () => {
    for (const kind of ["event", "outcome", "rejected"]) person.subscribe(`drydock.default.${kind}.>`)
    await person.settle()
    const subject = "drydock.default.journal.lease.L9"
    await host.request(subject, '{"rev":1}')
    await host.request(subject, '{"rev":2}')
    host.publish("drydock.default.outcome.mallory.c1", "{}")
    host.publish("drydock.default.rejected.lease.L9", "{}")
    await host.flush()
    await person.settle()
    const [first, second, ...others] = person.messages
    expect(second).toMatchObject({ subject: "drydock.default.event.lease.L9", body: '{"rev":2}' })
    const firstSequence = /Nats-Sequence: ?(\d+)/.exec(first?.headers ?? "")?.[1]
    expect(firstSequence).toBeDefined()
    expect(second?.headers).toMatch(new RegExp(`Nats-Last-Sequence: ?${firstSequence}\\r`))
    expect(others.map((message) => message.subject)).toEqual([
      "drydock.default.outcome.mallory.c1",
      "drydock.default.rejected.lease.L9",
    ])
  })
})

describe("nobody gets in under another name", () => {
  const others: { readonly [name: string]: unknown }[] = [
    { user: "host", pass: "" },
    { user: "host", pass: "host" },
    { user: "host", pass: "$DRYDOCK_HOST_PASSWORD" },
    { user: "host" },
    { user: "person", pass: "" },
    { user: "worker", pass: "" },
    { user: "nobody", pass: "" },
    { user: "sys", pass: "pass" },
    { auth_token: "host" },
  ]
  test.each(others)("as %j", async (options) => {
    const stranger = await RawClient.connect(server.port, options)
    expect(stranger.errors.join()).toMatch(/Authorization Violation/)
  })

  test.each([
    { account: "YARD" },
    { account: "YARD", new_account: true },
    { account: "$SYS" },
    { jwt: "x", nkey: "x", sig: "x" },
  ])("by asking for another account: %j", async (options) => {
    const stranger = await RawClient.connect(server.port, options)
    stranger.publish("drydock.default.journal.lease.L1")
    stranger.subscribe("drydock.default.journal.>")
    await stranger.settle()
    expect(stranger.errors.join()).toMatch(/Permissions Violation|Authorization|account/i)
    expect(await during(() => {})).toEqual([])
    stranger.close()
  })

  test.each([
    "RS+ YARD drydock.>",
    "LS+ drydock.>",
    "A+ YARD",
    "RMSG YARD drydock.default.journal.lease.L1 2\r\n{}",
  ])("by speaking as another server: %s", async (line) => {
    const said = await during(async () => {
      const stranger = await RawClient.connect(server.port)
      stranger.send(line)
      await stranger.settle()
      expect(stranger.errors.join()).toMatch(/Unknown Protocol Operation/)
    })
    expect(said).toEqual([])
  })
})

const NOT_THEIRS = [
  "drydock.default.journal.lease.L1",
  "drydock.default.internal.lease.L1.acquire.allocator",
  "drydock.default.work.almanac-service-host.job2",
  "drydock.default.claim",
  "drydock.default.claimed",
  "drydock.default.event.lease.L1",
  "drydock.default.outcome.bob.c1",
  "drydock.default.rejected.lease.L1",
  "$JS.API.INFO",
  "$JS.API.STREAM.CREATE.MINE",
  "$JS.API.STREAM.UPDATE.DRYDOCK_DEFAULT_COMMANDS",
  "$JS.API.STREAM.PURGE.DRYDOCK_DEFAULT_JOURNAL",
  "$JS.API.STREAM.DELETE.DRYDOCK_DEFAULT_CLAIM",
  "$JS.API.STREAM.MSG.DELETE.DRYDOCK_DEFAULT_JOURNAL",
  "$JS.API.STREAM.MSG.GET.DRYDOCK_DEFAULT_JOURNAL",
  "$JS.API.DIRECT.GET.DRYDOCK_DEFAULT_JOURNAL",
  "$JS.API.CONSUMER.CREATE.DRYDOCK_DEFAULT_JOURNAL.mine",
  "$JS.API.CONSUMER.MSG.NEXT.DRYDOCK_DEFAULT_WORK.almanac-service-host",
  "$JS.ACK.DRYDOCK_DEFAULT_WORK.almanac-service-host.1.1.1.1.1",
  "$JS.FC.DRYDOCK_DEFAULT_WORK.x.y",
  "$SYS.REQ.SERVER.PING",
  "$SYS.REQ.ACCOUNT.YARD.CONNZ",
  "$SYS.REQ.USER.INFO",
  "_INBOX.of-another",
  "_R_.x.y",
]

describe("a person cannot", () => {
  test.each(NOT_THEIRS)("publish to %s", async (subject) => {
    const body = JSON.stringify({
      name: "DRYDOCK_DEFAULT_COMMANDS",
      subjects: [">"],
      allow_msg_schedules: true,
    })
    const said = await during(() => {
      person.publish(subject, { body })
      person.publish(subject, { body, reply: "_INBOX.mine" })
    })
    expect(person.errors).toHaveLength(2)
    expect(person.errors.join()).toContain(`Permissions Violation for Publish to "${subject}"`)
    expect(said).toEqual([])
  })

  test.each([
    ">",
    "*",
    "drydock.>",
    "drydock.default.>",
    "drydock.default.*.lease.L1",
    "drydock.default.journal.>",
    "drydock.default.internal.>",
    "drydock.default.command.>",
    "drydock.default.query.>",
    "drydock.default.work.>",
    "drydock.default.claim",
    "drydock.default.claimed",
    "$JS.>",
    "$JS.EVENT.ADVISORY.>",
    "$SYS.>",
    "_R_.>",
    "_INBOX_x.>",
  ])("listen to %s", async (subject) => {
    person.subscribe(subject)
    person.send(`SUB ${subject} answerers 99`)
    await person.settle()
    expect(person.errors.join()).toContain(`Permissions Violation for Subscription to "${subject}"`)
    await host.request("drydock.default.journal.lease.L1", "{}")
    await person.settle()
    expect(person.messages).toEqual([])
  })

  test.each([...NOT_THEIRS, "drydock.default.command.lease.L8.request.bob", "drydock.default.query.get.bob"])(
    "aim an answer of the server or the host at %s",
    async (reply) => {
      const said = await during(() => {
        person.publish(COMMAND, { reply })
        person.publish(COMMAND, { reply, body: "x".repeat(70_000) })
        person.publish(QUERY, { reply })
        person.publish("drydock.default.query.nobody-answers", { reply })
      })
      expect(said.filter((subject) => subject !== COMMAND && subject !== QUERY)).toEqual([])
    },
  )
})

describe("no header of a command", () => {
  const lists = HOSTILE_HEADERS.map((list) => ({
    list,
    title: list.map(([name, value]) => `${name}: ${value.slice(0, 60)}`).join(", "),
  }))
  test.each(lists)("makes the server do more than store it: $title", async ({ list }) => {
    const said = await during(() => {
      person.publish(COMMAND, { headers: list, body: '{"type":"host"}' })
      person.publish(COMMAND, { headers: list, reply: "_INBOX.mine" })
      person.publish(COMMAND, { headers: list, reply: "drydock.default.journal.lease.L1" })
      person.publish(QUERY, { headers: list, reply: "_INBOX.mine" })
    })
    expect(said.filter((subject) => subject !== COMMAND && subject !== QUERY)).toEqual([])
  })

  test("leaves anything behind that goes off later", async () => {
    // All of them were sent by now; a schedule or a time to live of a second would have passed.
    const commands = await manager.streams.info("DRYDOCK_DEFAULT_COMMANDS", { subjects_filter: ">" })
    expect(Object.keys(commands.state.subjects ?? {}).sort()).toEqual([
      COMMAND,
      "drydock.default.command.lease.L2.release.mallory",
      "drydock.default.internal.lease.L1.acquire.allocator",
    ])
    expect(commands.state.messages).toBe(commands.state.last_seq)
  })
})

test("an occupied message id swallows nothing that the host says without one", async () => {
  const occupied = ["1.0", "2.0", "drydock", "host"]
  for (const id of occupied) {
    await person.request(COMMAND, { headers: [["Nats-Msg-Id", id]] })
    const again = await person.request(COMMAND, { headers: [["Nats-Msg-Id", id]] })
    expect(JSON.parse(again.body)).toMatchObject({ duplicate: true })
    const carried = headers()
    carried.set("Drydock-Cause", id)
    const answer = await host.request("drydock.default.internal.lease.L1.acquire.allocator", "{}", {
      headers: carried,
      timeout: 5_000,
    })
    expect(answer.json()).not.toMatchObject({ duplicate: true })
  }
})

test("a web page gets nothing over the WebSocket", async () => {
  const port = server.websocketPort ?? 0
  const hello = (options: object) =>
    `CONNECT ${JSON.stringify({ verbose: false, lang: "raw", version: "0", ...options })}`
  let answer = ""
  const said = await during(async () => {
    answer = await overWebSocket(port, [
      hello({}),
      `PUB ${COMMAND} 2`,
      "{}",
      `PUB ${QUERY} _INBOX.x 2`,
      "{}",
      "SUB drydock.default.event.> 1",
      "SUB _INBOX.> 2",
    ])
  })
  expect(said).toEqual([])
  for (const subject of [COMMAND, QUERY, "drydock.default.event.>", "_INBOX.>"]) {
    expect(answer).toContain(`"${subject}"`)
  }
  for (const user of ["person", "host", "nobody", "worker"]) {
    expect(await overWebSocket(port, [hello({ user, pass: "" })])).toContain("Authorization Violation")
  }
})

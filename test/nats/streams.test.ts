// The streams as the server itself describes them after the set-up. Every setting is asserted, because one wrong
// switch opens a way round the rules: schedules forge principals, roll-ups erase a queue.

import { once } from "node:events"
import { createServer } from "node:net"
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection } from "nats"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { DrydockError } from "../../src/actors/error.js"
import { openConnection } from "../../src/nats/connect.js"
import { differences, setUpYard } from "../../src/nats/set-up.js"
import { yardStreams } from "../../src/nats/streams.js"
import { startTestServer, type TestServer } from "../support/server.js"

const shared = {
  retention: "limits",
  storage: "file",
  discard: "new",
  num_replicas: 1,
  compression: "none",
  max_msgs: -1,
  max_bytes: -1,
  max_age: 0,
  max_msgs_per_subject: -1,
  max_msg_size: -1,
  max_consumers: -1,
  duplicate_window: 120_000_000_000,
  no_ack: undefined,
  sealed: false,
  deny_delete: false,
  deny_purge: false,
  discard_new_per_subject: undefined,
  allow_direct: false,
  mirror_direct: false,
  allow_rollup_hdrs: false,
  allow_msg_ttl: false,
  allow_msg_schedules: undefined,
  allow_msg_counter: undefined,
  allow_atomic: undefined,
  allow_batched: undefined,
  persist_mode: undefined,
  republish: undefined,
  subject_delete_marker_ttl: undefined,
  subject_transform: undefined,
  mirror: undefined,
  sources: undefined,
  placement: undefined,
  consumer_limits: {},
}

const expected = {
  COMMANDS: {
    ...shared,
    name: "DRYDOCK_MY_YARD_COMMANDS",
    description: expect.any(String),
    subjects: ["drydock.my-yard.command.*.*.*.*", "drydock.my-yard.internal.*.*.*.*"],
    max_msgs: 200_000,
    max_msg_size: 68 * 1024,
  },
  JOURNAL: {
    ...shared,
    name: "DRYDOCK_MY_YARD_JOURNAL",
    description: expect.any(String),
    subjects: ["drydock.my-yard.journal.*.*"],
    allow_atomic: true,
    deny_delete: true,
    republish: { src: "drydock.my-yard.journal.>", dest: "drydock.my-yard.event.>" },
  },
  WORK: {
    ...shared,
    name: "DRYDOCK_MY_YARD_WORK",
    description: expect.any(String),
    subjects: ["drydock.my-yard.work.*.*"],
    retention: "workqueue",
    max_msgs_per_subject: 1,
    discard_new_per_subject: true,
  },
  CLAIM: {
    ...shared,
    name: "DRYDOCK_MY_YARD_CLAIM",
    description: expect.any(String),
    subjects: ["drydock.my-yard.claim"],
    storage: "memory",
    discard: "old",
    max_msgs_per_subject: 1,
    allow_msg_ttl: true,
    allow_rollup_hdrs: true,
    subject_delete_marker_ttl: 3_600_000_000_000,
    republish: { src: "drydock.my-yard.claim", dest: "drydock.my-yard.claimed" },
  },
}

describe("the streams of a yard", () => {
  let server: TestServer
  let connection: NatsConnection
  let manager: JetStreamManager
  const settings = async (stream: string) => {
    const { metadata, ...config } = (await manager.streams.info(`DRYDOCK_MY_YARD_${stream}`)).config
    return { config, metadata }
  }

  beforeAll(async () => {
    server = await startTestServer()
    connection = await connect(server.hostOptions)
    manager = await jetstreamManager(connection)
  }, 120_000)
  afterAll(async () => {
    await connection.close()
    await server.stop()
  })

  it("have exactly the wanted settings, and no other", async () => {
    const { serverVersion } = await setUpYard(connection, "my-yard")
    expect(serverVersion).toMatch(/^\d+\.\d+\.\d+/)
    for (const [stream, config] of Object.entries(expected)) {
      expect((await settings(stream)).config).toEqual(config)
    }
  })

  it("are left alone by a second set-up, and by two at once", async () => {
    await Promise.all([setUpYard(connection, "my-yard"), setUpYard(connection, "my-yard")])
    await Promise.all([setUpYard(connection, "other"), setUpYard(connection, "other")])
    for (const [stream, config] of Object.entries(expected)) {
      expect((await settings(stream)).config).toEqual(config)
    }
  })

  it("are mended where somebody changed them", async () => {
    const { config } = await settings("COMMANDS")
    await manager.streams.update(config.name, {
      ...config,
      allow_rollup_hdrs: true,
      max_msgs: 10,
      discard: "old",
      allow_direct: true,
    })
    await setUpYard(connection, "my-yard")
    expect((await settings("COMMANDS")).config).toEqual(expected.COMMANDS)
  })

  it("keep a limit of commands that the host had to raise, and lose one that is out of bounds", async () => {
    const { config } = await settings("COMMANDS")
    await manager.streams.update(config.name, { ...config, max_msgs: 242_000 })
    await setUpYard(connection, "my-yard")
    expect((await settings("COMMANDS")).config.max_msgs).toBe(242_000)
    await manager.streams.update(config.name, { ...config, max_msgs: 400_001 })
    await setUpYard(connection, "my-yard")
    expect((await settings("COMMANDS")).config.max_msgs).toBe(200_000)
  })

  it("are refused with a cure where they cannot be mended", async () => {
    await manager.streams.add({
      name: "DRYDOCK_TAKEN_JOURNAL",
      subjects: ["drydock.taken.journal.*.*"],
      storage: "memory",
    })
    const failure = await setUpYard(connection, "taken").catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(DrydockError)
    expect(failure).toMatchObject({
      code: "stream-conflict",
      message: expect.stringMatching(/DRYDOCK_TAKEN_JOURNAL.*storage/),
      cure: expect.stringContaining("another yard name"),
    })
  })

  it("are refused with a cure where another stream takes the subjects", async () => {
    await manager.streams.add({ name: "ELSE", subjects: ["drydock.overlap.command.>"] })
    await expect(setUpYard(connection, "overlap")).rejects.toMatchObject({ code: "stream-conflict" })
  })

  it("keep their number of replicas unless another is asked for", () => {
    expect(yardStreams("y").JOURNAL).not.toHaveProperty("num_replicas")
    expect(differences({ ...yardStreams("y", 3).JOURNAL }, yardStreams("y").JOURNAL)).toEqual([])
    expect(differences({ ...yardStreams("y", 1).JOURNAL }, yardStreams("y", 3).JOURNAL)).toEqual([
      "num_replicas",
    ])
  })

  it("are called different in what differs", () => {
    const wanted = yardStreams("y").JOURNAL
    expect(differences({ ...wanted }, wanted)).toEqual([])
    const { no_ack: _off, ...silent } = wanted
    expect(differences(silent, wanted)).toEqual([])
    expect(differences({ ...wanted, deny_delete: false, max_msgs: 5 }, wanted).sort()).toEqual([
      "deny_delete",
      "max_msgs",
    ])
  })

  it("need JetStream", async () => {
    // A person's account has none.
    const person = await connect(server.personOptions)
    await expect(setUpYard(person, "my-yard")).rejects.toMatchObject({ code: "no-jetstream" })
    await person.close()
  })

  it("need a new enough server", async () => {
    const old = await oldServer("2.9.25")
    const connected = await connect({ port: old.port })
    await expect(setUpYard(connected, "my-yard")).rejects.toMatchObject({
      code: "server-too-old",
      message: expect.stringContaining("2.9.25"),
    })
    await connected.close()
    old.close()
  })
})

/** Says what an old server says when a client comes, and nothing more: installing one would prove no more. */
async function oldServer(version: string): Promise<{ port: number; close(): void }> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy())
    socket.write(`INFO {"server_id":"x","version":"${version}","max_payload":1048576,"headers":true}\r\n`)
    socket.on("data", (data) => {
      if (data.toString().includes("PING")) socket.write("PONG\r\n")
    })
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  return { port: address.port, close: () => server.close() }
}

describe("a connection", () => {
  it("is refused with a cure when nobody answers, or the address is none", async () => {
    await expect(openConnection({ url: "nats://127.0.0.1:1" })).rejects.toMatchObject({ code: "no-server" })
    await expect(openConnection({ url: "nats://:x:y" })).rejects.toMatchObject({ code: "bad-url" })
  })

  it("takes user and password from the address, and is refused with wrong ones", async () => {
    const server = await startTestServer()
    const { user = "", pass = "" } = server.hostOptions
    const url = (password: string) => `nats://${user}:${password}@127.0.0.1:${server.port}`
    const connection = await openConnection({ url: url(pass) })
    await setUpYard(connection, "y")
    await connection.close()
    await expect(openConnection({ url: url("wrong") })).rejects.toMatchObject({ code: "not-authorized" })
    await server.stop()
  }, 60_000)
})

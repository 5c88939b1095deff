import { once } from "node:events"
import { createConnection } from "node:net"
import { jetstreamManager } from "@nats-io/jetstream"
import { connect, headers, type NatsConnection } from "nats"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { type Log, LogError } from "../../../src/actors/log/log.js"
import { openNatsLog } from "../../../src/actors/log/nats-log.js"
import { openNatsWorkLink } from "../../../src/actors/log/nats-work-link.js"
import type { WorkLink } from "../../../src/actors/log/work-link.js"
import { streamName } from "../../../src/machines/subjects.js"
import { startTestServer, type TestServer } from "../../support/server.js"
import type { Bench, Heard } from "./bench.js"
import { logSpecs } from "./specs.js"

const text = (data: Uint8Array) => new TextDecoder().decode(data)

async function reconnected(connection: NatsConnection): Promise<void> {
  for await (const status of connection.status()) if (status.type === "reconnect") return
}

logSpecs("the log of nats-server", async () => {
  const server = await startTestServer({ accounts: false })
  const admin = await connect({ ...server.hostOptions, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  const manager = await jetstreamManager(admin)
  let logs: Log[] = []
  let links: WorkLink[] = []
  let yard = "none"
  let yards = 0
  const bench: Bench = {
    async fresh() {
      for (const log of logs) await log.close()
      for (const link of links) await link.close()
      logs = []
      links = []
      yard = `yard-${++yards}`
      return yard
    },
    async open() {
      const log = await openNatsLog({ url: server.url, yard })
      logs.push(log)
      return log
    },
    async openWork() {
      const link = await openNatsWorkLink({ url: server.url, yard })
      links.push(link)
      return link
    },
    async publish(subject, body, plain = {}) {
      const head = headers()
      for (const [name, value] of Object.entries(plain)) head.set(name, value)
      const answer = await admin.request(subject, body, { timeout: 5_000, headers: head })
      const ack = answer.json<{ seq: number; error?: { err_code: number } }>()
      return ack.error === undefined ? { seq: ack.seq } : { errCode: ack.error.err_code }
    },
    async subscribe(pattern) {
      const heard: Heard[] = []
      admin.subscribe(pattern, {
        callback: (error, message) => {
          if (error !== null) throw error
          const plain: Record<string, string> = {}
          for (const [name, values] of message.headers ?? []) plain[name] = values[0] ?? ""
          heard.push({ subject: message.subject, headers: plain, text: text(message.data) })
        },
      })
      await admin.flush()
      return heard
    },
    async ask(subject, body) {
      return text((await admin.request(subject, body, { timeout: 5_000 })).data)
    },
    crash: () => server.kill("SIGKILL"),
    async comeBack() {
      const back = reconnected(admin)
      await server.restart()
      await back
    },
    async loseClaims() {
      await manager.streams.delete(streamName(yard, "CLAIM"))
    },
    async purgeJournal(below) {
      await manager.streams.purge(streamName(yard, "JOURNAL"), { seq: below })
    },
    async until(what, condition, limitMs = 5_000) {
      const endMs = performance.now() + limitMs
      while (!condition()) {
        if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms in vain for ${what}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    nowMs: () => performance.now(),
    async close() {
      for (const log of logs) await log.close()
      for (const link of links) await link.close()
      await admin.close()
      await server.stop()
    },
  }
  return bench
})

describe("the log of nats-server", () => {
  let server: TestServer
  let admin: NatsConnection
  let log: Log
  beforeAll(async () => {
    server = await startTestServer({ accounts: false })
    admin = await connect(server.hostOptions)
    log = await openNatsLog({ url: server.url, yard: "y", answerTimeoutMs: 1_000 })
    await log.setUp()
  }, 120_000)
  afterAll(async () => {
    await log.close()
    await admin.close()
    await server.stop()
  })

  const subject = "drydock.y.command.lease.a.request.alice"

  it("delivers a message with malformed headers, without these", async () => {
    const read: (readonly [string, unknown])[] = []
    const reading = await log.readCommands(1, (message) => read.push([text(message.data), message.headers]))
    const socket = createConnection(server.port, "127.0.0.1")
    await once(socket, "data")
    const bad = "NATS/1.0\r\nbad name: 1\r\nDrydock-Id: a\nb\r\n\r\n"
    const hpub = (body: string) =>
      `HPUB ${subject} ${bad.length} ${bad.length + body.length}\r\n${bad}${body}\r\n`
    socket.write(
      `CONNECT {"verbose":false,"headers":true}\r\n${hpub("x")}${hpub("")}PUB ${subject} 1\r\ny\r\n`,
    )
    await vi.waitFor(() => expect(read.length).toBe(3))
    expect(read).toEqual([
      ["x", { "bad name": "1" }],
      ["", { "bad name": "1" }],
      ["y", undefined],
    ])
    socket.destroy()
    await reading.stop()
  })

  it("reads messages that are larger together than one pull may carry", async () => {
    const { lastSeq } = await log.commandFacts()
    const big = new Uint8Array(64_000)
    const sends = Array.from({ length: 400 }, () =>
      log.send("drydock.y.internal.lease.a.wake.timer", big, {}),
    )
    await Promise.all(sends)
    const read: number[] = []
    const reading = await log.readCommands(lastSeq + 1, ({ seq }) => read.push(seq))
    await vi.waitFor(() => expect(read.length).toBe(400), 10_000)
    expect(read).toEqual(Array.from({ length: 400 }, (_, index) => lastSeq + 1 + index))
    await reading.stop()
    const again: number[] = []
    for await (const { seq } of log.commands(lastSeq + 1)) again.push(seq)
    expect(again).toEqual(read)
  })

  it("reads on, from where it was, when its consumer is deleted", async () => {
    const { lastSeq } = await log.commandFacts()
    const read: number[] = []
    const reading = await log.readCommands(lastSeq + 1, (message) => read.push(message.seq))
    const manager = await jetstreamManager(admin)
    const stream = streamName("y", "COMMANDS")
    const consumers = await manager.consumers.list(stream).next()
    await admin.request(subject, "{}")
    await vi.waitFor(() => expect(read).toEqual([lastSeq + 1]))
    for (const consumer of consumers) await manager.consumers.delete(stream, consumer.name)
    await admin.request(subject, "{}")
    await vi.waitFor(() => expect(read).toEqual([lastSeq + 1, lastSeq + 2]), 5_000)
    await reading.stop()
  })

  it("answers nobody whose reply subject belongs to the yard or to the server", async () => {
    const asked: string[] = []
    const reading = await log.serveQueries((question) => {
      asked.push(text(question.data))
      question.answer(question.data)
    })
    const { lastSeq } = await log.journalFacts()
    for (const reply of ["drydock.y.journal.lease.x", "$JS.API.STREAM.PURGE.DRYDOCK_Y_JOURNAL", "$SYS.x"]) {
      admin.publish("drydock.y.query.get.mallory", "bad", { reply })
    }
    expect((await admin.request("drydock.y.query.get.alice", "good")).string()).toBe("good")
    expect(asked).toEqual(["good"])
    expect((await log.journalFacts()).lastSeq).toBe(lastSeq)
    await reading.stop()
  })

  it("calls an append uncertain when the server is silent, and mends the rest by itself", async () => {
    const { lastSeq } = await log.journalFacts()
    const entry = { subject: "drydock.y.journal.lease.a", data: new Uint8Array(), headers: {} }
    await server.kill("SIGSTOP")
    const startMs = performance.now()
    await expect(log.append(lastSeq, [entry])).rejects.toMatchObject({ fault: "uncertain" })
    expect(performance.now() - startMs).toBeLessThan(2_000)
    await server.kill("SIGCONT")
    // It was only late: read back, go on.
    await vi.waitFor(async () => expect((await log.journalFacts()).lastSeq).toBe(lastSeq + 1), 5_000)
    await expect(log.append(lastSeq, [entry])).rejects.toBeInstanceOf(LogError)
    await log.append(lastSeq + 1, [entry])
  })

  it("reports a full store as storage-full and works on when there is room", async () => {
    const manager = await jetstreamManager(admin)
    const journal = streamName("y", "JOURNAL")
    const { config, state } = await manager.streams.info(journal)
    await manager.streams.update(journal, { ...config, max_bytes: state.bytes + 10_000 })
    const big = { subject: "drydock.y.journal.lease.a", data: new Uint8Array(20_000), headers: {} }
    const after = state.last_seq
    await expect(log.append(after, [big])).rejects.toMatchObject({ fault: "storage-full" })
    await expect(log.append(after, [big, big])).rejects.toMatchObject({ fault: "storage-full" })
    await manager.streams.update(journal, { ...config, max_bytes: -1 })
    await log.append(after, [big, big])
  })
})

import { describe, expect, it } from "vitest"
import { type MemoryLog, openMemoryLog } from "../../../src/actors/log/memory-log.js"
import { MemoryServer } from "../../../src/actors/log/memory-server.js"
import { type MemoryWorkLink, openMemoryWorkLink } from "../../../src/actors/log/memory-work-link.js"
import { settled, VirtualClock } from "../../support/virtual-clock.js"
import type { Bench, Heard } from "./bench.js"
import { logSpecs } from "./specs.js"

const bytes = (text: string) => new TextEncoder().encode(text)

logSpecs("the log in memory", async () => {
  const clock = new VirtualClock()
  let server = new MemoryServer({ yard: "none", clock })
  let logs: MemoryLog[] = []
  let links: MemoryWorkLink[] = []
  let yards = 0
  const bench: Bench = {
    async fresh() {
      for (const log of logs) await log.close()
      for (const link of links) await link.close()
      logs = []
      links = []
      server = new MemoryServer({ yard: `yard-${++yards}`, clock })
      return server.yard
    },
    async open() {
      const log = openMemoryLog(server)
      logs.push(log)
      return log
    },
    async openWork() {
      const link = openMemoryWorkLink(server)
      links.push(link)
      return link
    },
    async publish(subject, text, headers) {
      const answer = await server.publish(subject, text, headers)
      return answer ?? { errCode: 503 }
    },
    async subscribe(pattern) {
      const heard: Heard[] = []
      server.subscribe(pattern, ({ subject, headers, data }) => {
        heard.push({ subject, headers, text: new TextDecoder().decode(data) })
      })
      return heard
    },
    async ask(subject, text) {
      return new TextDecoder().decode(await server.request(subject, text))
    },
    async crash() {
      for (const log of logs) log.disconnect()
      for (const link of links) link.disconnect()
    },
    async comeBack() {
      for (const log of logs) log.reconnect()
      for (const link of links) link.reconnect()
    },
    async loseClaims() {
      server.deleteStream("CLAIM")
    },
    async purgeJournal(below) {
      server.stream("JOURNAL")?.purge(below)
    },
    async until(what, condition, limitMs = 5_000) {
      for (let passedMs = 0; passedMs <= limitMs; passedMs += 10) {
        await settled()
        if (condition()) return
        await clock.advance(10)
      }
      throw new Error(`waited ${limitMs} ms in vain for ${what}`)
    },
    nowMs: () => clock.monotonicMs(),
    async close() {
      for (const log of logs) await log.close()
      for (const link of links) await link.close()
    },
  }
  return bench
})

describe("the server in memory", () => {
  const start = async () => {
    const clock = new VirtualClock()
    const server = new MemoryServer({ yard: "y", clock })
    const log = openMemoryLog(server)
    await log.setUp()
    const record = (id: string) => ({
      subject: `drydock.y.journal.lease.${id}`,
      data: bytes(id),
      headers: {},
    })
    return { clock, server, log, record }
  }

  it("stores what it then does not acknowledge, when an ack is to be lost", async () => {
    const { server, log, record } = await start()
    server.inject({ on: "append", what: "lose-ack" })
    await expect(log.append(0, [record("a")])).rejects.toMatchObject({ fault: "uncertain" })
    expect((await log.journalFacts()).lastSeq).toBe(1)
    await log.append(1, [record("b")])
  })

  it("refuses what is to be refused, once, and stores nothing", async () => {
    const { server, log, record } = await start()
    server.inject({ on: "append", what: "storage-full" })
    server.inject({ on: "send", what: "queue-full" })
    await expect(log.append(0, [record("a")])).rejects.toMatchObject({ fault: "storage-full" })
    await log.append(0, [record("a")])
    const subject = "drydock.y.internal.lease.a.wake.timer"
    await expect(log.send(subject, bytes(""), {})).rejects.toMatchObject({ fault: "queue-full" })
    await log.send(subject, bytes(""), {})
  })

  it("has no room while its storage is full", async () => {
    const { server, log, record } = await start()
    server.storageFull = true
    await expect(log.append(0, [record("a")])).rejects.toMatchObject({ fault: "storage-full" })
    server.storageFull = false
    await log.append(0, [record("a")])
  })

  it("drops events that are to be dropped, and keeps the records", async () => {
    const { server, log, record } = await start()
    const heard: (string | undefined)[] = []
    server.subscribe("drydock.y.event.>", ({ headers }) => heard.push(headers["Nats-Sequence"]))
    await log.append(0, [record("a")])
    server.dropEvents(1)
    await log.append(1, [record("a"), record("a")])
    await settled()
    expect(heard).toEqual(["1", "3"])
    expect((await log.journalFacts()).messages).toBe(3)
  })

  it("takes one job per subject", async () => {
    const { server } = await start()
    expect(await server.publish("drydock.y.work.shell.j1", "{}")).toEqual({ seq: 1, duplicate: false })
    expect(await server.publish("drydock.y.work.shell.j1", "{}")).toMatchObject({ errCode: 10077 })
    expect(await server.publish("drydock.y.work.shell.j2", "{}")).toEqual({ seq: 2, duplicate: false })
  })

  it("forgets a repeated Nats-Msg-Id after two minutes", async () => {
    const { server, clock } = await start()
    const subject = "drydock.y.command.lease.a.request.alice"
    const id = { "Nats-Msg-Id": "x" }
    expect(await server.publish(subject, "{}", id)).toEqual({ seq: 1, duplicate: false })
    expect(await server.publish(subject, "{}", id)).toEqual({ seq: 1, duplicate: true })
    await clock.advance(120_001)
    expect(await server.publish(subject, "{}", id)).toEqual({ seq: 2, duplicate: false })
  })
})

// What the yard needs of a log, as specs that hold for every implementation of the port: nats-log.test.ts runs them
// against a real nats-server, memory-log.test.ts against the one in memory. So the simulator can be believed.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import {
  type ClaimState,
  type CommandMessage,
  type JournalEntry,
  type JournalMessage,
  type Log,
  LogError,
  type LogFault,
} from "../../../src/actors/log/log.js"

/** What a plain subscriber heard. */
export interface Heard {
  readonly subject: string
  readonly headers: { readonly [name: string]: string }
  readonly text: string
}

/** A log server under test, and everything that others than the host do to it. */
export interface Bench {
  /** A new yard without streams; what was opened before is closed. Returns its name. */
  fresh(): Promise<string>
  /** One more host's connection to that yard. */
  open(): Promise<Log>
  /** Publishes with full rights, as a client or an intruder. Resolves to the sequence or the server's error code. */
  publish(
    subject: string,
    text: string,
    headers?: { readonly [name: string]: string },
  ): Promise<{ readonly seq?: number; readonly errCode?: number }>
  /** Collects what a plain subscriber hears from now on. */
  subscribe(pattern: string): Promise<readonly Heard[]>
  ask(subject: string, text: string): Promise<string>
  /** The connections break (with a real server: it is killed). */
  crash(): Promise<void>
  /** … and the server is back with what it had stored. */
  comeBack(): Promise<void>
  loseClaims(): Promise<void>
  purgeJournal(below: number): Promise<void>
  /** Waits until the condition holds; throws after `limitMs`. */
  until(what: string, condition: () => boolean, limitMs?: number): Promise<void>
  /** Milliseconds of the bench's clock. */
  nowMs(): number
  close(): Promise<void>
}

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (data: Uint8Array) => new TextDecoder().decode(data)

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of source) list.push(item)
  return list
}

async function faultOf(work: Promise<unknown>): Promise<LogFault | "none"> {
  try {
    await work
    return "none"
  } catch (error) {
    if (error instanceof LogError) return error.fault
    throw error
  }
}

export function logSpecs(name: string, start: () => Promise<Bench>): void {
  describe(name, () => {
    let bench: Bench
    let yard: string
    let log: Log

    beforeAll(async () => {
      bench = await start()
    }, 120_000)
    afterAll(async () => {
      await bench.close()
    }, 60_000)
    beforeEach(async () => {
      yard = await bench.fresh()
      log = await bench.open()
      await log.setUp()
    }, 30_000)

    const journal = (id: string) => `drydock.${yard}.journal.lease.${id}`
    const command = (id: string, verb = "request") => `drydock.${yard}.command.lease.${id}.${verb}.alice`
    const internal = (id: string) => `drydock.${yard}.internal.lease.${id}.wake.allocator`
    const record = (id: string, body = id): JournalEntry => ({
      subject: journal(id),
      data: bytes(body),
      headers: { "Drydock-Sent": "7" },
    })
    const bodies = (messages: readonly (JournalMessage | CommandMessage)[]) =>
      messages.map(({ seq, data }) => `${seq}:${text(data)}`)

    describe("the journal", () => {
      it("appends one record after the sequence that was expected", async () => {
        await log.append(0, [record("a")])
        await log.append(1, [record("b")])
        const messages = await all(log.journal(1))
        expect(bodies(messages)).toEqual(["1:a", "2:b"])
        expect(messages[0]?.subject).toBe(journal("a"))
        expect(messages[0]?.headers?.["Drydock-Sent"]).toBe("7")
        expect(await log.journalFacts()).toMatchObject({ firstSeq: 1, lastSeq: 2, messages: 2 })
      })

      it("refuses as fenced what expects another sequence, and stores nothing", async () => {
        await log.append(0, [record("a")])
        expect(await faultOf(log.append(0, [record("b")]))).toBe("fenced")
        expect(await faultOf(log.append(2, [record("b")]))).toBe("fenced")
        expect(await faultOf(log.append(0, [record("b"), record("c")]))).toBe("fenced")
        expect(bodies(await all(log.journal(1)))).toEqual(["1:a"])
      })

      it("accepts the append behind a refused one, because the fence names a number and not a writer", async () => {
        const other = await bench.open()
        await other.append(0, [record("x")])
        const [refused, accepted] = await Promise.all([
          faultOf(log.append(0, [record("a")])),
          faultOf(log.append(1, [record("b")])),
        ])
        expect([refused, accepted]).toEqual(["fenced", "none"])
        expect(bodies(await all(log.journal(1)))).toEqual(["1:x", "2:b"])
      })

      it("stores a batch whole and in order", async () => {
        await log.append(0, [record("a")])
        await log.append(1, [record("b"), record("a", "again"), record("c")])
        expect(bodies(await all(log.journal(1)))).toEqual(["1:a", "2:b", "3:again", "4:c"])
      })

      it("stores nothing of a batch of which one record is too large", async () => {
        const huge = record("b", "x".repeat(1_100_000))
        expect(await faultOf(log.append(0, [record("a"), huge, record("c")]))).toBe("too-large")
        expect((await log.journalFacts()).lastSeq).toBe(0)
        expect(await faultOf(log.append(0, [huge]))).toBe("too-large")
        expect(await faultOf(log.append(0, [record("a")]))).toBe("none")
      })

      it("takes 1,000 records in one batch and no more", async () => {
        const batch = Array.from({ length: 1_000 }, (_, index) => record(`r${index}`))
        await log.append(0, batch)
        expect((await log.journalFacts()).lastSeq).toBe(1_000)
        await expect(log.append(1_000, [...batch, record("more")])).rejects.toThrow(RangeError)
      })

      it("does nothing for an empty append", async () => {
        await log.append(0, [])
        expect((await log.journalFacts()).lastSeq).toBe(0)
      })

      it("reads from a sequence, one subject, or a limited number", async () => {
        await log.append(0, [record("a"), record("b"), record("a", "a2"), record("b", "b2")])
        expect(bodies(await all(log.journal(3)))).toEqual(["3:a2", "4:b2"])
        expect(bodies(await all(log.journal(1, { subject: journal("a") })))).toEqual(["1:a", "3:a2"])
        expect(bodies(await all(log.journal(2, { limit: 2 })))).toEqual(["2:b", "3:a2"])
        expect(bodies(await all(log.journal(5)))).toEqual([])
        expect(bodies(await all(log.journal(1, { subject: journal("nobody") })))).toEqual([])
      })

      it("reads what is left when the beginning was purged", async () => {
        await log.append(0, [record("a"), record("b"), record("c")])
        await bench.purgeJournal(3)
        expect(bodies(await all(log.journal(1)))).toEqual(["3:c"])
        expect(await log.journalFacts()).toMatchObject({ firstSeq: 3, lastSeq: 3, messages: 1 })
      })

      it("can be left in the middle of a reading", async () => {
        const batch = Array.from({ length: 1_000 }, (_, index) => record(`r${index}`))
        await log.append(0, batch)
        await log.append(1_000, batch)
        for await (const message of log.journal(1)) {
          if (message.seq === 700) break
        }
        expect((await all(log.journal(1))).length).toBe(2_000)
      })

      it("ends a reading also when the rest is purged meanwhile", async () => {
        const batch = Array.from({ length: 1_000 }, (_, index) => record(`r${index}`))
        for (let after = 0; after < 4_000; after += 1_000) await log.append(after, batch)
        const read: number[] = []
        for await (const message of log.journal(1)) {
          read.push(message.seq)
          if (read.length === 10) await bench.purgeJournal(3_990)
        }
        expect(read.length).toBeGreaterThanOrEqual(20)
        expect(read).toEqual([...read].sort((a, b) => a - b))
        expect(read.at(-1)).toBe(4_000)
      })

      it("gives the last record of every subject by ascending sequence", async () => {
        expect(await all(log.lastPerSubject())).toEqual([])
        await log.append(0, [record("a"), record("b"), record("a", "a2"), record("c"), record("b", "b2")])
        expect(bodies(await all(log.lastPerSubject()))).toEqual(["3:a2", "4:c", "5:b2"])
      })

      it("gives the last record of one subject, also as of a sequence", async () => {
        await log.append(0, [record("a"), record("b"), record("a", "a2"), record("a", "a3")])
        expect((await log.lastOf(journal("a")))?.seq).toBe(4)
        expect((await log.lastOf(journal("a"), 3))?.seq).toBe(3)
        expect((await log.lastOf(journal("a"), 2))?.seq).toBe(1)
        expect(await log.lastOf(journal("b"), 1)).toBeUndefined()
        expect(await log.lastOf(journal("nobody"))).toBeUndefined()
      })

      it("shows what a stranger wrote there", async () => {
        await bench.publish(journal("a"), "not ours")
        expect(bodies(await all(log.journal(1)))).toEqual(["1:not ours"])
      })

      it("repeats a record to subscribers once it is stored, with its place, and never a refused one", async () => {
        const heard = await bench.subscribe(`drydock.${yard}.event.>`)
        await log.append(0, [record("a")])
        expect(await faultOf(log.append(0, [record("refused")]))).toBe("fenced")
        await log.append(1, [record("b"), record("a", "a2")])
        await bench.until("three events", () => heard.length >= 3)
        expect(heard.map((event) => event.text)).toEqual(["a", "b", "a2"])
        expect(heard[2]?.subject).toBe(`drydock.${yard}.event.lease.a`)
        expect(heard[2]?.headers).toMatchObject({ "Nats-Sequence": "3", "Nats-Last-Sequence": "1" })
        expect(heard[0]?.headers["Drydock-Sent"]).toBe("7")
      })
    })

    describe("the commands", () => {
      it("are read in stream order from a sequence on, for ever", async () => {
        for (const id of ["a", "b", "c"]) await bench.publish(command(id), id, { "Drydock-Id": `id-${id}` })
        const read: CommandMessage[] = []
        const reading = await log.readCommands(2, (message) => read.push(message))
        await bench.until("two commands", () => read.length >= 2)
        await bench.publish(command("d"), "d")
        await bench.until("a third command", () => read.length >= 3)
        expect(bodies(read)).toEqual(["2:b", "3:c", "4:d"])
        expect(read[0]).toMatchObject({ subject: command("b"), headers: { "Drydock-Id": "id-b" } })
        expect(read[2]?.headers).toBeUndefined()
        expect(Math.abs((read[2]?.timestampMs ?? 0) - (read[0]?.timestampMs ?? 0))).toBeLessThan(60_000)
        await reading.stop()
        await bench.publish(command("e"), "e")
        await log.send(internal("f"), bytes("f"), {})
        expect(read.length).toBe(3)
      })

      it("are never delivered inside the call that asks for them, nor inside a publish", async () => {
        await bench.publish(command("a"), "a")
        const read: CommandMessage[] = []
        const asking = log.readCommands(1, (message) => read.push(message))
        expect(read.length).toBe(0)
        const reading = await asking
        await bench.until("the command", () => read.length === 1)
        const sending = log.send(internal("b"), bytes("b"), {})
        expect(read.length).toBe(1)
        await sending
        await bench.until("the second", () => read.length === 2)
        await reading.stop()
      })

      it("begin at the first that is left, or wait for a sequence that has not come", async () => {
        for (const id of ["a", "b", "c"]) await bench.publish(command(id), id)
        await log.purgeCommands(3)
        const fromFirst: CommandMessage[] = []
        const fromFifth: CommandMessage[] = []
        const first = await log.readCommands(1, (message) => fromFirst.push(message))
        const fifth = await log.readCommands(5, (message) => fromFifth.push(message))
        for (const id of ["d", "e"]) await bench.publish(command(id), id)
        await bench.until("both", () => fromFirst.length >= 3 && fromFifth.length >= 1)
        expect(bodies(fromFirst)).toEqual(["3:c", "4:d", "5:e"])
        expect(bodies(fromFifth)).toEqual(["5:e"])
        await first.stop()
        await fifth.stop()
      })

      it("stop coming soon after a pause and come on after the resume, without a gap", async () => {
        const sends: Promise<void>[] = []
        for (let index = 0; index < 5_000; index++) sends.push(log.send(internal("a"), bytes(`${index}`), {}))
        await Promise.all(sends)
        const read: number[] = []
        const reading = await log.readCommands(1, (message) => {
          read.push(message.seq)
          if (read.length === 10) reading.pause()
        })
        await bench.until("the pause", () => read.length >= 10)
        // Whatever was on its way has come when a question asked later is answered.
        for (let index = 0; index < 3; index++) await log.commandFacts()
        expect(read.length).toBeLessThan(2_000)
        reading.resume()
        await bench.until("all of them", () => read.length >= 5_000)
        expect(read).toEqual(Array.from({ length: 5_000 }, (_, index) => index + 1))
        await reading.stop()
      })

      it("go on after the server was lost and came back", async () => {
        const read: CommandMessage[] = []
        let losses = 0
        log.onDisconnect(() => losses++)
        const reading = await log.readCommands(1, (message) => read.push(message))
        await bench.publish(command("a"), "a")
        await bench.until("the first", () => read.length === 1)
        await bench.crash()
        await bench.until("the loss", () => losses === 1)
        expect(log.connected()).toBe(false)
        await bench.comeBack()
        await bench.until("the connection", () => log.connected(), 10_000)
        await bench.publish(command("b"), "b")
        await bench.until("the second", () => read.length >= 2, 10_000)
        expect(bodies(read)).toEqual(["1:a", "2:b"])
        await reading.stop()
      })

      it("come once each and in order when the server is lost in the middle of them", async () => {
        const sends: Promise<void>[] = []
        for (let index = 0; index < 3_000; index++) sends.push(log.send(internal("a"), bytes(`${index}`), {}))
        await Promise.all(sends)
        const read: number[] = []
        const reading = await log.readCommands(1, (message) => {
          read.push(message.seq)
          if (read.length === 1_200) reading.pause()
        })
        await bench.until("the pause", () => read.length >= 1_200)
        await bench.crash()
        await bench.until("the loss", () => !log.connected())
        reading.resume()
        await bench.comeBack()
        await bench.until("all of them", () => read.length >= 3_000, 10_000)
        await bench.publish(command("b"), "b")
        await bench.until("one more", () => read.length >= 3_001)
        expect(read).toEqual(Array.from({ length: 3_001 }, (_, index) => index + 1))
        await reading.stop()
      })

      it("survive names and values of headers that are made to hurt", async () => {
        const read: CommandMessage[] = []
        const reading = await log.readCommands(1, (message) => read.push(message))
        await bench.publish(command("a"), "a", { __proto__x: "1", constructor: "2", "Drydock-Id": "é\u0000" })
        await bench.until("the command", () => read.length === 1)
        expect(read[0]?.headers?.toString).toBeUndefined()
        expect(read[0]?.headers?.constructor).toBe("2")
        await reading.stop()
      })

      it("are kept until they are purged, and are found by their actor", async () => {
        for (const id of ["a", "b", "a", "a"]) await bench.publish(command(id), id)
        await log.send(internal("a"), bytes("wake"), { "Drydock-Cause": "3.0" })
        const mine = [`drydock.${yard}.command.lease.a.*.*`, `drydock.${yard}.internal.lease.a.*.*`]
        expect(bodies(await log.commandsOf(mine, 10))).toEqual(["1:a", "3:a", "4:a", "5:wake"])
        expect(bodies(await log.commandsOf(mine, 2))).toEqual(["4:a", "5:wake"])
        expect(bodies(await all(log.commands(4)))).toEqual(["4:a", "5:wake"])
        expect((await log.commandsOf(mine, 10)).at(-1)?.headers).toEqual({ "Drydock-Cause": "3.0" })
        await log.purgeCommands(4)
        expect(await log.commandFacts()).toMatchObject({ firstSeq: 4, lastSeq: 5, messages: 2 })
        expect(bodies(await log.commandsOf(mine, 10))).toEqual(["4:a", "5:wake"])
      })

      it("are moved forward by a purge beyond their end, so that no sequence is used twice", async () => {
        await bench.publish(command("a"), "a")
        await log.purgeCommands(101)
        expect(await log.commandFacts()).toMatchObject({ firstSeq: 101, lastSeq: 100, messages: 0 })
        expect((await bench.publish(command("b"), "b")).seq).toBe(101)
      })

      it("swallow a repeated Nats-Msg-Id", async () => {
        const first = await bench.publish(command("a"), "a", { "Nats-Msg-Id": "once" })
        const second = await bench.publish(command("a"), "a", { "Nats-Msg-Id": "once" })
        expect(second.seq).toBe(first.seq)
        expect((await log.commandFacts()).messages).toBe(1)
      })

      it("refuse one over 64 KiB and its headers", async () => {
        expect((await bench.publish(command("a"), "x".repeat(64 * 1024))).seq).toBe(1)
        expect((await bench.publish(command("a"), "x".repeat(69 * 1024))).errCode).toBe(10054)
        expect(await faultOf(log.send(internal("a"), bytes("x".repeat(69 * 1024)), {}))).toBe("too-large")
        expect(await faultOf(log.send(internal("a"), bytes("x".repeat(1_100_000)), {}))).toBe("too-large")
      })

      it("refuse the next one when they are full, until there is room or the limit is raised", async () => {
        await log.setCommandLimit(2)
        expect((await log.commandFacts()).maxMessages).toBe(2)
        await log.send(internal("a"), bytes("1"), {})
        await log.send(internal("a"), bytes("2"), {})
        expect(await faultOf(log.send(internal("a"), bytes("3"), {}))).toBe("queue-full")
        expect((await bench.publish(command("a"), "3")).errCode).toBe(10077)
        await log.purgeCommands(2)
        expect(await faultOf(log.send(internal("a"), bytes("3"), {}))).toBe("none")
        await log.setCommandLimit(3)
        expect(await faultOf(log.send(internal("a"), bytes("4"), {}))).toBe("none")
      })

      it("go nowhere without a stream that takes them", async () => {
        expect(await faultOf(log.send("drydock.nowhere.internal.lease.a.wake.timer", bytes(""), {}))).toBe(
          "unavailable",
        )
      })
    })

    describe("a lost connection", () => {
      it("makes an append under way uncertain at once and refuses later ones", async () => {
        await log.append(0, [record("a")])
        const underWay = faultOf(log.append(1, [record("b"), record("c")]))
        const crashed = bench.crash()
        const startMs = bench.nowMs()
        const fault = await underWay
        expect(bench.nowMs() - startMs).toBeLessThan(2_000)
        expect(["uncertain", "none"]).toContain(fault)
        await crashed
        await bench.until("the loss", () => !log.connected())
        expect(await faultOf(log.append(1, [record("d")]))).toBe("unavailable")
        expect(await faultOf(log.send(internal("a"), bytes(""), {}))).toBe("unavailable")
        expect(await faultOf(log.journalFacts())).toBe("unavailable")
        expect(await faultOf(all(log.journal(1)))).toBe("unavailable")
        await bench.comeBack()
        await bench.until("the connection", () => log.connected(), 10_000)
        // The batch is there whole or not at all, whatever was told.
        const { lastSeq } = await log.journalFacts()
        expect([1, 3]).toContain(lastSeq)
        if (fault === "none") expect(lastSeq).toBe(3)
        await log.append(lastSeq, [record("e")])
      })

      it("keeps nothing back to send it later", async () => {
        await bench.crash()
        await bench.until("the loss", () => !log.connected())
        log.tell(`drydock.${yard}.outcome.alice.x`, bytes("lost"))
        await bench.comeBack()
        await bench.until("the connection", () => log.connected(), 10_000)
        const heard = await bench.subscribe(`drydock.${yard}.outcome.>`)
        log.tell(`drydock.${yard}.outcome.alice.y`, bytes("heard"))
        await log.flush()
        await bench.until("the outcome", () => heard.length > 0)
        expect(heard.map((message) => message.text)).toEqual(["heard"])
      })
    })

    describe("questions and answers", () => {
      it("go to whoever serves them, and end when it stops", async () => {
        const reading = await log.serveQueries((question) => {
          question.answer(bytes(`${question.name} for ${question.principal}: ${text(question.data)}`))
        })
        expect(await bench.ask(`drydock.${yard}.query.get.alice`, "{}")).toBe("get for alice: {}")
        await reading.stop()
        const heard: string[] = []
        const again = await log.serveQueries((question) => {
          heard.push(question.name)
          question.answer(bytes("second"))
        })
        expect(await bench.ask(`drydock.${yard}.query.list.alice`, "{}")).toBe("second")
        expect(heard).toEqual(["list"])
        await again.stop()
      })

      it("refuse an answer that the server would not carry", async () => {
        const reading = await log.serveQueries((question) => {
          try {
            question.answer(new Uint8Array(1_100_000))
          } catch (error) {
            question.answer(bytes(error instanceof LogError ? error.fault : "another error"))
          }
        })
        expect(await bench.ask(`drydock.${yard}.query.get.alice`, "{}")).toBe("too-large")
        await reading.stop()
      })
    })

    describe("the claim", () => {
      const TTL_MS = 2_000

      it("goes to one of two that race for it", async () => {
        const other = await bench.open()
        const won = await Promise.all([log.claim(0, "one", TTL_MS), other.claim(0, "two", TTL_MS)])
        expect(won.filter((seq) => seq !== undefined)).toEqual([1])
      })

      it("is kept by renewing it and seen by a watcher", async () => {
        const states: ClaimState[] = []
        const other = await bench.open()
        const watch = await other.watchClaim((state) => states.push(state))
        await bench.until("the first state", () => states.length === 1)
        expect(states).toEqual([{ seq: 0, holder: undefined }])
        let seq = await log.claim(0, "one", TTL_MS)
        for (let turn = 1; turn <= 4; turn++) {
          const nextMs = bench.nowMs() + 700
          await bench.until("the next renewal", () => bench.nowMs() >= nextMs)
          seq = await log.claim(seq ?? -1, "one", TTL_MS)
        }
        await bench.until("the last renewal", () => states.at(-1)?.seq === seq)
        expect(states.slice(1).every((state) => state.holder === "one")).toBe(true)
        expect(await other.claim(0, "two", TTL_MS)).toBeUndefined()
        await watch.stop()
      })

      it("is seen to run out less than 2.5 s after its last renewal", async () => {
        const states: ClaimState[] = []
        const other = await bench.open()
        const watch = await other.watchClaim((state) => states.push(state))
        const startMs = bench.nowMs()
        const seq = await log.claim(0, "one", TTL_MS)
        await bench.until("the claim", () => states.at(-1)?.holder === "one")
        await bench.until("its end", () => states.at(-1)?.holder === undefined, 5_000)
        expect(bench.nowMs() - startMs).toBeGreaterThan(TTL_MS - 100)
        expect(bench.nowMs() - startMs).toBeLessThan(2_500)
        expect(await log.claim(seq ?? -1, "one", TTL_MS)).toBeUndefined()
        const next = await other.claim(states.at(-1)?.seq ?? -1, "two", TTL_MS)
        expect(next).toBeGreaterThan(seq ?? 0)
        await watch.stop()
      })

      it("is seen to be dropped at once", async () => {
        const states: ClaimState[] = []
        const other = await bench.open()
        const watch = await other.watchClaim((state) => states.push(state))
        const seq = await log.claim(0, "one", TTL_MS)
        await bench.until("the claim", () => states.at(-1)?.holder === "one")
        const startMs = bench.nowMs()
        await log.dropClaim(seq ?? -1)
        await bench.until("its end", () => states.at(-1)?.holder === undefined)
        expect(bench.nowMs() - startMs).toBeLessThan(500)
        expect(await other.claim(states.at(-1)?.seq ?? -1, "two", TTL_MS)).toBeDefined()
        // Dropping what another holds meanwhile does it no harm.
        await log.dropClaim(seq ?? -1)
        await bench.until("the other", () => states.at(-1)?.holder === "two")
        await watch.stop()
      })

      it("is raced for again when its stream is lost", async () => {
        const states: ClaimState[] = []
        const other = await bench.open()
        const watch = await other.watchClaim((state) => states.push(state))
        let seq = await log.claim(0, "one", TTL_MS)
        seq = await log.claim(seq ?? -1, "one", TTL_MS)
        seq = await log.claim(seq ?? -1, "one", TTL_MS)
        await bench.until("the claim", () => states.at(-1)?.seq === 3)
        await bench.loseClaims()
        await bench.until("a new stream", () => states.at(-1)?.seq === 0, 5_000)
        expect(await log.claim(seq ?? -1, "one", TTL_MS)).toBeUndefined()
        expect(await other.claim(0, "two", TTL_MS)).toBe(1)
        await bench.until("the new holder", () => states.at(-1)?.holder === "two")
        await watch.stop()
      })

      it("is watched on after the connection was lost", async () => {
        const states: ClaimState[] = []
        const watch = await log.watchClaim((state) => states.push(state))
        await bench.until("the first state", () => states.length > 0)
        await bench.crash()
        await bench.until("the loss", () => !log.connected())
        await bench.comeBack()
        await bench.until("the connection", () => log.connected(), 10_000)
        await bench.until("the stream", () => states.at(-1)?.holder === undefined, 5_000)
        const other = await bench.open()
        await other.setUp()
        const seq = await other.claim(states.at(-1)?.seq ?? 0, "two", TTL_MS)
        expect(seq).toBeDefined()
        await bench.until("the holder", () => states.at(-1)?.holder === "two", 5_000)
        await watch.stop()
      })
    })
  })
}

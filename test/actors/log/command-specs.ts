// What must hold for the queue of commands.

import { describe, expect, it } from "vitest"
import type { CommandMessage } from "../../../src/actors/log/log.js"
import { all, bodies, bytes, faultOf, type UnderTest } from "./bench.js"

export function commandSpecs(start: () => UnderTest): void {
  describe("the commands", () => {
    it("are read in stream order from a sequence on, for ever", async () => {
      const under = start()
      const { bench, log } = under
      for (const id of ["a", "b", "c"])
        await bench.publish(under.command(id), id, { "Drydock-Id": `id-${id}` })
      const read: CommandMessage[] = []
      const reading = await log.readCommands(2, (message) => read.push(message))
      await bench.until("two commands", () => read.length >= 2)
      await bench.publish(under.command("d"), "d")
      await bench.until("a third command", () => read.length >= 3)
      expect(bodies(read)).toEqual(["2:b", "3:c", "4:d"])
      expect(read[0]).toMatchObject({ subject: under.command("b"), headers: { "Drydock-Id": "id-b" } })
      expect(read[2]?.headers).toBeUndefined()
      expect(Math.abs((read[2]?.timestampMs ?? 0) - (read[0]?.timestampMs ?? 0))).toBeLessThan(60_000)
      await reading.stop()
      await bench.publish(under.command("e"), "e")
      await log.send(under.internal("f"), bytes("f"), {})
      expect(read.length).toBe(3)
    })

    it("are never delivered inside the call that asks for them, nor inside a publish", async () => {
      const under = start()
      const { bench, log } = under
      await bench.publish(under.command("a"), "a")
      const read: CommandMessage[] = []
      const asking = log.readCommands(1, (message) => read.push(message))
      expect(read.length).toBe(0)
      const reading = await asking
      await bench.until("the command", () => read.length === 1)
      const sending = log.send(under.internal("b"), bytes("b"), {})
      expect(read.length).toBe(1)
      await sending
      await bench.until("the second", () => read.length === 2)
      await reading.stop()
    })

    it("begin at the first that is left, or wait for a sequence that has not come", async () => {
      const under = start()
      const { bench, log } = under
      for (const id of ["a", "b", "c"]) await bench.publish(under.command(id), id)
      await log.purgeCommands(3)
      const fromFirst: CommandMessage[] = []
      const fromFifth: CommandMessage[] = []
      const first = await log.readCommands(1, (message) => fromFirst.push(message))
      const fifth = await log.readCommands(5, (message) => fromFifth.push(message))
      for (const id of ["d", "e"]) await bench.publish(under.command(id), id)
      await bench.until("both", () => fromFirst.length >= 3 && fromFifth.length >= 1)
      expect(bodies(fromFirst)).toEqual(["3:c", "4:d", "5:e"])
      expect(bodies(fromFifth)).toEqual(["5:e"])
      await first.stop()
      await fifth.stop()
    })

    it("stop coming soon after a pause and come on after the resume, without a gap", async () => {
      const under = start()
      const { bench, log } = under
      const sends: Promise<void>[] = []
      for (let index = 0; index < 5_000; index++)
        sends.push(log.send(under.internal("a"), bytes(`${index}`), {}))
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
      const under = start()
      const { bench, log } = under
      const read: CommandMessage[] = []
      let losses = 0
      log.onDisconnect(() => losses++)
      const reading = await log.readCommands(1, (message) => read.push(message))
      await bench.publish(under.command("a"), "a")
      await bench.until("the first", () => read.length === 1)
      await bench.crash()
      await bench.until("the loss", () => losses === 1)
      expect(log.connected()).toBe(false)
      await bench.comeBack()
      await bench.until("the connection", () => log.connected(), 10_000)
      await bench.publish(under.command("b"), "b")
      await bench.until("the second", () => read.length >= 2, 10_000)
      expect(bodies(read)).toEqual(["1:a", "2:b"])
      await reading.stop()
    })

    it("come once each and in order when the server is lost in the middle of them", async () => {
      const under = start()
      const { bench, log } = under
      const sends: Promise<void>[] = []
      for (let index = 0; index < 3_000; index++)
        sends.push(log.send(under.internal("a"), bytes(`${index}`), {}))
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
      await bench.publish(under.command("b"), "b")
      await bench.until("one more", () => read.length >= 3_001)
      expect(read).toEqual(Array.from({ length: 3_001 }, (_, index) => index + 1))
      await reading.stop()
    })

    it("survive names and values of headers that are made to hurt", async () => {
      const under = start()
      const { bench, log } = under
      const read: CommandMessage[] = []
      const reading = await log.readCommands(1, (message) => read.push(message))
      await bench.publish(under.command("a"), "a", {
        __proto__x: "1",
        constructor: "2",
        "Drydock-Id": "é\u0000",
      })
      await bench.until("the command", () => read.length === 1)
      expect(read[0]?.headers?.toString).toBeUndefined()
      expect(read[0]?.headers?.constructor).toBe("2")
      await reading.stop()
    })

    it("are kept until they are purged, and are found by their actor", async () => {
      const under = start()
      const { bench, yard, log } = under
      for (const id of ["a", "b", "a", "a"]) await bench.publish(under.command(id), id)
      await log.send(under.internal("a"), bytes("wake"), { "Drydock-Cause": "3.0" })
      const mine = [`drydock.${yard}.command.lease.a.*.*`, `drydock.${yard}.internal.lease.a.*.*`]
      expect(bodies(await log.commandsOf(mine, 10))).toEqual(["1:a", "3:a", "4:a", "5:wake"])
      expect(bodies(await log.commandsOf(mine, 2))).toEqual(["4:a", "5:wake"])
      expect(bodies(await all(log.commands(4)))).toEqual(["4:a", "5:wake"])
      const said = { subjects: [`drydock.${yard}.command.*.b.*.*`, `drydock.${yard}.internal.>`] }
      expect(bodies(await all(log.commands(1, said)))).toEqual(["2:b", "5:wake"])
      expect(bodies(await all(log.commands(3, said)))).toEqual(["5:wake"])
      expect((await log.commandsOf(mine, 10)).at(-1)?.headers).toEqual({ "Drydock-Cause": "3.0" })
      await log.purgeCommands(4)
      expect(await log.commandFacts()).toMatchObject({ firstSeq: 4, lastSeq: 5, messages: 2 })
      expect(bodies(await log.commandsOf(mine, 10))).toEqual(["4:a", "5:wake"])
    })

    it("are moved forward by a purge beyond their end, so that no sequence is used twice", async () => {
      const under = start()
      const { bench, log } = under
      await bench.publish(under.command("a"), "a")
      await log.purgeCommands(101)
      expect(await log.commandFacts()).toMatchObject({ firstSeq: 101, lastSeq: 100, messages: 0 })
      expect((await bench.publish(under.command("b"), "b")).seq).toBe(101)
    })

    it("swallow a repeated Nats-Msg-Id", async () => {
      const under = start()
      const { bench, log } = under
      const first = await bench.publish(under.command("a"), "a", { "Nats-Msg-Id": "once" })
      const second = await bench.publish(under.command("a"), "a", { "Nats-Msg-Id": "once" })
      expect(second.seq).toBe(first.seq)
      expect((await log.commandFacts()).messages).toBe(1)
    })

    it("refuse one over 64 KiB and its headers", async () => {
      const under = start()
      const { bench, log } = under
      expect((await bench.publish(under.command("a"), "x".repeat(64 * 1024))).seq).toBe(1)
      expect((await bench.publish(under.command("a"), "x".repeat(69 * 1024))).errCode).toBe(10054)
      expect(await faultOf(log.send(under.internal("a"), bytes("x".repeat(69 * 1024)), {}))).toBe("too-large")
      expect(await faultOf(log.send(under.internal("a"), bytes("x".repeat(1_100_000)), {}))).toBe("too-large")
    })

    it("refuse the next one when they are full, until there is room or the limit is raised", async () => {
      const under = start()
      const { bench, log } = under
      await log.setCommandLimit(2)
      expect((await log.commandFacts()).maxMessages).toBe(2)
      await log.send(under.internal("a"), bytes("1"), {})
      await log.send(under.internal("a"), bytes("2"), {})
      expect(await faultOf(log.send(under.internal("a"), bytes("3"), {}))).toBe("queue-full")
      expect((await bench.publish(under.command("a"), "3")).errCode).toBe(10077)
      await log.purgeCommands(2)
      expect(await faultOf(log.send(under.internal("a"), bytes("3"), {}))).toBe("none")
      await log.setCommandLimit(3)
      expect(await faultOf(log.send(under.internal("a"), bytes("4"), {}))).toBe("none")
    })

    it("go nowhere without a stream that takes them", async () => {
      const { log } = start()
      expect(await faultOf(log.send("drydock.nowhere.internal.lease.a.wake.timer", bytes(""), {}))).toBe(
        "unavailable",
      )
    })
  })
}

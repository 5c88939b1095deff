// What must hold for writing and reading the journal.

import { describe, expect, it } from "vitest"
import { all, bodies, faultOf, type UnderTest } from "./bench.js"

export function journalSpecs(start: () => UnderTest): void {
  describe("the journal", () => {
    it("appends one record after the sequence that was expected", async () => {
      const under = start()
      const { log } = under
      await log.append(0, [under.record("a")])
      await log.append(1, [under.record("b")])
      const messages = await all(log.journal(1))
      expect(bodies(messages)).toEqual(["1:a", "2:b"])
      expect(messages[0]?.subject).toBe(under.journal("a"))
      expect(messages[0]?.headers?.["Drydock-Sent"]).toBe("7")
      expect(await log.journalFacts()).toMatchObject({ firstSeq: 1, lastSeq: 2, messages: 2 })
    })

    it("refuses as fenced what expects another sequence, and stores nothing", async () => {
      const under = start()
      const { log } = under
      await log.append(0, [under.record("a")])
      expect(await faultOf(log.append(0, [under.record("b")]))).toBe("fenced")
      expect(await faultOf(log.append(2, [under.record("b")]))).toBe("fenced")
      expect(await faultOf(log.append(0, [under.record("b"), under.record("c")]))).toBe("fenced")
      expect(bodies(await all(log.journal(1)))).toEqual(["1:a"])
    })

    it("accepts the append behind a refused one, because the fence names a number and not a writer", async () => {
      const under = start()
      const { bench, log } = under
      const other = await bench.open()
      await other.append(0, [under.record("x")])
      const [refused, accepted] = await Promise.all([
        faultOf(log.append(0, [under.record("a")])),
        faultOf(log.append(1, [under.record("b")])),
      ])
      expect([refused, accepted]).toEqual(["fenced", "none"])
      expect(bodies(await all(log.journal(1)))).toEqual(["1:x", "2:b"])
    })

    it("stores a batch whole and in order", async () => {
      const under = start()
      const { log } = under
      await log.append(0, [under.record("a")])
      await log.append(1, [under.record("b"), under.record("a", "again"), under.record("c")])
      expect(bodies(await all(log.journal(1)))).toEqual(["1:a", "2:b", "3:again", "4:c"])
    })

    it("stores nothing of a batch of which one record is too large", async () => {
      const under = start()
      const { log } = under
      const huge = under.record("b", "x".repeat(1_100_000))
      expect(await faultOf(log.append(0, [under.record("a"), huge, under.record("c")]))).toBe("too-large")
      expect((await log.journalFacts()).lastSeq).toBe(0)
      expect(await faultOf(log.append(0, [huge]))).toBe("too-large")
      expect(await faultOf(log.append(0, [under.record("a")]))).toBe("none")
    })

    it("takes 1,000 records in one batch and no more", async () => {
      const under = start()
      const { log } = under
      const batch = Array.from({ length: 1_000 }, (_, index) => under.record(`r${index}`))
      await log.append(0, batch)
      expect((await log.journalFacts()).lastSeq).toBe(1_000)
      await expect(log.append(1_000, [...batch, under.record("more")])).rejects.toThrow(RangeError)
    })

    it("does nothing for an empty append", async () => {
      const { log } = start()
      await log.append(0, [])
      expect((await log.journalFacts()).lastSeq).toBe(0)
    })

    it("reads from a sequence, one subject, or a limited number", async () => {
      const under = start()
      const { log } = under
      await log.append(0, [
        under.record("a"),
        under.record("b"),
        under.record("a", "a2"),
        under.record("b", "b2"),
      ])
      expect(bodies(await all(log.journal(3)))).toEqual(["3:a2", "4:b2"])
      expect(bodies(await all(log.journal(1, { subject: under.journal("a") })))).toEqual(["1:a", "3:a2"])
      expect(bodies(await all(log.journal(2, { limit: 2 })))).toEqual(["2:b", "3:a2"])
      expect(bodies(await all(log.journal(5)))).toEqual([])
      expect(bodies(await all(log.journal(1, { subject: under.journal("nobody") })))).toEqual([])
    })

    it("reads what is left when the beginning was purged", async () => {
      const under = start()
      const { bench, log } = under
      await log.append(0, [under.record("a"), under.record("b"), under.record("c")])
      await bench.purgeJournal(3)
      expect(bodies(await all(log.journal(1)))).toEqual(["3:c"])
      expect(await log.journalFacts()).toMatchObject({ firstSeq: 3, lastSeq: 3, messages: 1 })
    })

    it("forgets one subject up to a sequence, and counts on as if nothing were missing", async () => {
      const under = start()
      const { log } = under
      await log.append(
        0,
        ["a", "b", "a", "b", "a"].map((name) => under.record(name)),
      )
      await log.forget(under.journal("a"), 3)
      await log.forget(under.journal("nobody"), 3)
      expect(bodies(await all(log.journal(1)))).toEqual(["2:b", "4:b", "5:a"])
      expect(await log.journalFacts()).toMatchObject({ firstSeq: 2, lastSeq: 5, messages: 3 })
      expect(await log.lastOf(under.journal("a"), 3)).toBeUndefined()
      await log.forget(under.journal("b"), 4)
      await log.forget(under.journal("b"), 4)
      expect(bodies(await all(log.lastPerSubject()))).toEqual(["5:a"])
      expect(await faultOf(log.append(4, [under.record("b")]))).toBe("fenced")
      await log.append(5, [under.record("b", "again")])
      expect(bodies(await all(log.journal(1)))).toEqual(["5:a", "6:again"])
      expect(bodies(await all(log.journal(1, { limit: 1 })))).toEqual(["5:a"])
      expect(await log.journalFacts()).toMatchObject({ lastSeq: 6, messages: 2 })
    })

    it("can be left in the middle of a reading", async () => {
      const under = start()
      const { log } = under
      const batch = Array.from({ length: 1_000 }, (_, index) => under.record(`r${index}`))
      await log.append(0, batch)
      await log.append(1_000, batch)
      for await (const message of log.journal(1)) {
        if (message.seq === 700) break
      }
      expect((await all(log.journal(1))).length).toBe(2_000)
    })

    it("ends a reading also when the rest is purged meanwhile", async () => {
      const under = start()
      const { bench, log } = under
      const batch = Array.from({ length: 1_000 }, (_, index) => under.record(`r${index}`))
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
      const under = start()
      const { log } = under
      expect(await all(log.lastPerSubject())).toEqual([])
      await log.append(0, [
        under.record("a"),
        under.record("b"),
        under.record("a", "a2"),
        under.record("c"),
        under.record("b", "b2"),
      ])
      expect(bodies(await all(log.lastPerSubject()))).toEqual(["3:a2", "4:c", "5:b2"])
    })

    it("gives the last record of one subject, also as of a sequence", async () => {
      const under = start()
      const { log } = under
      await log.append(0, [
        under.record("a"),
        under.record("b"),
        under.record("a", "a2"),
        under.record("a", "a3"),
      ])
      expect((await log.lastOf(under.journal("a")))?.seq).toBe(4)
      expect((await log.lastOf(under.journal("a"), 3))?.seq).toBe(3)
      expect((await log.lastOf(under.journal("a"), 2))?.seq).toBe(1)
      expect(await log.lastOf(under.journal("b"), 1)).toBeUndefined()
      expect(await log.lastOf(under.journal("nobody"))).toBeUndefined()
    })

    it("shows what a stranger wrote there", async () => {
      const under = start()
      const { bench, log } = under
      await bench.publish(under.journal("a"), "not ours")
      expect(bodies(await all(log.journal(1)))).toEqual(["1:not ours"])
    })

    it("repeats a record to subscribers once it is stored, with its place, and never a refused one", async () => {
      const under = start()
      const { bench, yard, log } = under
      const heard = await bench.subscribe(`drydock.${yard}.event.>`)
      await log.append(0, [under.record("a")])
      expect(await faultOf(log.append(0, [under.record("refused")]))).toBe("fenced")
      await log.append(1, [under.record("b"), under.record("a", "a2")])
      await bench.until("three events", () => heard.length >= 3)
      expect(heard.map((event) => event.text)).toEqual(["a", "b", "a2"])
      expect(heard[2]?.subject).toBe(`drydock.${yard}.event.lease.a`)
      expect(heard[2]?.headers).toMatchObject({ "Nats-Sequence": "3", "Nats-Last-Sequence": "1" })
      expect(heard[0]?.headers["Drydock-Sent"]).toBe("7")
    })
  })
}

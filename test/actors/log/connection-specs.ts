// What must hold when the connection is lost, and for questions and answers.

import { describe, expect, it } from "vitest"
import { LogError } from "../../../src/actors/log/log.js"
import { all, bytes, faultOf, text, type UnderTest } from "./bench.js"

export function connectionSpecs(start: () => UnderTest): void {
  describe("a lost connection", () => {
    it("makes an append under way uncertain at once and refuses later ones", async () => {
      const under = start()
      const { bench, log } = under
      await log.append(0, [under.record("a")])
      const underWay = faultOf(log.append(1, [under.record("b"), under.record("c")]))
      const crashed = bench.crash()
      const startMs = bench.nowMs()
      const fault = await underWay
      expect(bench.nowMs() - startMs).toBeLessThan(2_000)
      expect(["uncertain", "none"]).toContain(fault)
      await crashed
      await bench.until("the loss", () => !log.connected())
      expect(await faultOf(log.append(1, [under.record("d")]))).toBe("unavailable")
      expect(await faultOf(log.send(under.internal("a"), bytes(""), {}))).toBe("unavailable")
      expect(await faultOf(log.journalFacts())).toBe("unavailable")
      expect(await faultOf(all(log.journal(1)))).toBe("unavailable")
      await bench.comeBack()
      await bench.until("the connection", () => log.connected(), 10_000)
      // The batch is there whole or not at all, whatever was told.
      const { lastSeq } = await log.journalFacts()
      expect([1, 3]).toContain(lastSeq)
      if (fault === "none") expect(lastSeq).toBe(3)
      await log.append(lastSeq, [under.record("e")])
    })

    it("keeps nothing back to send it later", async () => {
      const { bench, yard, log } = start()
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
      const { bench, yard, log } = start()
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
      const { bench, yard, log } = start()
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
}

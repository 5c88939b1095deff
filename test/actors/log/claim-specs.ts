// What must hold for the claim, by which one of several hosts becomes active.

import { describe, expect, it } from "vitest"
import type { ClaimState } from "../../../src/actors/log/log.js"
import type { UnderTest } from "./bench.js"

export function claimSpecs(start: () => UnderTest): void {
  describe("the claim", () => {
    const TTL_MS = 2_000

    it("goes to one of two that race for it", async () => {
      const { bench, log } = start()
      const other = await bench.open()
      const won = await Promise.all([log.claim(0, "one", TTL_MS), other.claim(0, "two", TTL_MS)])
      expect(won.filter((seq) => seq !== undefined)).toEqual([1])
    })

    it("is kept by renewing it and seen by a watcher", async () => {
      const { bench, log } = start()
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
      const { bench, log } = start()
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
      const { bench, log } = start()
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
      const { bench, log } = start()
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
      const { bench, log } = start()
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
}

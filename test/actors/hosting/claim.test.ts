// Rule 13 where it is hardest: the claim's stream is lost while a host answers. Whoever takes part asks for itself; one
// who listens from outside checks that nobody answers from before what was told.

import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { LateReading } from "../../support/late-reading.js"
import { Stage } from "./stage.js"

let stage: Stage
beforeEach(() => {
  stage = new Stage()
})
afterEach(() => stage.leave())

interface Answer {
  readonly host: string
  readonly journal: number
  /** The last sequence that was told before the question was asked. */
  readonly seen: number
}

/** Asks everybody who answers, and notes what had been told before. */
class Witness {
  readonly answers: Answer[] = []
  #asked = 0

  ask(): void {
    const seen = stage.events.reduce((most, { seq }) => Math.max(most, seq), 0)
    const reply = `_INBOX.witness.${++this.#asked}`
    stage.server.subscribe(reply, ({ data }) => {
      const { host, journal } = JSON.parse(new TextDecoder().decode(data)) as Answer
      this.answers.push({ host, journal, seen })
    })
    const data = new TextEncoder().encode("{}")
    stage.server.broadcast({ subject: "drydock.default.query.status.witness", data, headers: {}, reply })
  }

  /** Lets time pass, and asks every 50 ms. */
  async watch(ms: number, each = async (_atMs: number) => {}): Promise<void> {
    for (let atMs = 0; atMs < ms; atMs += 50) {
      await each(atMs)
      this.ask()
      await stage.clock.advance(50)
    }
  }

  get old(): readonly Answer[] {
    return this.answers.filter(({ journal, seen }) => journal < seen)
  }
}

/** Publishes something new each time. */
const chatter = () => {
  let count = 0
  return async () => {
    await stage.publish(`network/n${++count} put`)
  }
}

describe("when the claim's stream is lost", () => {
  test.each([0, 200, 400, 600, 800])(
    "%i ms after a host was read late, nobody answers from before what was told",
    async (phaseMs) => {
      const reading = new LateReading()
      const first = await stage.enter("a", undefined, undefined, { around: reading.around })
      const second = await stage.enter("b")
      await stage.pool(1)
      await stage.clock.advance(phaseMs)
      const witness = new Witness()
      reading.late()
      stage.server.deleteStream("CLAIM")
      await witness.watch(6_000, chatter())
      expect(witness.old).toEqual([])
      reading.free()
      await witness.watch(6_000)
      expect([first.host.role, second.host.role].filter((role) => role === "active")).toHaveLength(1)
      expect(witness.old).toEqual([])
      expect(witness.answers.at(-1)?.journal).toBeGreaterThan(50)
    },
  )

  test("the host that holds it goes on as if nothing had been, whoever makes the stream again", async () => {
    const first = await stage.enter("a")
    const second = await stage.enter("b")
    await stage.pool(1)
    const before = [first.reports.length, second.reports.length]
    for (let times = 0; times < 5; times++) {
      stage.server.deleteStream("CLAIM")
      await stage.clock.advance(1_730)
    }
    expect([first.reports.length, second.reports.length]).toEqual(before)
    expect([first.host.role, second.host.role]).toEqual(["active", "standby"])
    expect(await stage.say("lease/L1 request", { type: "host" })).toMatchObject({ outcome: "accepted" })
  })

  test("and its host with it, another takes over, and nobody is answered from before what was told", async () => {
    const reading = new LateReading()
    const first = await stage.enter("a", undefined, undefined, { around: reading.around })
    const second = await stage.enter("b")
    await stage.pool(1)
    const witness = new Witness()
    // It answers and hears nothing of the claim any more: for its own clock the claim counts a while yet.
    reading.late()
    for (let n = 0; n < 100; n++) stage.server.inject({ on: "claim", what: "uncertain" })
    stage.server.deleteStream("CLAIM")
    first.log.disconnect()
    await witness.watch(500, chatter())
    while (stage.server.takeMishap("claim") !== undefined);
    await witness.watch(3_000, chatter())
    expect(second.host.role).toBe("active")
    first.log.reconnect()
    reading.free()
    await witness.watch(3_000, chatter())
    expect(first.host.role).toBe("standby")
    expect(witness.old).toEqual([])
  })

  test("lost twice, it is not taken by whoever waited only since the first time", async () => {
    const reading = new LateReading()
    await stage.enter("a", undefined, undefined, { around: reading.around })
    await stage.enter("b")
    await stage.pool(1)
    reading.late()
    const witness = new Witness()
    await witness.watch(9_000, async (atMs) => {
      if (atMs % 1_950 === 0) stage.server.deleteStream("CLAIM")
      await stage.publish(`network/n${atMs} put`)
    })
    expect(witness.old).toEqual([])
  })
})

describe("where the claim's stream is empty", () => {
  test("a yard that has nothing in it is served at once", async () => {
    const { host } = await stage.enter("a")
    expect(host.role).toBe("active")
  })

  test("a host that comes while it is lost waits as long as a claim counts", async () => {
    await (await stage.enter("a")).host.stop()
    stage.server.deleteStream("CLAIM")
    const { host } = await stage.enter("b")
    await stage.clock.advance(1_900)
    expect(host.role).toBe("standby")
    await stage.clock.advance(200)
    expect(host.role).toBe("active")
  })

  test("who has just started the server waits for nobody, but only the first time", async () => {
    await (await stage.enter("a")).host.stop()
    stage.server.deleteStream("CLAIM")
    const { host, log } = await stage.enter("b", undefined, undefined, { isServerNew: true })
    expect(host.role).toBe("active")
    log.disconnect()
    stage.server.deleteStream("CLAIM")
    await stage.clock.advance(2_500)
    log.reconnect()
    await stage.clock.advance(1_000)
    let answered = false
    void stage.ask("status").then(() => {
      answered = true
    })
    await stage.settle()
    expect(answered).toBe(false)
    await stage.clock.advance(3_000)
    expect(host.role).toBe("active")
    expect(await stage.ask("status")).toMatchObject({ host: "b" })
  })
})

// A journal that is shorter than it was (rule 17, decision 006), on the log in memory: who finds it out and by what,
// that nothing is decided then, and that after an accepted loss every token is greater than any before.

import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type HostOptions, machineHashes, startHost } from "../../../src/actors/hosting/host.js"
import {
  acceptLoss,
  type JournalLoss,
  type JournalMark,
  LAST_GENERATION,
} from "../../../src/actors/hosting/journal-loss.js"
import { recover } from "../../../src/actors/hosting/recovery.js"
import type { Report } from "../../../src/actors/hosting/reports.js"
import { type MemoryLog, openMemoryLog } from "../../../src/actors/log/memory-log.js"
import { policies } from "../../support/policies.js"
import { Stage } from "./stage.js"

let stage: Stage
beforeEach(() => {
  stage = new Stage()
})
afterEach(() => stage.leave())

const request = { type: "host" }
const TAKE_OVER_MS = 5_000

/** A host that knows something from elsewhere. */
async function enter(name: string, options: Partial<HostOptions> = {}) {
  const log = openMemoryLog(stage.server)
  const reports: Report[] = []
  const host = await startHost({
    log,
    yard: "default",
    policies,
    version: "test",
    clock: stage.clock,
    host: name,
    report: (said) => reports.push(said),
    ...options,
  })
  const entered = { host, log, reports, refusal: undefined as unknown }
  void host.refused().then((why) => {
    entered.refusal = why
  })
  stage.hosts.push(entered)
  await stage.clock.advance(TAKE_OVER_MS)
  return entered
}

async function leave({ host, log }: { host: { stop(): Promise<void> }; log: MemoryLog }): Promise<void> {
  const stopped = host.stop()
  await stage.clock.advance(1_000)
  await stopped
  await log.close()
}

/** Puts the journal back to its first so many messages, as an older copy of its files does. */
function shorten(keep: number): void {
  const kept = stage.server.stream("JOURNAL")?.from(1).slice(0, keep) ?? []
  stage.server.deleteStream("JOURNAL")
  stage.server.setUp()
  for (const { subject, data, headers = {}, timestampMs } of kept)
    stage.server.stream("JOURNAL")?.store([{ subject, data, headers }], timestampMs)
}

const journalEnd = () => stage.server.stream("JOURNAL")?.facts().lastSeq ?? 0

async function accept(mark?: JournalMark): Promise<{ loss: JournalLoss; generation: number }> {
  const log = openMemoryLog(stage.server)
  const options = { name: "default", policies, hashes: machineHashes() }
  const { loss } = await recover(log, { ...options, generation: mark?.generation }, () => {}, mark)
  if (loss === undefined) throw new Error("nothing is missing")
  const generation = await acceptLoss(log, "default", loss)
  await log.close()
  return { loss, generation }
}

function tokens(): number[] {
  return stage.events
    .map(({ body }) => JSON.parse(body) as { context?: { token?: unknown } })
    .map(({ context }) => context?.token)
    .filter((token) => typeof token === "number")
}

/** A yard that served one lease, whose last records are gone. Returns the journal's end before and after. */
async function loseLease(): Promise<{ before: number; after: number }> {
  const first = await enter("a")
  await stage.pool(2)
  const after = journalEnd()
  await stage.say("lease/L1 request", request)
  const before = journalEnd()
  await leave(first)
  shorten(after)
  return { before, after }
}

describe("what proves that it was longer", () => {
  test("a follow-up of a lost record is enough", async () => {
    const { before, after } = await loseLease()
    const { refusal, host, reports } = await enter("b")
    expect(refusal).toMatchObject({ code: "journal-shortened", loss: { ends: after } })
    expect(refusal).toMatchObject({
      message: expect.stringContaining(`the journal of yard default ends at ${after}`),
    })
    expect(reports.filter(({ event }) => event === "journal-shortened")).toHaveLength(1)
    expect(before).toBeGreaterThan(after)
    expect(host.role).toBe("standby")
  })

  test("what the store folder knows is enough, where no lost record had a follow-up", async () => {
    const first = await enter("a")
    await stage.pool(1)
    const { mark } = first.host
    await leave(first)
    expect(mark).toEqual({ generation: 1, journal: journalEnd() })
    shorten(mark.journal - 1)
    const { refusal } = await enter("b", mark)
    expect(refusal).toMatchObject({
      code: "journal-shortened",
      loss: { ends: mark.journal - 1, known: mark.journal },
    })
  })

  test("what the host itself saw stored is enough: a server that came back with less is not served", async () => {
    const { host, log, reports } = await enter("a")
    await stage.pool(1)
    const end = journalEnd()
    log.disconnect()
    shorten(end - 1)
    log.reconnect()
    await stage.clock.advance(TAKE_OVER_MS)
    await expect(host.refused()).resolves.toMatchObject({ loss: { ends: end - 1, known: end } })
    await expect(host.active()).rejects.toMatchObject({ code: "journal-shortened" })
    expect(reports.some(({ event }) => event === "journal-shortened")).toBe(true)
  })

  test("a take-over is enough: the host saw what it took over", async () => {
    const first = await enter("a")
    await stage.pool(1)
    await leave(first)
    const end = journalEnd()
    await leave(await enter("b"))
    shorten(end - 1)
    expect((await enter("c")).refusal).toMatchObject({ loss: { ends: end - 1, known: end } })
  })

  test("a stream that counts further than it holds is enough", async () => {
    const first = await enter("a")
    await stage.pool(1)
    await leave(first)
    const end = journalEnd()
    stage.server.stream("JOURNAL")?.purge(end + 1)
    expect((await enter("b")).refusal).toMatchObject({ loss: { ends: 0, known: end } })
  })
})

describe("what proves nothing", () => {
  test("a new yard, and one whose streams were all removed, are served", async () => {
    const first = await enter("a")
    expect(first.host.role).toBe("active")
    await stage.pool(1)
    await stage.say("lease/L1 request", request)
    await leave(first)
    for (const kind of ["COMMANDS", "JOURNAL", "WORK", "CLAIM"] as const) stage.server.deleteStream(kind)
    const second = await enter("b")
    expect(second.refusal).toBeUndefined()
    expect(second.host.role).toBe("active")
  })

  test("headers of people and of workers, and headers that say nothing", async () => {
    const first = await enter("a")
    await stage.pool(1)
    await leave(first)
    const say = (subject: string, cause: string) =>
      stage.server.publish(subject, "{}", { "Drydock-Cause": cause, "Drydock-Accepts-Loss": "0" })
    await say("drydock.default.command.lease.L9.release.alice", "900.0")
    await say("drydock.default.internal.lease.L9.activated.worker-almanac-service-host", "900.0")
    for (const cause of ["", "x", "-1.0", "1e9.0", "900", "900.0 ", "9".repeat(40)])
      await say("drydock.default.internal.lease.L9.wake.allocator", cause)
    const second = await enter("b")
    expect(second.refusal).toBeUndefined()
    expect(second.host.role).toBe("active")
  })

  test("a host that stops, is killed in the middle or is fenced finds its own journal whole", async () => {
    await enter("a")
    await stage.pool(2)
    for (const what of ["lose-ack", "uncertain", "fenced"] as const) {
      stage.server.inject({ on: "append", what })
      await stage.say(`lease/${what} request`, request)
      await stage.clock.advance(TAKE_OVER_MS)
    }
    const { refusal, host } = await enter("b")
    expect(refusal).toBeUndefined()
    expect(host.role).toBe("standby")
    expect(stage.hosts[0]?.reports.some(({ event }) => event === "journal-shortened")).toBe(false)
  })

  test("a timer names only what is stored, also while a record waits for the disk", async () => {
    const { log } = await enter("a")
    await stage.pool(1)
    await stage.say("lease/L1 request", { ...request, ttl: "10s" })
    const append = log.append.bind(log)
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    log.append = async (after, entries) => {
      await gate
      await append(after, entries)
    }
    await stage.publish("lease/L1 annotate", { set: { for: "x" } })
    await stage.clock.advance(11_000)
    const last = stage.server.stream("COMMANDS")?.from(1).at(-1)
    expect(last?.subject).toBe("drydock.default.internal.lease.L1.expire.timer")
    expect(last?.headers).toMatchObject({ "Drydock-Cause": `${journalEnd()}.timer` })
    open()
    await stage.clock.advance(1_000)
  })
})

describe("a host that refuses", () => {
  test("decides nothing, answers nothing and leaves the claim to others", async () => {
    const { after } = await loseLease()
    await enter("b")
    await stage.publish("lease/L2 request", request)
    await stage.clock.advance(TAKE_OVER_MS)
    expect(stage.outcomes.get("lease-L2-request")).toBeUndefined()
    expect(journalEnd()).toBe(after)
    expect(stage.server.stream("CLAIM")?.lastOf("drydock.default.claim")?.data).toHaveLength(0)
  })
})

describe("an accepted loss", () => {
  test("lets the next host go on: what is queued is decided again, with tokens greater than any before", async () => {
    const { after } = await loseLease()
    const given = Math.max(...tokens())
    expect((await enter("b")).refusal).toBeDefined()
    const { loss, generation } = await accept()
    expect(loss).toMatchObject({ ends: after, generation: 1 })
    expect(generation).toBe(2)
    stage.events.length = 0
    const { host, refusal } = await enter("c")
    expect(refusal).toBeUndefined()
    expect(host.role).toBe("active")
    // The lost lease was still in the queue.
    expect(await stage.ask("get", { kind: "lease", id: "L1" })).toMatchObject({ record: { to: "active" } })
    await stage.say("lease/L2 request", request)
    await stage.settle()
    expect(tokens().length).toBeGreaterThanOrEqual(2)
    expect(Math.min(...tokens())).toBeGreaterThan(given)
    expect(host.mark).toEqual({ generation: 2, journal: journalEnd() })
  })

  test("holds for tokens of the backlog before it, and for a host that dies in the middle of that", async () => {
    await loseLease()
    const given = Math.max(...tokens())
    await stage.server.publish("drydock.default.work.shell.lost", "{}")
    await accept()
    expect(stage.server.stream("WORK")?.facts().messages).toBe(0)
    stage.events.length = 0
    const log = openMemoryLog(stage.server)
    const append = log.append.bind(log)
    let left = 2
    log.append = async (at, entries) => {
      if (left-- <= 0) await new Promise(() => {})
      await append(at, entries)
    }
    await enter("dying", { log })
    await log.close()
    const { refusal, host } = await enter("b")
    expect(refusal).toBeUndefined()
    expect(host.role).toBe("active")
    expect(tokens().length).toBeGreaterThanOrEqual(1)
    expect(Math.min(...tokens())).toBeGreaterThan(given)
  })

  test("holds for a store folder that knew more, and does not hold for the next loss", async () => {
    const { before } = await loseLease()
    const mark = { generation: 1, journal: before }
    expect((await enter("b", mark)).refusal).toBeDefined()
    await accept()
    const served = await enter("c", mark)
    expect(served.refusal).toBeUndefined()
    await stage.say("lease/L2 request", request)
    const later = served.host.mark
    await leave(served)
    shorten(later.journal - 1)
    expect((await enter("d", later)).refusal).toMatchObject({ loss: { generation: 2 } })
    expect((await accept(later)).generation).toBe(3)
    expect((await enter("e", later)).host.mark.generation).toBe(3)
  })

  test("goes on from a stream that counts further than it holds", async () => {
    const first = await enter("a")
    await stage.pool(1)
    await leave(first)
    const end = journalEnd()
    stage.server.stream("JOURNAL")?.purge(end + 1)
    await accept()
    const served = await enter("b")
    expect(served.refusal).toBeUndefined()
    expect(served.host.mark.journal).toBeGreaterThan(end)
    await leave(served)
    expect((await enter("c")).refusal).toBeUndefined()
  })

  test("is accepted and served also where people have filled the queue meanwhile", async () => {
    await loseLease()
    const commands = stage.server.stream("COMMANDS")
    if (commands === undefined) throw new Error("no COMMANDS")
    commands.maxMessages = commands.facts().messages + 3
    for (let n = 0; n < 3; n++) await stage.publish(`lease/X${n} request`, request)
    await expect(stage.publish("lease/X9 request", request)).rejects.toThrow("10077")
    expect((await enter("b")).refusal).toBeDefined()
    const { loss } = await accept()
    commands.purge(loss.cursor + 1)
    commands.maxMessages = commands.facts().messages
    const { host } = await enter("c")
    await stage.clock.advance(TAKE_OVER_MS)
    expect(host.role).toBe("active")
    expect(host.mark).toEqual({ generation: 2, journal: journalEnd() })
    expect(await stage.ask("get", { kind: "yard", id: "default" })).toMatchObject({
      record: { context: { host: "c", generation: 2 } },
    })
  })

  test("is refused with the last generation", async () => {
    const loss = { ends: 1, known: 2, proof: "x", generation: LAST_GENERATION, cursor: 1 }
    const log = openMemoryLog(stage.server)
    await expect(acceptLoss(log, "default", loss)).rejects.toMatchObject({ code: "generations-used-up" })
  })
})

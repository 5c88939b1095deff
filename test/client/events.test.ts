import { connect as connectNats } from "nats"
import { afterEach, beforeEach, expect, test } from "vitest"
import { connect, type Drydock, type JournalEvent, LeaseLostError } from "../../src/client/index.js"
import { startTestYard } from "../support/yard.js"
import { type LossyProxy, type Passing, startLossyProxy } from "./lossy-proxy.js"
import { makePool } from "./pool.js"

let yard: Awaited<ReturnType<typeof startTestYard>>
let proxy: LossyProxy
/** Behind the lossy line. */
let alice: Drydock
/** On a good line. */
let bob: Drydock
const troubles: string[] = []

beforeEach(async () => {
  yard = await startTestYard()
  proxy = await startLossyProxy(yard.server.port)
  troubles.length = 0
  const onTrouble = (error: Error) => troubles.push(error.message)
  alice = await connect({ url: proxy.url, principal: "alice", onTrouble })
  bob = await connect({ url: yard.server.url, principal: "bob" })
  await makePool(bob, 1, 1)
})

afterEach(async () => {
  await alice?.close()
  await bob?.close()
  await proxy?.close()
  await yard?.stop()
})

const isEvent = ({ subject }: Passing) => subject.includes(".event.")

/** So many rounds of acquire and release: four records or so each. */
async function traffic(rounds: number): Promise<void> {
  for (let n = 0; n < rounds; n++) {
    const lease = await bob.lease({ type: "host", autoRenew: false })
    await lease.release()
  }
}

/** Reads events until one of them is the last record that is asked for. */
async function readUntil(events: AsyncIterable<JournalEvent>, seq: number): Promise<JournalEvent[]> {
  const read: JournalEvent[] = []
  for await (const event of events) {
    read.push(event)
    if (event.seq >= seq) break
  }
  return read
}

/** What the journal holds after a sequence, read on the good line. */
async function journalAfter(after: number): Promise<JournalEvent[]> {
  const all: JournalEvent[] = []
  for (;;) {
    const { items, next, journal } = await bob.query("events", {
      after: all.at(-1)?.seq ?? after,
      limit: 500,
    })
    all.push(...items)
    if (items.length === 0 || (next ?? journal) >= journal) return all
  }
}

test("a watch misses nothing when every third event is lost", async () => {
  let count = 0
  const { journal } = await bob.status()
  const events = alice.watch({ after: journal })
  proxy.lose = (message) => isEvent(message) && ++count % 3 === 0
  await traffic(30)
  const expected = await journalAfter(journal)
  const read = await readUntil(events, expected.at(-1)?.seq ?? 0)
  expect(read).toEqual(expected)
  expect(proxy.lost).toBeGreaterThan(10)
})

test("a watch of one kind misses nothing, however other kinds come in between", async () => {
  let count = 0
  const { journal } = await bob.status()
  const events = alice.watch({ kind: "lease", after: journal })
  proxy.lose = (message) => isEvent(message) && ++count % 2 === 0
  for (let n = 0; n < 15; n++) {
    await traffic(1)
    await bob.command("resource", (await firstResource()) ?? "", "annotate", { set: { n: String(n) } })
  }
  const expected = (await journalAfter(journal)).filter(({ record }) => record.kind === "lease")
  const read = await readUntil(events, expected.at(-1)?.seq ?? 0)
  expect(read).toEqual(expected)
})

async function firstResource(): Promise<string | undefined> {
  const { items } = await bob.list("resource", { state: "active" })
  return items[0]?.id
}

test("a watch of one object misses nothing, and the lost last event is found as well", async () => {
  const lease = await bob.lease({ type: "host", autoRenew: false, ttl: "1h", id: "bob_one" })
  const events = alice.watch({ kind: "lease", id: lease.id, after: 0 })
  proxy.lose = isEvent
  for (let n = 0; n < 5; n++) await bob.command("lease", lease.id, "annotate", { set: { n: String(n) } })
  await lease.release()
  const expected = await bob.history("lease", lease.id)
  const read = await readUntil(events, expected.at(-1)?.seq ?? 0)
  expect(read.map(({ record }) => record.rev)).toEqual(expected.map(({ record }) => record.rev))
})

test("a watch goes on where it was after its connection was cut", async () => {
  const { journal } = await bob.status()
  const events = alice.watch({ after: journal })
  await traffic(3)
  proxy.cut()
  await traffic(3)
  const expected = await journalAfter(journal)
  expect(await readUntil(events, expected.at(-1)?.seq ?? 0)).toEqual(expected)
})

test("a watch from the beginning gives the whole journal, then what happens", async () => {
  await traffic(5)
  const events = alice.watch({ after: 0 })
  const before = await journalAfter(0)
  const iterator = events[Symbol.asyncIterator]()
  for (const expected of before) expect((await iterator.next()).value).toEqual(expected)
  await traffic(2)
  const after = await journalAfter(before.at(-1)?.seq ?? 0)
  for (const expected of after) expect((await iterator.next()).value).toEqual(expected)
  await iterator.return?.()
})

test("a slow reader gets everything from the journal, more than is ever kept for it", async () => {
  const { journal } = await bob.status()
  const events = alice.watch({ after: journal })
  const iterator = events[Symbol.asyncIterator]()
  const lease = await bob.lease({ type: "host", autoRenew: false, id: "bob_many" })
  await iterator.next()
  const commands: Promise<unknown>[] = []
  for (let n = 0; n < 1_500; n++)
    commands.push(bob.command("lease", lease.id, "annotate", { set: { n: String(n) } }))
  await Promise.all(commands)
  const expected = await journalAfter(journal)
  expect(expected.length).toBeGreaterThan(1_400)
  for (const { seq } of expected.slice(1)) {
    const { value } = await iterator.next()
    if (value?.seq !== seq) expect(value?.seq).toBe(seq)
  }
  await iterator.return?.()
}, 60_000)

test("what somebody writes into the journal that is no record is passed over, and told", async () => {
  const { journal } = await bob.status()
  const events = alice.watch({ after: journal })
  const host = await connectNats(yard.server.hostOptions)
  await host.request("drydock.default.journal.lease.forged", "{not json")
  await host.request("drydock.default.journal.lease.forged", JSON.stringify({ v: 1, kind: "lease" }))
  await host.close()
  await traffic(2)
  const expected = await journalAfter(journal)
  const read = await readUntil(events, expected.at(-1)?.seq ?? 0)
  expect(read).toEqual(expected)
  expect(troubles.some((text) => text.includes("lease.forged"))).toBe(true)
})

test("a watch ends without an error when its signal aborts", async () => {
  const stop = new AbortController()
  const events = alice.watch({ signal: stop.signal })
  const reading = readUntil(events, Number.MAX_SAFE_INTEGER)
  stop.abort()
  expect(await reading).toEqual([])
})

test("a wait ends although the event of the grant is lost", async () => {
  const held = await bob.lease({ type: "host", autoRenew: false })
  proxy.lose = isEvent
  const waiting = alice.lease({ type: "host", wait: "30s", onWaiting: () => void held.release() })
  await using lease = await waiting
  expect(lease.record.to).toBe("active")
})

test("a loss is noticed although its event is lost", async () => {
  proxy.lose = isEvent
  const lease = await alice.lease({ type: "host", ttl: "1h" })
  const lost = new Promise((resolve) =>
    lease.lost.addEventListener("abort", () => resolve(lease.lost.reason)),
  )
  await bob.release(lease.id)
  expect(await lost).toBeInstanceOf(LeaseLostError)
})

test("a renewal that is refused tells of the loss at once", async () => {
  const lease = await alice.lease({ type: "host", ttl: "1500ms" })
  proxy.lose = isEvent
  const lost = new Promise((resolve) =>
    lease.lost.addEventListener("abort", () => resolve(performance.now())),
  )
  const released = performance.now()
  await bob.release(lease.id)
  expect(Number(await lost) - released).toBeLessThan(1_500)
})

test("a command whose outcome is lost is sent again, and takes effect once", async () => {
  let first = true
  proxy.lose = ({ subject }) => {
    const loses = first && subject.includes(".outcome.alice.")
    if (loses) first = false
    return loses
  }
  await using lease = await alice.lease({ type: "host" })
  expect(proxy.lost).toBe(1)
  const rows = await bob.commands("lease", lease.id)
  expect(rows.filter(({ verb }) => verb === "request")).toHaveLength(2)
  expect(
    (await bob.history("lease", lease.id)).filter(({ record }) => record.event.type === "request"),
  ).toHaveLength(1)
})

test("a holder that cannot renew counts it as lost before anybody else can have it", async () => {
  const lease = await alice.lease({ type: "host", ttl: "3s" })
  const lost = new Promise<{ reason: unknown; at: number }>((resolve) =>
    lease.lost.addEventListener("abort", () => resolve({ reason: lease.lost.reason, at: performance.now() })),
  )
  const next = bob.lease({ type: "host", wait: "20s" }).then((given) => ({ given, at: performance.now() }))
  proxy.freeze()
  const { reason, at } = await lost
  expect(reason).toMatchObject({ kind: "lost", reason: { code: "not-renewed" } })
  const { given, at: givenAt } = await next
  expect(at).toBeLessThan(givenAt)
  await given.release()
  proxy.flow()
  expect(lease.lost.aborted).toBe(true)
})

test("a program that stood still past the end finds it lost at its first look", async () => {
  const lease = await alice.lease({ type: "host", ttl: "1s" })
  const until = performance.now() + 1_200
  while (performance.now() < until);
  // No timer had its turn yet.
  expect(lease.lost.aborted).toBe(true)
  expect(lease.lost.reason).toMatchObject({ reason: { code: "not-renewed" } })
})

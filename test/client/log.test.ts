import { afterEach, beforeEach, expect, test } from "vitest"
import { connect, type Drydock, type LogEntry } from "../../src/client/index.js"
import { startTestYard } from "../support/yard.js"
import { type LossyProxy, startLossyProxy } from "./lossy-proxy.js"
import { makePool } from "./pool.js"

let yard: Awaited<ReturnType<typeof startTestYard>>
let proxy: LossyProxy
/** Behind the lossy line. */
let alice: Drydock
let bob: Drydock

beforeEach(async () => {
  yard = await startTestYard()
  proxy = await startLossyProxy(yard.server.port)
  alice = await connect({ url: proxy.url, principal: "alice" })
  bob = await connect({ url: yard.server.url, principal: "bob" })
  await makePool(bob, 1, 1)
})

afterEach(async () => {
  await alice?.close()
  await bob?.close()
  await proxy?.close()
  await yard?.stop()
})

async function rounds(number: number): Promise<void> {
  for (let n = 0; n < number; n++) await (await bob.lease({ type: "host", autoRenew: false })).release()
}

async function all(entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> {
  const read: LogEntry[] = []
  for await (const entry of entries) read.push(entry)
  return read
}

test("the log of a lease that is granted at once is queued, acquired, activated, released, destroyed", async () => {
  await rounds(1)
  const lease = await bob.lease({ type: "host" })
  await lease.release({ reason: "done" })
  const entries = await all(bob.log({ kind: "lease", id: lease.id }))
  expect(entries.map(({ type }) => type)).toEqual([
    "lease.queued",
    "lease.acquired",
    "lease.activated",
    "lease.released",
    "lease.destroyed",
  ])
  expect(entries[0]?.text).toBe("bob asks for host")
  expect(entries[3]?.text).toBe("released: done")
  expect(new Set(entries.map(({ seq }) => seq)).size).toBe(2)
})

test("it reads no more than is asked for: the newest, of a kind, of some types, between two times", async () => {
  await rounds(5)
  const whole = await all(bob.log())
  expect(await all(bob.log({ limit: 4 }))).toEqual(whole.slice(-4))
  expect(await all(bob.log({ limit: 0 }))).toEqual([])
  expect(await all(bob.log({ kind: "resource" }))).toEqual(whole.filter(({ kind }) => kind === "resource"))
  const types = ["lease.activated", "resource.activated"]
  expect(await all(bob.log({ types, limit: 3 }))).toEqual(
    whole.filter(({ type }) => types.includes(type)).slice(-3),
  )

  const times = [...new Set(whole.map(({ at }) => at))]
  const [since, until] = [new Date(times[2] ?? ""), new Date(times.at(-2) ?? "")]
  expect(await all(bob.log({ since, until }))).toEqual(
    whole.filter(({ at }) => new Date(at) >= since && new Date(at) < until),
  )
  expect(await all(bob.log({ since: new Date(Date.now() + 60_000) }))).toEqual([])
  await expect(all(bob.log({ id: "x" }))).rejects.toMatchObject({ code: "invalid" })
})

test("a journal of many windows is read whole, and its middle is found by time", async () => {
  await rounds(1)
  const before = new Date((await bob.log({ limit: 1 })[Symbol.asyncIterator]().next()).value?.at ?? "")
  for (let n = 0; n < 1_500; n += 100)
    await Promise.all(Array.from({ length: 100 }, (_, k) => bob.command("network", `n${n + k}`, "put", {})))
  const puts = await all(bob.log({ kind: "network", types: ["network.put"], limit: 100_000 }))
  expect(puts).toHaveLength(1_501)
  const later = await all(bob.log({ since: new Date(before.getTime() + 1), limit: 100_000 }))
  expect(later).toEqual((await all(bob.log({ limit: 100_000 }))).filter(({ at }) => new Date(at) > before))
}, 60_000)

test("the history of an object with more records than one answer holds is whole", async () => {
  const times = 1_040
  for (let n = 0; n < times; n += 104)
    await Promise.all(
      Array.from({ length: 104 }, (_, k) =>
        bob.command("device", "lab-h0", k % 2 === 0 ? "disable" : "enable"),
      ),
    )
  const history = await bob.history("device", "lab-h0")
  expect(history.map(({ record }) => record.rev)).toEqual(Array.from({ length: times + 1 }, (_, n) => n + 1))
}, 60_000)

test("following misses nothing over a line that loses events, and ends with its signal", async () => {
  await rounds(1)
  let heard = 0
  proxy.lose = ({ subject }) => subject.includes(".event.") && heard++ % 3 === 0
  const stop = new AbortController()
  const wanted = 41
  const followed: LogEntry[] = []
  const following = (async () => {
    for await (const entry of alice.log({ kind: "lease", follow: true, signal: stop.signal })) {
      followed.push(entry)
      if (followed.length === wanted) stop.abort()
    }
  })()
  await rounds(7)
  await following
  const whole = await all(bob.log({ kind: "lease" }))
  const brief = (entries: readonly LogEntry[]) => entries.map(({ seq, type }) => `${seq} ${type}`)
  expect(brief(followed)).toEqual(brief(whole))
  expect(proxy.lost).toBeGreaterThan(3)
})

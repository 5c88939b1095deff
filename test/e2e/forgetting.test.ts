// Forgetting on a real server, with hosts that die in the middle of it: 2,000 leases come and go, and what is left of
// them is nothing, in memory and in the journal.

import { afterAll, beforeAll, expect, test } from "vitest"
import { startChaosHost } from "../chaos/host.js"
import { startRecorder } from "../chaos/recorder.js"
import { makePool } from "../support/person.js"
import { startTestServer, type TestServer } from "../support/server.js"

const LEASES = 2_000

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
}, 60_000)
afterAll(async () => {
  await server.stop()
}, 60_000)

test("2,000 leases come, go, and are forgotten, though the host dies before, during and after the purge", async () => {
  const yard = "oblivion"
  const first = startChaosHost(server, yard, { at: "before-forget", count: 1 })
  await first.active()
  const recorder = await startRecorder(server, yard)
  const { person, log } = recorder
  await makePool(person, 2)
  const ids = Array.from({ length: LEASES }, (_, n) => `L${n}`)
  let greatest = 0
  for (let begin = 0; begin < LEASES; begin += 500) {
    const batch = ids.slice(begin, begin + 500)
    await Promise.all(batch.map((id) => person.publish(`lease/${id} request`, { type: "host" })))
    await recorder.quiet()
    await Promise.all(batch.map((id) => person.publish(`lease/${id} release`)))
    await recorder.quiet()
  }
  for (const { record } of person.events) greatest = Math.max(greatest, record.context.token ?? 0)
  expect(await counted(person)).toBe(LEASES)
  const { messages: before } = await log.journalFacts()
  expect(before).toBeGreaterThan(2 * LEASES)

  // Each at the point that it names: only the third gets to the end.
  await person.publish(`yard/${yard} configure`, { retention: "1ms" })
  expect(await first.exited).toBe("SIGKILL")
  const second = startChaosHost(server, yard, { at: "after-forget", count: 700 })
  expect(await second.exited).toBe("SIGKILL")
  const { messages: between } = await log.journalFacts()
  expect(between).toBeLessThan(before)
  const third = startChaosHost(server, yard)
  await third.active()
  // Whoever is asked between the record and the purge knows nothing of what is forgotten.
  expect(await counted(person)).toBeLessThanOrEqual(2)
  const started = performance.now()
  await until(async () => (await log.journalFacts()).messages < 100, 60_000)
  console.info(`purged ${between} messages to the end in ${Math.round(performance.now() - started)} ms`)

  expect(await counted(person)).toBe(2)
  expect(await person.ask("get", { kind: "lease", id: "L0" })).toMatchObject({
    error: { code: "unknown-actor" },
  })
  expect(await person.ask("history", { kind: "lease", id: "L0" })).toMatchObject({ items: [] })
  const again = await person.say("lease/L0 request", { type: "host", ttl: "1h" })
  expect(again.record).toMatchObject({ rev: 1, to: "active" })
  expect(again.record?.context.token).toBeGreaterThan(greatest)
  third.signal("SIGTERM")
  await third.exited

  // And a host that reads it all back finds the same.
  const last = startChaosHost(server, yard)
  await last.active()
  expect(await counted(person)).toBe(2)
  expect(await person.ask("get", { kind: "lease", id: "L0" })).toMatchObject({ record: { to: "active" } })
  const recovered = await last.reported(({ event }) => event === "recovered")
  expect(recovered).toMatchObject({ actors: expect.any(Number) })
  if (recovered.event === "recovered") expect(recovered.actors).toBeLessThan(50)
  last.signal("SIGTERM")
  await last.exited
  await recorder.close()
}, 300_000)

/** Leases that are over and still known. */
async function counted(person: { ask(name: string): Promise<{ [key: string]: unknown }> }): Promise<number> {
  const status = (await person.ask("status")) as { counts?: { lease?: { destroyed?: number } } }
  return status.counts?.lease?.destroyed ?? 0
}

/** Looks every 50 ms. */
async function until(holds: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const endMs = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`it does not hold after ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

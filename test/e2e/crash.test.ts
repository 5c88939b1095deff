// Shown by 5: the host dies by SIGKILL during the race, at random moments and at fault hooks; strangers write into the
// journal meanwhile. The long run of 200 points: `npm run chaos -- --points 200`.

import { afterAll, beforeAll, expect, test } from "vitest"
import { BROKEN_BY_A_SECOND_HOST, check } from "../chaos/checkers/index.js"
import { crashPoints, crashRace } from "../chaos/crash.js"
import { appendForeign, type Injection } from "../chaos/foreign.js"
import { startChaosHost } from "../chaos/host.js"
import { random } from "../chaos/random.js"
import { startRecorder } from "../chaos/recorder.js"
import { makePool } from "../support/person.js"
import { startTestServer, type TestServer } from "../support/server.js"

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test("a host that dies at ten points of the race loses nothing and does nothing twice", async () => {
  const { history, crashes } = await crashRace({
    server,
    yard: "crash",
    seed: 5,
    habits: { atOnce: 25, holdMs: 250 },
    points: crashPoints(10, random(5), 0),
  })
  expect(crashes).toHaveLength(10)
  expect(check(history)).toEqual([])
}, 120_000)

test("strangers in the journal stop nothing: every command has one record or was refused", async () => {
  let injections: readonly Injection[] = []
  const { history } = await crashRace({
    server,
    yard: "foreign",
    seed: 6,
    requests: 200,
    habits: { atOnce: 25, holdMs: 150 },
    points: crashPoints(2, random(6), 0),
    timeoutMs: 45_000,
    during: async (recorder, racing, host) => {
      injections = await appendForeign(server, "foreign", recorder, host, {
        racing,
        count: 40,
        random: random(7),
      })
    },
  })
  expect(injections.length).toBeGreaterThan(5)
  expect(check(history, BROKEN_BY_A_SECOND_HOST)).toEqual([])
}, 120_000)

test("a host that dies while it makes room for its own commands is followed by one that goes on", async () => {
  const yard = "full"
  const dying = startChaosHost(server, yard, { at: "before-purge", count: 1 })
  await dying.active()
  const recorder = await startRecorder(server, yard)
  const { person, log } = recorder
  await makePool(person, 1, 1)
  // Room for the request, and for nothing that follows from it.
  const { messages } = await log.commandFacts()
  await log.setCommandLimit(messages + 1)
  await person.publish("lease/L1 request", { type: "host" })
  expect(await dying.exited).toBe("SIGKILL")
  const following = startChaosHost(server, yard)
  await person.seen(({ id, to }) => id === "L1" && to === "active", 20_000)
  following.signal("SIGTERM")
  await following.exited
  await recorder.close()
}, 40_000)

// Shown by 5: the host dies by SIGKILL during the race, at random moments and at fault hooks; strangers write into the
// journal meanwhile. The long run of 200 points: `npm run chaos -- --points 200`.

import { afterAll, beforeAll, expect, test } from "vitest"
import { BROKEN_BY_A_SECOND_HOST, check } from "../chaos/checkers/index.js"
import { crashPoints, crashRace } from "../chaos/crash.js"
import { appendForeign, type Injection } from "../chaos/foreign.js"
import { random } from "../chaos/random.js"
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
    habits: { atOnce: 25, holdMs: 300 },
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

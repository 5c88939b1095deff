// Shown by 4: 500 requests for 8 exclusive hosts from 4 processes, some cancelled while they wait.

import { afterAll, beforeAll, expect, test } from "vitest"
import { check } from "../chaos/checkers/index.js"
import { startChaosHost } from "../chaos/host.js"
import { race } from "../chaos/race.js"
import { startTestServer, type TestServer } from "../support/server.js"

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test("500 requests race for 8 exclusive hosts: one holder at a time, in order, and nobody is forgotten", async () => {
  const host = startChaosHost(server, "default")
  await host.active()
  const history = await race({ server, yard: "default", seed: 1 })
  host.signal("SIGTERM")
  expect(await host.exited).toBe(0)
  const ends = history.clients.flatMap(({ leases }) => leases.map(({ end }) => end))
  expect(ends).toHaveLength(500)
  expect(ends.filter((end) => end === "gave-up").length).toBeGreaterThan(20)
  expect(check(history)).toEqual([])
}, 60_000)

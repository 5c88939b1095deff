// A share of `npm run chaos:work`, which goes on for five minutes.

import { afterAll, beforeAll, expect, test } from "vitest"
import { workChaos } from "../chaos/work.js"
import { startTestServer, type TestServer } from "../support/server.js"

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test("workers and hosts are killed for 30 s of mixed load: the provider has exactly what the records say", async () => {
  const { problems, kills, leases } = await workChaos({ server, seed: 7, seconds: 30 })
  expect(problems).toEqual([])
  expect(kills.hosts).toBeGreaterThan(2)
  expect(kills.workers).toBeGreaterThan(4)
  expect(leases).toBeGreaterThan(30)
}, 240_000)

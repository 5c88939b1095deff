// What operators do through the library, and what holders hear of a blueprint's terms.

import { afterAll, beforeAll, expect, test } from "vitest"
import {
  connect,
  type Drydock,
  type LeaseWarning,
  RejectedError,
  type WhyAnswer,
} from "../../src/client/index.js"
import { startTestYard } from "../support/yard.js"
import { makePool } from "./pool.js"

let yard: Awaited<ReturnType<typeof startTestYard>>
let alice: Drydock
let bob: Drydock
const troubles: string[] = []

beforeAll(async () => {
  yard = await startTestYard()
  const onTrouble = (error: Error) => troubles.push(error.message)
  alice = await connect({ url: yard.server.url, principal: "alice", onTrouble })
  bob = await connect({ url: yard.server.url, principal: "bob" })
})

afterAll(async () => {
  await alice?.close()
  await bob?.close()
  await yard?.stop()
})

test("a lease that may not last longer warns before its end, is not renewed beyond it, and expires", async () => {
  await makePool(bob, 1, 1, "brief", { maxDuration: "3s", warnBefore: "1s" })
  const warnings: LeaseWarning[] = []
  const lease = await alice.lease({
    type: "host",
    blueprints: ["brief"],
    graceMs: 100,
    onWarning: (warning) => warnings.push(warning),
  })
  const { activatedAt } = lease.record.context
  expect(lease.until?.getTime()).toBe(Date.parse(activatedAt ?? "") + 3_000)
  await new Promise((resolve) => lease.lost.addEventListener("abort", resolve, { once: true }))
  expect(warnings).toMatchObject([{ lease: lease.id, until: lease.until }])
  expect(lease.lost.reason).toMatchObject({ code: "lease-lost", reason: { code: "expired" } })
  expect(troubles).toEqual([])
})

test("who may not use a blueprint is told so while it waits, and is served when somebody approves", async () => {
  await makePool(bob, 1, 1, "closed", { access: "approval" })
  const told: WhyAnswer[] = []
  const waiting = alice.lease({
    type: "host",
    blueprints: ["closed"],
    onWaiting: (why) => {
      told.push(why)
      if (told.length === 1) void bob.authorize("closed", "alice")
    },
  })
  const lease = await waiting
  expect(told[0]).toMatchObject({
    waiting: { code: "unauthorized" },
    considered: [{ blueprint: "closed", code: "unauthorized" }],
    unblock: [expect.stringContaining("authorize")],
  })
  await bob.decline("closed", "alice")
  expect((await bob.get("lease", lease.id))?.to).toBe("active")
  const { authorizations } = (await bob.get("blueprint", "closed"))?.context ?? {}
  expect(authorizations?.alice).toMatchObject({
    state: "declined",
    by: "bob",
    requestedAt: expect.any(String),
  })
  await lease.release()
})

test("approving is refused for a blueprint that is not there, and taken for somebody who has not asked", async () => {
  const refused = await bob.authorize("nowhere", "alice").catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(RejectedError)
  expect(refused).toMatchObject({ code: "unknown-actor" })
  const record = await bob.authorize("closed", "stranger")
  expect(record.context.authorizations.stranger).toMatchObject({ state: "authorized", by: "bob" })
})

test("notes are set and removed; a drained resource ends after its last lease; nothing is stuck", async () => {
  await makePool(bob, 1, 1, "lab")
  const lease = await alice.lease({ type: "host", blueprints: ["lab"] })
  const { id } = lease.resource
  expect(lease.details).toEqual({})
  expect((await bob.annotate("resource", id, { rack: "7" })).context.notes).toEqual({ rack: "7" })
  expect((await bob.annotate("resource", id, { rack: null })).context.notes).toEqual({})
  expect((await bob.drain(id)).context.draining).toBe(true)
  await expect(bob.retry("resource", id)).rejects.toMatchObject({ code: "not-allowed" })
  await expect(bob.abandon("lease", lease.id)).rejects.toMatchObject({ code: "not-allowed" })
  await lease.release()
  for await (const { record } of bob.watch({ kind: "resource", id, after: 0 }))
    if (record.to === "destroyed") break
})

// 200 leases at once want slow resources of a blueprint with limit 50: real workers, a real nats-server, a provider that
// counts what there is.

import { expect, test } from "vitest"
import { accepted, workStage } from "../actors/worker/stage.js"

const LEASES = 200
const LIMIT = 50
const BUILD_MS = 150

const stage = workStage()

test("200 leases, limit 50: exactly 50 alive, one build per lease at most, everybody served, nobody polls", async () => {
  const { on } = stage
  const { alice } = on
  for (let n = 0; n < 4; n++) await on.worker({ concurrency: 32 })
  const blueprint = await on.blueprint(
    { script: { allocate: { ms: BUILD_MS } } },
    { limit: LIMIT, work: { firstDelay: "100ms", silence: "20s" } },
  )
  const ids = Array.from({ length: LEASES }, (_, n) => `S${n}`)
  await Promise.all(
    ids.map(async (id) =>
      accepted(
        await alice.say(
          `lease/${id} request`,
          { type: "thing", blueprints: [blueprint] },
          { timeoutMs: 30_000 },
        ),
      ),
    ),
  )
  // Whoever is served lets go at once.
  await Promise.all(
    ids.map(async (id) => {
      await on.lease(id, "active", 120_000)
      accepted(await alice.say(`lease/${id} release`, {}, { timeoutMs: 30_000 }))
      await on.lease(id, "destroyed", 120_000)
    }),
  )

  const records = alice.events.map(({ record }) => record)
  const alive = new Set<string>()
  let most = 0
  const builds = new Map<string, number>()
  const acquired: number[] = []
  const orders = new Map<string, number>()
  for (const { kind, id, to, path, event, context } of records) {
    if (kind === "resource") {
      if (to === "destroyed") alive.delete(id)
      else alive.add(id)
      most = Math.max(most, alive.size)
      if (event.type === "allocate") builds.set(String(context.by), (builds.get(String(context.by)) ?? 0) + 1)
    }
    if (kind === "lease") orders.set(id, Number(context.order))
    if (kind === "lease" && path.includes("acquired")) acquired.push(orders.get(id) ?? 0)
  }
  expect(most).toBe(LIMIT)
  expect(alive.size).toBe(LIMIT)
  expect([...builds.values()].every((count) => count === 1)).toBe(true)
  expect(builds.size).toBe(LIMIT)
  // Those who did not build are served in the order in which they asked.
  const waited = acquired.filter((order) => order > (acquired.toSorted((a, b) => a - b)[LIMIT - 1] ?? 0))
  expect(waited).toEqual(waited.toSorted((a, b) => a - b))

  // A place that comes free is given away within the same breath: by the stream's clock.
  const gaps: number[] = []
  const freed = new Map<string, number>()
  for (const { kind, to, path, at, context } of records) {
    if (kind !== "lease") continue
    const resource = String(context.resource)
    if (to === "destroyed") freed.set(resource, Date.parse(at))
    const since = freed.get(resource)
    if (path.includes("acquired") && since !== undefined) gaps.push(Date.parse(at) - since)
  }
  expect(gaps.length).toBe(LEASES - LIMIT)
  gaps.sort((a, b) => a - b)
  // Whoever looks only now and then leaves gaps of seconds; a machine full of child processes, of tenths.
  expect(gaps[Math.floor(gaps.length / 2)]).toBeLessThan(500)
  expect(gaps.at(-1)).toBeLessThan(3_000)

  expect(await on.provider.inventory()).toHaveLength(LIMIT)
  expect(await on.provider.clashes()).toEqual([])
  await on.clear()
  expect(await on.provider.inventory()).toEqual([])
}, 240_000)

// Features of the ancestor (reference, section 9) that need a worker, seen from outside: two phases of resources and
// leases, one build for each lease, failures that end with a reason, releases at any moment, clean-up that is retried.
// The worker, the host and the server are real; the provider is the stand-in.

import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { workStage } from "../actors/worker/stage.js"
import { until } from "../actors/worker/until.js"
import { startTestHost } from "../support/yard.js"
import { accepted, current, isLease, resourceOf, type TestRecord } from "./stage.js"

const stage = workStage()
const at = (record: TestRecord) => Date.parse(record.at)

beforeEach(async () => {
  await stage.on.worker({ concurrency: 8 })
})
afterEach(async () => {
  const { on } = stage
  if (on.workers.length === 0) await on.worker()
  await on.clear()
  expect(await on.provider.inventory()).toEqual([])
  expect(await on.provider.clashes()).toEqual([])
})

const seen = (id: string, matches: (record: TestRecord) => boolean) =>
  stage.on.alice.seen((record) => isLease(record, id) && matches(record), 20_000)

const resource = (id: string, to: string) =>
  stage.on.alice.seen((record) => record.kind === "resource" && record.id === id && record.to === to, 20_000)

/** The resource that is being built for a lease. */
async function buildOf(id: string): Promise<string> {
  const { context } = await seen(id, ({ context }) => context.build !== null)
  return (context.build as { resource: string }).resource
}

/** Resolves when a worker has begun on the job of an object. */
const begun = (kind: string, id: string, task: string) =>
  stage.on.alice.seen(
    (record) =>
      record.kind === kind &&
      record.id === id &&
      record.event.type === "started" &&
      (record.context.job as { task: string } | null)?.task === task,
    20_000,
  )

/** Resources of a blueprint, each with the time when it was allocated and when it was destroyed. */
function resourcesOf(blueprint: string): string[] {
  const ids = stage.on.alice.events.flatMap(({ record: { kind, id, context } }) =>
    kind === "resource" && context.blueprint === blueprint ? [id] : [],
  )
  return [...new Set(ids)]
}

function mostAlive(blueprint: string): number {
  const alive = new Set<string>()
  let most = 0
  for (const { record } of stage.on.alice.events) {
    if (record.kind !== "resource" || record.context.blueprint !== blueprint) continue
    if (record.to === "destroyed") alive.delete(record.id)
    else alive.add(record.id)
    most = Math.max(most, alive.size)
  }
  return most
}

describe("two phases", () => {
  test("a resource is pending while it is built, then active; its lease is acquired, then active, each in its time", async () => {
    const { on } = stage
    const blueprint = await on.blueprint({ script: { allocate: { ms: 300 }, activate: { ms: 300 } } })
    await on.request("two", blueprint)
    const id = await buildOf("two")
    const pending = await resource(id, "pending")
    expect(pending).toMatchObject({ from: null, path: ["pending"], context: { activatedAt: null } })
    const ready = await resource(id, "active")
    expect(at(ready) - at(pending)).toBeGreaterThanOrEqual(300)
    const acquired = await seen("two", ({ path }) => path.includes("acquired"))
    expect(acquired).toMatchObject({ to: "acquired", context: { resource: id, activatedAt: null } })
    const active = await on.lease("two", "active")
    expect(active).toMatchObject({ from: "acquired", path: ["active"] })
    const { acquiredAt, activatedAt } = active.context
    expect(Date.parse(String(activatedAt)) - Date.parse(String(acquiredAt))).toBeGreaterThanOrEqual(300)
    // Whoever waited for the build hears of its end at once.
    expect(at(acquired) - at(ready)).toBeLessThan(1_000)
  })

  test("a second lease gets the resource that the first one left, and needs no build", async () => {
    const { on } = stage
    const blueprint = await on.blueprint({ script: { allocate: { ms: 500 } } })
    await on.request("warm-1", blueprint)
    const first = await on.lease("warm-1", "active")
    accepted(await on.alice.say("lease/warm-1 release"))
    await on.lease("warm-1", "destroyed")
    await on.request("warm-2", blueprint)
    const second = await on.lease("warm-2", "active")
    expect(resourceOf(second)).toBe(resourceOf(first))
    expect(resourcesOf(blueprint)).toHaveLength(1)
  })

  test("two leases at the same time get different exclusive resources", async () => {
    const { on } = stage
    const blueprint = await on.blueprint()
    for (const id of ["own-1", "own-2"]) await on.request(id, blueprint)
    const [a, b] = [await on.lease("own-1", "active"), await on.lease("own-2", "active")]
    expect(resourceOf(a)).not.toBe(resourceOf(b))
    expect(a.context.slots).toEqual([`stand-in.lease(${resourceOf(a)},0)`])
  })

  test("ten leases for slow resources have ten built, one for each", async () => {
    const { on } = stage
    const blueprint = await on.blueprint({ script: { allocate: { ms: 400 } } }, { limit: 32 })
    const ids = Array.from({ length: 10 }, (_, n) => `ten-${n}`)
    for (const id of ids) await on.request(id, blueprint)
    const served: TestRecord[] = []
    for (const id of ids) served.push(await on.lease(id, "active"))
    expect(resourcesOf(blueprint)).toHaveLength(10)
    expect(new Set(served.map(resourceOf)).size).toBe(10)
  })

  test("ten leases and a limit of 3: never more than 3 resources live, and all are served", async () => {
    const { on } = stage
    const blueprint = await on.blueprint({}, { limit: 3 })
    const ids = Array.from({ length: 10 }, (_, n) => `lim-${n}`)
    for (const id of ids) await on.request(id, blueprint)
    for (const id of ids) {
      await on.lease(id, "active")
      accepted(await on.alice.say(`lease/${id} release`))
    }
    expect(mostAlive(blueprint)).toBe(3)
  })
})

describe("a failure for good", () => {
  test("of a build breaks the resource and ends it, says why, and the lease waits", async () => {
    const { on } = stage
    const blueprint = await on.blueprint({ script: { allocate: { terminal: true } } }, { suspendAfter: 1 })
    await on.request("bad-build", blueprint)
    const id = await buildOf("bad-build")
    const broken = await resource(id, "broken")
    expect(broken.context.reason).toEqual({ code: "failed", message: "as the script says, for good" })
    expect(await resource(id, "destroyed")).toMatchObject({
      context: { slots: [], reason: broken.context.reason },
    })
    await seen("bad-build", ({ context }) => context.build === null)
    const why = await on.alice.ask("why", { id: "bad-build" })
    expect(why).toMatchObject({
      state: "pending",
      considered: [{ code: "suspended", message: expect.stringContaining("as the script says, for good") }],
      unblock: [`repair blueprint ${blueprint} and enable it`],
    })
    // Repaired and enabled: the lease has waited, and is served.
    accepted(
      await on.alice.say(`blueprint/${blueprint} configure`, {
        type: "stand-in",
        config: { folder: on.provider.folder },
      }),
    )
    await on.lease("bad-build", "active")
  })

  test("of a lease's set-up breaks the lease and ends it, says why, and leaves the resource to others", async () => {
    const { on } = stage
    const blueprint = await on.blueprint({}, { limit: 1 })
    await on.request("bad-lease", blueprint, { script: { activate: { terminal: true } } })
    const broken = await on.lease("bad-lease", "broken")
    expect(broken.context.reason).toEqual({ code: "failed", message: "as the script says, for good" })
    expect(await on.lease("bad-lease", "destroyed")).toMatchObject({
      context: { slots: [], reason: broken.context.reason },
    })
    await on.request("good-lease", blueprint)
    expect(resourceOf(await on.lease("good-lease", "active"))).toBe(resourceOf(broken))
  })
})

describe("a release", () => {
  const states: readonly (readonly [string, object])[] = [
    ["pending", { allocate: { ms: 60_000 } }],
    ["acquired", { activate: { ms: 60_000 } }],
    ["active", {}],
    ["broken", { activate: { terminal: true }, release: { ms: 400 } }],
  ]

  test.each(states)("is taken of a lease that is %s, which then ends", async (state, script) => {
    const { on } = stage
    const blueprint = await on.blueprint({ script })
    const id = `any-${state}`
    await on.request(id, blueprint)
    await seen(id, ({ to }) => to === state)
    const record = accepted(await on.alice.say(`lease/${id} release`))
    expect(record.path).toContain("released")
    await on.lease(id, "destroyed")
  })

  test.each([
    ["pending", { allocate: { ms: 60_000 } }],
    ["active", {}],
    ["broken", { allocate: { terminal: true }, destroy: { ms: 400 } }],
  ])("is taken of a resource that is %s, which then ends", async (state, script) => {
    const { on } = stage
    const blueprint = await on.blueprint({ script }, { suspendAfter: 1 })
    const lease = `of-${state}`
    await on.request(lease, blueprint)
    const id = await buildOf(lease)
    await resource(id, state)
    accepted(await on.alice.say(`lease/${lease} release`))
    const record = accepted(await on.alice.say(`resource/${id} release`))
    expect(record.path).toContain("released")
    await resource(id, "destroyed")
  })

  test("twice at once cleans up once", async () => {
    const { on } = stage
    const blueprint = await on.blueprint()
    await on.request("twice", blueprint)
    await on.lease("twice", "active")
    const said = [on.alice.say("lease/twice release"), on.alice.say("lease/twice release")]
    for (const outcome of await Promise.all(said)) accepted(outcome)
    await on.lease("twice", "destroyed")
    const steps = (await on.provider.begun()).filter((line) => line.includes(" lease-twice remove "))
    expect(steps).toHaveLength(1)
  })

  test("of a lease shows that it goes, until its clean-up is done", async () => {
    const { on } = stage
    const blueprint = await on.blueprint({ script: { release: { ms: 300 } } })
    await on.request("going", blueprint)
    await on.lease("going", "active")
    const record = accepted(await on.alice.say("lease/going release", { reason: "done" }))
    expect(record).toMatchObject({ from: "active", to: "released", path: ["released"] })
    expect(record.context.slots).not.toEqual([])
    const gone = await on.lease("going", "destroyed")
    expect(gone).toMatchObject({
      from: "released",
      path: ["destroyed"],
      context: { slots: [], reason: { code: "released", message: "done" } },
    })
    expect(at(gone) - at(record)).toBeGreaterThanOrEqual(300)
  })

  test("of a resource ends both leases on it, and then itself", async () => {
    const { on } = stage
    const blueprint = await on.blueprint({ leases: 2 }, { limit: 1 })
    for (const id of ["both-1", "both-2"]) await on.request(id, blueprint)
    const [one, two] = [await on.lease("both-1", "active"), await on.lease("both-2", "active")]
    expect(resourceOf(one)).toBe(resourceOf(two))
    accepted(await on.alice.say(`resource/${resourceOf(one)} release`))
    const gone = await resource(resourceOf(one), "destroyed")
    for (const id of ["both-1", "both-2"]) {
      const ended = await on.lease(id, "destroyed")
      expect(ended.context.reason).toMatchObject({ code: "resource-released" })
      expect(at(ended)).toBeLessThanOrEqual(at(gone))
    }
  })
})

describe("a resource that goes", () => {
  test("between acquisition and activation throws its lease back to its old place, with its slots freed", async () => {
    const { on } = stage
    const blueprint = await on.blueprint({}, { limit: 1 })
    await on.request("back", blueprint, { script: { activate: { ms: 2_000 } } })
    const first = await seen("back", ({ to }) => to === "acquired")
    await begun("lease", "back", "activate")
    await on.request("behind", blueprint)
    accepted(await on.alice.say(`resource/${resourceOf(first)} release`))
    const back = await seen("back", ({ from, to }) => from === "acquired" && to === "pending")
    expect(back.context).toMatchObject({
      resource: null,
      slots: [],
      token: null,
      waiting: { code: "thrown-back" },
      order: first.context.order,
    })
    const active = await on.lease("back", "active")
    expect(resourceOf(active)).not.toBe(resourceOf(first))
    expect(Number(active.context.token)).toBeGreaterThan(Number(first.context.token))
    expect((await current(on.alice, "lease/behind"))?.to).toBe("pending")
  })

  test("gives no lease any more: who would fit waits for the next one, and is not killed", async () => {
    const { on } = stage
    const blueprint = await on.blueprint({ script: { destroy: { ms: 700 } } }, { limit: 1 })
    await on.request("dying-1", blueprint)
    const going = resourceOf(await on.lease("dying-1", "active"))
    accepted(await on.alice.say("lease/dying-1 release"))
    await on.lease("dying-1", "destroyed")
    accepted(await on.alice.say(`resource/${going} reclaim`))
    expect(await on.request("dying-2", blueprint)).toMatchObject({ to: "pending" })
    const active = await on.lease("dying-2", "active")
    expect(resourceOf(active)).not.toBe(going)
    const gone = await resource(going, "destroyed")
    const next = await resource(resourceOf(active), "pending")
    expect(at(next)).toBeGreaterThanOrEqual(at(gone))
    expect(at(next) - at(gone)).toBeLessThan(1_000)
    expect(mostAlive(blueprint)).toBe(1)
  })

  test("is taken down again and again until that works, and is `released` meanwhile", async () => {
    const { on } = stage
    const blueprint = await on.blueprint({ script: { destroy: { failTimes: 2 } } })
    await on.request("stubborn", blueprint)
    const id = resourceOf(await on.lease("stubborn", "active"))
    accepted(await on.alice.say("lease/stubborn release"))
    accepted(await on.alice.say(`resource/${id} release`))
    await resource(id, "destroyed")
    const story = on.story("resource", id)
    const failed = story.filter(({ event }) => event.type === "failed")
    expect(failed.map(({ to }) => to)).toEqual(["released", "released"])
    expect(failed[0]?.context.job).toMatchObject({
      state: "backing-off",
      error: "as the script says, attempt 1 of 2",
    })
  })
})

describe("who waits", { timeout: 60_000 }, () => {
  test("is woken by a take-over as well: a build that ends while no host is there is granted by the next", async () => {
    const { on } = stage
    const blueprint = await on.blueprint(
      { script: { allocate: { ms: 1_000 } } },
      { limit: 1, work: { silence: "15s" } },
    )
    await on.request("over", blueprint)
    const id = await buildOf("over")
    const step = ` resource-${id} make `
    await until(async () => (await on.provider.begun()).some((line) => line.includes(step)), "it is built")
    await on.host.stop()
    await until(
      async () => (await on.provider.inventory()).includes(`resource-${id}`),
      "the end of the build",
    )
    on.host = await startTestHost(on.server, { policies: on.policies })
    expect(resourceOf(await on.lease("over", "active"))).toBe(id)
  })

  test("for a blueprint whose type this host does not have is told so, and served by a host that has it", async () => {
    const { on } = stage
    const blueprint = await on.blueprint()
    await on.request("kept", blueprint)
    await on.lease("kept", "active")
    await on.host.stop()
    on.host = await startTestHost(on.server, {
      policies: on.policies.filter(({ type }) => type !== "stand-in"),
    })
    await on.host.host.active()
    await on.request("lacks", blueprint)
    expect(await on.alice.ask("why", { id: "lacks" })).toMatchObject({
      state: "pending",
      considered: [{ blueprint, code: "not-installed" }],
    })
    expect((await current(on.alice, "lease/kept"))?.to).toBe("active")
    await on.host.stop()
    on.host = await startTestHost(on.server, { policies: on.policies })
    await on.lease("lacks", "active")
  })
})

test("the type of a blueprint is fixed", async () => {
  const { on } = stage
  const blueprint = await on.blueprint()
  const config = { folder: on.provider.folder }
  const outcome = await on.alice.say(`blueprint/${blueprint} configure`, { type: "other", config })
  expect(outcome).toMatchObject({
    outcome: "rejected",
    code: "not-allowed",
    message: "the type of a blueprint is fixed: create another one",
  })
  expect((await current(on.alice, `blueprint/${blueprint}`))?.context.type).toBe("stand-in")
})

// Rule 7 as an effect: what a stored sweep lists leaves the journal, however often its host changes on the way, and
// nobody ever sees it again from the moment of the record.

import { expect, test } from "vitest"
import { type Log, LogError } from "../../../src/actors/log/log.js"
import { Stage } from "./stage.js"

interface Answered {
  readonly error?: { readonly code: string }
  readonly items?: readonly { readonly seq: number; readonly rev?: number }[]
}

async function ended(stage: Stage, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await stage.say(`lease/${id} request`, { type: "host" })
    await stage.say(`lease/${id} release`)
  }
}

/** A log on which writes to some subjects never reach the server while `stuck.is`. */
function holdingBack(
  stuck: { is: boolean },
  method: "forget" | "send" = "forget",
  only = "",
): (log: Log) => Log {
  return (log) =>
    new Proxy(log, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== "function") return value
        if (name !== method) return value.bind(target)
        return (subject: string, ...more: unknown[]) =>
          stuck.is && subject.includes(only)
            ? Promise.reject(new LogError("unavailable", "it does not get through"))
            : value.call(target, subject, ...more)
      },
    })
}

const lying = (stage: Stage, id: string) =>
  stage.journal().filter(({ subject }) => subject === `drydock.default.journal.lease.${id}`)

async function forgotten(stage: Stage, retention = "1s"): Promise<void> {
  await stage.clock.advance(5_000)
  await stage.say("yard/default configure", { retention }, `configure-${retention}`)
  await stage.clock.advance(1_000)
  await stage.settle()
}

test("what has ended leaves memory and journal; the last message stays, and holes are no error", async () => {
  const stage = new Stage()
  await stage.enter("a")
  await stage.pool(1)
  await ended(stage, "L1", "L2", "L3")
  const before = stage.journal().length
  expect(await stage.ask("forgettable", { retention: "1ms" })).toMatchObject({ ended: 2 })
  await forgotten(stage)
  expect(lying(stage, "L1")).toEqual([])
  expect(lying(stage, "L2")).toEqual([])
  // It was the last on a resource that lives.
  expect(lying(stage, "L3")).toHaveLength(2)
  expect(stage.journal().length).toBe(before + 2 - 5)
  expect(stage.journal().at(-1)).toMatchObject({ subject: "drydock.default.journal.yard.default" })
  expect(await stage.ask("get", { kind: "lease", id: "L1" })).toMatchObject({
    error: { code: "unknown-actor" },
  })
  expect(await stage.ask("why", { id: "L1" })).toMatchObject({ error: { code: "unknown-actor" } })
  expect(await stage.ask("history", { kind: "lease", id: "L1" })).toMatchObject({ items: [] })
  const { items = [] } = (await stage.ask("events", { after: 0, limit: 1_000 })) as Answered
  expect(items.map(({ seq }) => seq)).toEqual(stage.journal().map(({ seq }) => seq))
  expect(await stage.say("lease/L1 release", {}, "late")).toMatchObject({ code: "unknown-actor" })
  expect(await stage.say("lease/L1 request", { type: "host", ttl: "1h" }, "again")).toMatchObject({
    record: { rev: 1, to: "active" },
  })
  await stage.leave()
})

test("a host that takes over before the purge knows nothing of it either, and sees it through", async () => {
  const stage = new Stage()
  const stuck = { is: true }
  await stage.enter("a", stage.clock, undefined, { around: holdingBack(stuck) })
  await stage.pool(1)
  await ended(stage, "L1", "L2", "L3")
  await forgotten(stage)
  expect(lying(stage, "L1")).toHaveLength(3)
  expect(await stage.ask("history", { kind: "lease", id: "L1" })).toMatchObject({ items: [] })
  // The id is used again while its first life still lies there.
  await stage.say("lease/L1 request", { type: "nonsense" }, "again")
  await stage.hosts[0]?.log.close()
  await stage.enter("b", stage.clock, undefined, { around: holdingBack(stuck) })
  await stage.clock.advance(5_000)
  expect(await stage.ask("get", { kind: "lease", id: "L2" })).toMatchObject({
    error: { code: "unknown-actor" },
  })
  expect(await stage.ask("get", { kind: "lease", id: "L1" })).toMatchObject({
    record: { context: { type: "nonsense" }, to: "destroyed" },
  })
  const { items = [] } = (await stage.ask("history", { kind: "lease", id: "L1" })) as Answered
  expect(items.map(({ rev }) => rev)).toEqual([1, 2])
  stuck.is = false
  await stage.clock.advance(1_000)
  await stage.settle()
  expect(lying(stage, "L2")).toEqual([])
  expect(lying(stage, "L1")).toHaveLength(2)
  expect(stage.hosts[1]?.reports.filter(({ event }) => event === "void-record")).toEqual([])
  await stage.leave()
})

test("after the purge a new host tells no outcome that contradicts the one that was told", async () => {
  const stage = new Stage()
  await stage.enter("a")
  await stage.pool(1)
  await ended(stage, "L1", "L2", "L3")
  await forgotten(stage)
  await stage.say("lease/L4 request", { type: "host" })
  for (let round = 0; round < 3; round++) {
    await stage.hosts.at(-1)?.log.close()
    await stage.enter(`b${round}`)
    await stage.clock.advance(5_000)
  }
  for (const [id, said] of stage.told)
    expect(new Set(said.map(({ outcome, code }) => `${outcome} ${code}`)).size, id).toBe(1)
  expect(await stage.ask("get", { kind: "lease", id: "L4" })).toMatchObject({ record: { to: "active" } })
  await stage.leave()
})

test("a sweep is purged by a later one only when everything that it lists is gone", async () => {
  const stage = new Stage()
  const stuck = { is: true }
  await stage.enter("a", stage.clock, undefined, { around: holdingBack(stuck, "forget", ".lease.") })
  await stage.pool(1)
  await ended(stage, "L1", "L2", "L3")
  await forgotten(stage)
  for (let sweeps = 0; sweeps < 3; sweeps++) await stage.clock.advance(70_000)
  const sweeps = () =>
    stage
      .journal()
      .filter(({ record }) => (record?.event as { type?: string } | undefined)?.type === "expire")
  expect(sweeps().length).toBeGreaterThan(2)
  expect(lying(stage, "L1")).toHaveLength(3)
  stuck.is = false
  await stage.hosts[0]?.log.close()
  await stage.enter("b")
  await stage.clock.advance(200_000)
  expect(lying(stage, "L1")).toEqual([])
  expect(sweeps().length).toBeLessThan(4)
  const own = stage.journal().filter(({ subject }) => subject.endsWith(".yard.default"))
  expect(own.length).toBeLessThan(6)
  await stage.leave()
})

test("an outcome is not told again, otherwise, when its record is purged before a follow-up of an earlier one was acknowledged", async () => {
  const stage = new Stage()
  const around = holdingBack({ is: true }, "send", ".allocate.")
  await stage.enter("a", stage.clock, undefined, { around })
  await stage.pool(1)
  await stage.say("lease/waits request", { type: "host" })
  for (const id of ["L1", "L2", "L3"]) await stage.say(`lease/${id} request`, { type: "nonsense" })
  await forgotten(stage)
  expect(lying(stage, "L2")).toEqual([])
  await stage.hosts[0]?.log.close()
  await stage.enter("b")
  await stage.clock.advance(5_000)
  for (const [id, said] of stage.told)
    expect(new Set(said.map(({ outcome, code }) => `${outcome} ${code}`)).size, id).toBe(1)
  expect(stage.told.get("lease-L2-request")?.[0]).toMatchObject({ outcome: "accepted" })
  expect(await stage.ask("get", { kind: "lease", id: "waits" })).toMatchObject({ record: { to: "active" } })
  await stage.leave()
})

test("a stranger's record that was void stays void when what made it so is purged", async () => {
  const stage = new Stage()
  await stage.enter("a")
  await stage.pool(1)
  const command = await stage.publish("lease/ghost release", {}, "ghost")
  await stage.say("lease/L1 request", { type: "nonsense" })
  const first = lying(stage, "L1")[0]?.record
  const cause = { command, id: "ghost", verb: "release", by: "alice" }
  await stage.server.publish(
    "drydock.default.journal.lease.ghost",
    JSON.stringify({ ...first, id: "ghost", cause }),
  )
  await forgotten(stage)
  await stage.clock.advance(1_000)
  expect(lying(stage, "L1")).toEqual([])
  expect(lying(stage, "ghost")).toHaveLength(1)
  for (const name of ["b", "c"]) {
    expect(await stage.ask("get", { kind: "lease", id: "ghost" })).toMatchObject({
      error: { code: "unknown-actor" },
    })
    await stage.hosts.at(-1)?.log.close()
    await stage.enter(name)
    await stage.clock.advance(5_000)
  }
  await stage.leave()
})

test("a purge that is refused for long is said aloud, once, and the yard goes on", async () => {
  const stage = new Stage()
  const { reports } = await stage.enter("a", stage.clock, undefined, { around: holdingBack({ is: true }) })
  await stage.pool(1)
  await ended(stage, "L1", "L2")
  await forgotten(stage)
  await stage.clock.advance(60_000)
  const said = reports.filter(({ event }) => event === "trouble")
  expect(said).toMatchObject([
    { doing: expect.stringContaining("the purge of drydock.default.journal.lease.L1") },
  ])
  expect(await stage.say("lease/L3 request", { type: "host" })).toMatchObject({ outcome: "accepted" })
  await stage.leave()
})

test("a stranger's record cannot make the yard forget, and one on a forgotten subject is judged alike before and after the purge", async () => {
  const stage = new Stage()
  const stuck = { is: true }
  await stage.enter("a", stage.clock, undefined, { around: holdingBack(stuck) })
  await stage.pool(1)
  await ended(stage, "L1", "L2", "L3")
  const first = { ...lying(stage, "L2")[0]?.record, id: "L1" }
  await forgotten(stage)
  // Said to L1, but by the time of its foreign record its host has gone: a record of its new life.
  await stage.hosts[0]?.log.close()
  const command = await stage.publish("lease/L1 request", { type: "host" }, "foreign")
  const cause = { command, id: "foreign", verb: "request", by: "alice" }
  await stage.server.publish("drydock.default.journal.lease.L1", JSON.stringify({ ...first, cause }))
  const own = stage.journal().findLast(({ subject }) => subject.endsWith(".yard.default"))?.record as {
    context: object
    rev: number
  }
  const forged = {
    ...own,
    rev: own.rev + 1,
    event: { type: "expire", body: {} },
    context: { ...own.context, forgets: [{ kind: "blueprint", id: "lab", seq: 1_000 }] },
    cause: { ...cause, command: command + 1 },
  }
  await stage.publish("yard/default configure", { retention: "1s" }, "forged")
  await stage.server.publish("drydock.default.journal.yard.default", JSON.stringify(forged))
  const enter = async (name: string) => {
    const entered = await stage.enter(name, stage.clock, undefined, { around: holdingBack(stuck) })
    await stage.clock.advance(5_000)
    return entered
  }
  const before = await enter("b")
  const asked = async () =>
    (await Promise.all([
      stage.ask("get", { kind: "lease", id: "L1" }),
      stage.ask("get", { kind: "blueprint", id: "lab" }),
    ])) as { record?: { rev: number; to: string } }[]
  const known = (await asked()).map(({ record }) => [record?.rev, record?.to])
  expect(known).toEqual([
    [1, "active"],
    [1, "enabled"],
  ])
  stuck.is = false
  await stage.clock.advance(5_000)
  expect(lying(stage, "L2")).toEqual([])
  await before.log.close()
  await enter("c")
  expect((await asked()).map(({ record }) => [record?.rev, record?.to])).toEqual(known)
  await stage.leave()
})

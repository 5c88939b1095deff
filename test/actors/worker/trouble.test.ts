// Workers that die, are stopped and come back, jobs that come twice, words that come late, twice, garbled or from
// somebody else, hosts that change while jobs run: nothing runs twice at once, and nothing is left over.

import { jetstreamManager } from "@nats-io/jetstream"
import { connect, headers, type NatsConnection } from "nats"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { workSubject } from "../../../src/actors/log/work-link.js"
import { uniqueId } from "../../support/person.js"
import { startTestHost } from "../../support/yard.js"
import { isAlive } from "./alive.js"
import { workStage } from "./stage.js"
import { until } from "./until.js"
import { startWorkerProcess, type WorkerProcess } from "./worker-process.js"

const stage = workStage()
const processes: WorkerProcess[] = []
/** With the rights of the host, and with those of a worker. */
let admin: NatsConnection
let rogue: NatsConnection

beforeAll(async () => {
  admin = await connect(stage.on.server.hostOptions)
  rogue = await connect(stage.on.server.workerOptions)
})
afterEach(async () => {
  for (const process of processes.splice(0)) await process.end()
})
afterAll(async () => {
  await admin.close()
  await rogue.close()
})

async function workerProcess(name: string): Promise<WorkerProcess> {
  const started = await startWorkerProcess({ ...stage.on.server.workerOptions, name })
  processes.push(started)
  return started
}

/** The process of a step on a thing, once it runs. */
async function stepOf(thing: string, count = 1): Promise<number> {
  const steps = async () =>
    (await stage.on.provider.begun()).filter((line) => line.includes(` ${thing} make `))
  await until(async () => (await steps()).length >= count, `step ${count} on ${thing}`, 40_000)
  return Number((await steps())[count - 1]?.split(" ")[0])
}

const attempts = (id: string) => stage.on.story("lease", id).filter(({ event }) => event.type === "started")

describe("a worker that is killed", () => {
  it("leaves its job to another, and no child", async () => {
    const { on } = stage
    const first = await workerProcess("first")
    const blueprint = await on.blueprint()
    await on.request("K1", blueprint, { script: { activate: { ms: 1_500 } } })
    const pid = await stepOf("lease-K1")
    first.signal("SIGKILL")
    const second = await workerProcess("second")
    await until(() => !isAlive(pid), "the end of its child", 10_000)
    await second.heard(({ event, order }) => event === "begun" && order?.job.startsWith("lease/K1/") === true)
    await on.lease("K1", "active")
    expect(attempts("K1").map(({ event }) => (event.body as { worker: string }).worker)).toEqual([
      "first",
      "second",
    ])
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
    expect(await on.provider.clashes()).toEqual([])
  })

  it("is replaced within 30 s where nothing else is said", async () => {
    const { on } = stage
    const first = await workerProcess("first")
    const blueprint = await on.blueprint({}, { work: {} })
    await on.request("K2", blueprint, { script: { activate: { ms: 3_000 } } })
    await stepOf("lease-K2")
    first.signal("SIGKILL")
    const killedMs = performance.now()
    await workerProcess("second")
    await until(() => attempts("K2").length === 2, "the second attempt", 40_000)
    expect(performance.now() - killedMs).toBeLessThan(30_000)
    await on.lease("K2", "active")
    await on.clear()
  }, 90_000)

  it("by its own blueprint half-way leaves nothing that the next attempt meets", async () => {
    const { on } = stage
    const [first, second] = [await workerProcess("first"), await workerProcess("second")]
    const blueprint = await on.blueprint({}, { work: { silence: "2s", firstDelay: "100ms" } })
    await on.request("K3", blueprint, { script: { activate: { dieTimes: 1 } } })
    const active = await on.lease("K3", "active", 30_000)
    expect(active.context.details).toMatchObject({ attempt: 2 })
    expect([first, second].filter(({ pid }) => isAlive(pid))).toHaveLength(1)
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
    expect(await on.provider.clashes()).toEqual([])
  }, 60_000)
})

describe("a worker that is stopped and comes back late", () => {
  it("changes nothing, and its children were dead before the next attempt", async () => {
    const { on } = stage
    const first = await workerProcess("first")
    const blueprint = await on.blueprint()
    await on.request("T1", blueprint, { script: { activate: { ms: 4_000 } } })
    const pid = await stepOf("lease-T1")
    first.signal("SIGSTOP")
    await workerProcess("second")
    const again = await stepOf("lease-T1", 2)
    expect(isAlive(again)).toBe(true)
    // The guard has killed it; as long as its parent is stopped it is a zombie.
    expect(await on.provider.clashes()).toEqual([])
    const active = await on.lease("T1", "active")
    first.signal("SIGCONT")
    const ended = await first.heard(
      ({ event, order }) => event === "ended" && order?.job.startsWith("lease/T1/") === true,
    )
    expect(ended.ending).toBe("lost")
    await until(() => !isAlive(pid), "the end of its child", 10_000)
    // It works on, as if nothing had happened.
    await on.request("T2", blueprint)
    await on.lease("T2", "active")
    const answer = (await on.alice.ask("get", { kind: "lease", id: "T1" })) as { record: { rev: number } }
    expect(answer.record.rev).toBe(active.rev)
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
    expect(await on.provider.clashes()).toEqual([])
  }, 60_000)
})

describe("a job that is delivered twice", () => {
  it("runs once", async () => {
    const { on } = stage
    const [one, two] = [await on.worker(), await on.worker()]
    const blueprint = await on.blueprint()
    await on.request("D1", blueprint, { script: { activate: { ms: 800 } } })
    await stepOf("lease-D1")
    const order = on.story("lease", "D1").findLast(({ jobs }) => jobs.length > 0)?.jobs[0] as { job: string }
    for (let time = 0; time < 3; time++) {
      await admin.request(workSubject("default", "stand-in", order.job), JSON.stringify(order))
      await until(async () => (await waitingInWork()) === 0, "its being dropped")
    }
    await on.lease("D1", "active")
    await admin.request(workSubject("default", "stand-in", order.job), JSON.stringify(order))
    await until(async () => (await waitingInWork()) === 0, "its being dropped")
    const reports = [...one.reports, ...two.reports]
    expect(reports.filter((said) => said.event === "begun" && said.order.job === order.job)).toHaveLength(1)
    const begun = (await on.provider.begun()).filter((line) => line.includes(" lease-D1 make "))
    expect(begun).toHaveLength(1)
    await on.clear()
    expect(await on.provider.clashes()).toEqual([])
  })

  it("that is no job is dropped, and said", async () => {
    const { on } = stage
    const { reports } = await on.worker()
    for (const body of [" ", "{", "{}", JSON.stringify({ job: "lease/X/1", type: "other" })])
      await admin.request(workSubject("default", "stand-in", uniqueId("garbage")), body)
    await until(() => reports.filter(({ event }) => event === "garbage").length === 4, "four reports")
    await until(async () => (await waitingInWork()) === 0, "their being dropped")
  })
})

describe("a word about a job", () => {
  /** Says it as a worker and resolves to the outcome. */
  async function say(
    target: string,
    body: unknown,
    type = "stand-in",
  ): Promise<{ outcome: string; code?: string }> {
    const [kind, id, verb] = target.split(/[/ ]/)
    const command = uniqueId()
    const outcome = new Promise<{ outcome: string; code?: string }>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no outcome of ${target}`)), 10_000)
      rogue.subscribe(`drydock.default.outcome.*.${command}`, {
        max: 1,
        callback: (_error, message) => {
          clearTimeout(timer)
          resolve(message.json())
        },
      })
    })
    const sent = headers()
    sent.set("Drydock-Id", command)
    const data = typeof body === "string" ? body : JSON.stringify(body)
    rogue.publish(`drydock.default.internal.${kind}.${id}.${verb}.worker-${type}`, data, { headers: sent })
    return await outcome
  }

  it("of another attempt, another job, another trade, or garbled is refused, and the job goes on", async () => {
    const { on } = stage
    await on.worker()
    const blueprint = await on.blueprint()
    await on.request("W1", blueprint, { script: { activate: { ms: 1_500 } } })
    await stepOf("lease-W1")
    const job = attempts("W1")[0]?.event.body as { job: string; attempt: number; worker: string }
    const right = { job: job.job, attempt: job.attempt, worker: job.worker }
    for (const [verb, body] of [
      ["activated", { ...right, attempt: 2 }],
      ["activated", { ...right, job: "lease/W1/999" }],
      ["failed", { ...right, attempt: 7, message: "x", retryable: true }],
      ["heartbeat", { ...right, job: "resource/W1/1" }],
      ["started", { ...right, worker: "somebody else" }],
      ["stopped", { ...right, attempt: 2 }],
    ] as const)
      expect(await say(`lease/W1 ${verb}`, body), `${verb} ${JSON.stringify(body)}`).toMatchObject({
        outcome: "rejected",
        code: "stale",
      })
    expect(await say("lease/W1 activated", right, "other")).toMatchObject({ outcome: "rejected" })
    // Who speaks as somebody else than a worker, under a verb of workers, is not heard.
    for (const speaker of ["allocator", "system", "timer", "alice", "worker-"])
      for (const verb of ["activated", "stopped", "failed", "annotate"]) {
        const body =
          verb === "annotate" ? { set: { a: speaker } } : { ...right, message: "x", retryable: false }
        rogue.publish(`drydock.default.internal.lease.W1.${verb}.${speaker}`, JSON.stringify(body))
      }
    for (const garbage of [
      "{",
      "[]",
      "null",
      {},
      { ...right, more: 1 },
      { ...right, details: [] },
      { ...right, log: ["x".repeat(501)] },
    ])
      expect(await say("lease/W1 activated", garbage)).toMatchObject({ outcome: "rejected", code: "invalid" })
    expect(attempts("W1")).toHaveLength(1)
    const active = await on.lease("W1", "active")
    expect(active.context).toMatchObject({ notes: {}, details: { attempt: 1 } })
    // The same answer a second time, when it is over.
    expect(await say("lease/W1 activated", right)).toMatchObject({ outcome: "rejected", code: "stale" })
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
  })
})

describe("a host", () => {
  it("that is replaced while a job runs takes its answer", async () => {
    const { on } = stage
    await on.worker()
    const blueprint = await on.blueprint({}, { work: { silence: "12s" } })
    await on.request("H1", blueprint, { script: { activate: { ms: 2_500 } } })
    await stepOf("lease-H1")
    await on.host.stop()
    on.host = await startTestHost(on.server, { policies: on.policies })
    await on.lease("H1", "active")
    expect(attempts("H1")).toHaveLength(1)
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
  })

  it("that takes over orders again what waits for a worker and was lost with its stream", async () => {
    const { on } = stage
    const blueprint = await on.blueprint()
    const { id } = await on.request("H2", blueprint)
    await until(async () => (await waitingInWork()) === 1, "the job")
    await on.host.stop()
    const manager = await jetstreamManager(admin)
    await manager.streams.delete("DRYDOCK_DEFAULT_WORK")
    on.host = await startTestHost(on.server, { policies: on.policies })
    await on.host.host.active()
    await until(async () => (await waitingInWork()) === 1, "the job again")
    await on.worker()
    await on.lease(id, "active")
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
  })
})

async function waitingInWork(): Promise<number> {
  const manager = await jetstreamManager(admin)
  return (await manager.streams.info("DRYDOCK_DEFAULT_WORK")).state.messages
}

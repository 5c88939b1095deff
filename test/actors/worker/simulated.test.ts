// Host and workers in one process, on the log in memory, under a clock that only the test moves: what takes minutes in
// the world takes none here, and a connection breaks when the test says so.

import { afterEach, expect, it } from "vitest"
import { type Host, startHost } from "../../../src/actors/hosting/host.js"
import { openMemoryLog } from "../../../src/actors/log/memory-log.js"
import { MemoryServer } from "../../../src/actors/log/memory-server.js"
import { type MemoryWorkLink, openMemoryWorkLink } from "../../../src/actors/log/memory-work-link.js"
import type { WorkerReport } from "../../../src/actors/worker/reports.js"
import { Worker } from "../../../src/actors/worker/worker.js"
import { z } from "../../../src/blueprints/index.js"
import { defineBlueprint, type ResourceTask } from "../../../src/blueprints/work.js"
import type { TestRecord } from "../../support/person.js"
import { settled, VirtualClock } from "../../support/virtual-clock.js"

const stages: Simulation[] = []
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.end()
})

interface Running {
  readonly worker: Worker
  readonly link: MemoryWorkLink
  readonly reports: WorkerReport[]
}

class Simulation {
  readonly clock = new VirtualClock()
  readonly server = new MemoryServer({ yard: "default", clock: this.clock })
  readonly events: TestRecord[] = []
  readonly workers: Running[] = []
  /** What `allocate` does; by default it is done at once. */
  allocate: (task: ResourceTask<object>) => Promise<undefined> = async () => undefined
  readonly blueprint = defineBlueprint({
    policy: {
      type: "simulated",
      provides: "thing",
      description: "",
      config: z.strictObject({}),
      leasesPerResource: () => 1,
      leaseSlot: (resource: string, n: number) => `${resource},${n}`,
      activatesResourcesAtOnce: false,
      activatesLeasesAtOnce: true,
      cleansUpResources: true,
      cleansUpLeases: false,
    },
    work: { allocate: (task) => this.allocate(task), destroy: async () => {} },
  })
  host: Host | undefined

  static async start(work: object = {}): Promise<Simulation> {
    const stage = new Simulation()
    stages.push(stage)
    stage.server.subscribe("drydock.default.event.>", ({ data }) =>
      stage.events.push(JSON.parse(new TextDecoder().decode(data)) as TestRecord),
    )
    stage.host = await startHost({
      log: openMemoryLog(stage.server),
      yard: "default",
      policies: [stage.blueprint.policy],
      version: "test",
      clock: stage.clock,
    })
    await stage.clock.advance(10)
    await stage.say("blueprint/b create", { type: "simulated", config: {}, work })
    return stage
  }

  async worker(name: string): Promise<Running> {
    const { clock, server, blueprint } = this
    const link = openMemoryWorkLink(server)
    const reports: WorkerReport[] = []
    let ids = 0
    const worker = new Worker({
      link,
      clock,
      yard: "default",
      name,
      blueprints: [blueprint],
      newId: () => `${name}-${++ids}`,
      report: (report) => reports.push(report),
    })
    worker.start()
    await this.settle()
    const running = { worker, link, reports }
    this.workers.push(running)
    return running
  }

  async say(target: string, body: unknown = {}): Promise<void> {
    const [kind, id, verb] = target.split(/[/ ]/)
    await this.server.publish(`drydock.default.command.${kind}.${id}.${verb}.alice`, JSON.stringify(body))
    await this.settle()
  }

  /** Lets everything that can happen without time passing happen. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 40; turn++) await settled()
  }

  async wait(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      await this.clock.advance(Math.min(50, ms - passed))
      await this.settle()
    }
  }

  lease(id: string): TestRecord | undefined {
    return this.events.findLast((record) => record.kind === "lease" && record.id === id)
  }

  jobs(type: string): { readonly atMs: number; readonly worker: unknown; readonly attempt: unknown }[] {
    return this.events
      .filter(({ kind, event }) => kind === "resource" && event.type === type)
      .map(({ at, event }) => {
        const { worker, attempt } = event.body as { worker: unknown; attempt: unknown }
        return { atMs: Date.parse(at), worker, attempt }
      })
  }

  async end(): Promise<void> {
    const ending = [...this.workers.map(({ worker }) => worker.stop()), this.host?.stop()]
    await this.wait(20_000)
    await Promise.all(ending)
  }
}

it("does a job that takes ten minutes, with a heartbeat every eight seconds", async () => {
  const stage = await Simulation.start()
  await stage.worker("w1")
  stage.allocate = () => new Promise((resolve) => stage.clock.after(600_000, () => resolve(undefined)))
  await stage.say("lease/L1 request", { type: "thing" })
  await stage.wait(601_000)
  expect(stage.lease("L1")?.to).toBe("active")
  const beats = stage.jobs("heartbeat").map(({ atMs }) => atMs)
  expect(beats.length).toBeGreaterThanOrEqual(74)
  for (const [index, atMs] of beats.slice(1).entries())
    expect(atMs - (beats[index] ?? 0)).toBeLessThanOrEqual(8_100)
})

it("ends its work before the yard orders the next attempt when its connection breaks, and says nothing later", async () => {
  const stage = await Simulation.start({ silence: "24s" })
  const first = await stage.worker("first")
  let abortedMs = 0
  const { clock } = stage
  stage.allocate = (task) =>
    new Promise((_, reject) =>
      task.signal.addEventListener("abort", () => {
        abortedMs = clock.monotonicMs()
        reject(task.signal.reason)
      }),
    )
  await stage.say("lease/L1 request", { type: "thing" })
  expect(stage.jobs("started")).toMatchObject([{ worker: "first", attempt: 1 }])
  await stage.worker("second")
  const brokenMs = clock.monotonicMs()
  first.link.disconnect()
  await stage.wait(15_000)
  expect(abortedMs).toBe(0)
  await stage.wait(15_000)
  expect(abortedMs - brokenMs).toBeLessThanOrEqual(16_000)
  stage.allocate = async () => undefined
  await stage.wait(5_000)
  expect(stage.jobs("started").map(({ worker, attempt }) => ({ worker, attempt }))).toEqual([
    { worker: "first", attempt: 1 },
    { worker: "second", attempt: 2 },
  ])
  first.link.reconnect()
  await stage.wait(30_000)
  expect(first.reports.at(-1)).toMatchObject({ event: "ended", ending: "lost" })
  const [again] = stage.jobs("started").slice(1)
  expect((again?.atMs ?? 0) - Date.UTC(2026, 0, 1)).toBeGreaterThan(abortedMs)
})

it("waits out a yard that is away for less than its patience, and the answer arrives", async () => {
  const stage = await Simulation.start({ silence: "60s" })
  await stage.worker("w1")
  stage.allocate = () => new Promise((resolve) => stage.clock.after(10_000, () => resolve(undefined)))
  await stage.say("lease/L1 request", { type: "thing" })
  await stage.wait(5_000)
  await Promise.all([stage.host?.stop(), stage.wait(1_000)])
  await stage.wait(15_000)
  expect(stage.lease("L1")?.to).toBe("pending")
  stage.host = await startHost({
    log: openMemoryLog(stage.server),
    yard: "default",
    policies: [stage.blueprint.policy],
    version: "test",
    clock: stage.clock,
  })
  await stage.wait(20_000)
  expect(stage.lease("L1")?.to).toBe("active")
  expect(stage.jobs("started")).toHaveLength(1)
})

it("tells the blueprint within one turn of the yard's record that its lease was released", async () => {
  const stage = await Simulation.start()
  await stage.worker("w1")
  let reason: unknown
  stage.allocate = (task) =>
    new Promise((_, reject) =>
      task.signal.addEventListener("abort", () => {
        reason = task.signal.reason
        reject(reason)
      }),
    )
  await stage.say("lease/L1 request", { type: "thing" })
  const resource = stage.events.find(({ kind }) => kind === "resource")?.id
  await stage.say(`resource/${resource} release`)
  expect(reason).toMatchObject({
    name: "Interrupted",
    why: "cancelled",
    message: `resource ${resource} was released`,
  })
  await stage.settle()
  expect(stage.jobs("stopped")).toHaveLength(1)
})

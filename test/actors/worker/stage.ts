// A yard on a real nats-server with its accounts, the stand-in provider, and workers as they really are: in this
// process, or in processes of their own that a test can kill and stop.

import { afterAll, afterEach, beforeAll } from "vitest"
import { openNatsWorkLink } from "../../../src/actors/log/nats-work-link.js"
import type { WorkerReport } from "../../../src/actors/worker/reports.js"
import { Worker, type WorkerOptions } from "../../../src/actors/worker/worker.js"
import { type Json, type Outcome, type Person, startPerson, type TestRecord } from "../../support/person.js"
import { policies } from "../../support/policies.js"
import { startTestServer, type TestServer } from "../../support/server.js"
import { standIn } from "../../support/stand-in/blueprint.js"
import { type Provider, startProvider } from "../../support/stand-in/provider.js"
import { startTestHost, type TestHost } from "../../support/yard.js"

const POLICIES = [...policies, standIn().policy, standIn("other", "stuff").policy]

export interface TestWorker {
  readonly worker: Worker
  readonly reports: WorkerReport[]
  stop(graceMs?: number): Promise<void>
}

export class WorkStage {
  readonly #server: TestServer
  host: TestHost
  readonly alice: Person
  readonly provider: Provider
  readonly workers: TestWorker[] = []
  readonly policies = POLICIES
  #names = 0

  private constructor(server: TestServer, host: TestHost, alice: Person, provider: Provider) {
    this.#server = server
    this.host = host
    this.alice = alice
    this.provider = provider
  }

  static async start(): Promise<WorkStage> {
    const server = await startTestServer({ sync: "default" })
    const host = await startTestHost(server, { policies: POLICIES })
    await host.host.active()
    const alice = await startPerson(server.personOptions)
    return new WorkStage(server, host, alice, await startProvider())
  }

  get server(): TestServer {
    return this.#server
  }

  async worker(options: Partial<WorkerOptions> = {}): Promise<TestWorker> {
    const { servers, user, pass } = this.#server.workerOptions
    const link = await openNatsWorkLink({ url: servers, user, password: pass, yard: "default" })
    const reports: WorkerReport[] = []
    const report = (said: WorkerReport) => {
      reports.push(said)
      if (process.env.DRYDOCK_TEST_REPORTS) console.error(said)
    }
    const worker = new Worker({ link, yard: "default", blueprints: [standIn()], report, ...options })
    worker.start()
    const running: TestWorker = {
      worker,
      reports,
      stop: async (graceMs) => {
        await worker.stop(graceMs)
        await link.close()
      },
    }
    this.workers.push(running)
    return running
  }

  /** A blueprint of the stand-in provider: whatever it says wins over short times. */
  async blueprint(config: Json = {}, terms: Json = {}, type = "stand-in"): Promise<string> {
    const name = `bp${++this.#names}`
    const work = { firstDelay: "100ms", longestDelay: "1s", silence: "3s" }
    const body = { type, config: { folder: this.provider.folder, ...config }, limit: 8, work, ...terms }
    accepted(await this.alice.say(`blueprint/${name} create`, body))
    return name
  }

  async request(id: string, blueprint: string, attributes: Json = {}, type = "thing"): Promise<TestRecord> {
    return accepted(
      await this.alice.say(`lease/${id} request`, { type, blueprints: [blueprint], attributes }),
    )
  }

  lease(id: string, to: string, timeoutMs = 20_000): Promise<TestRecord> {
    return this.alice.seen(
      (record) => record.kind === "lease" && record.id === id && record.to === to,
      timeoutMs,
    )
  }

  /** All records of an object seen so far. */
  story(kind: string, id: string): TestRecord[] {
    return this.alice.events
      .map(({ record }) => record)
      .filter((record) => record.kind === kind && record.id === id)
  }

  /** Releases everything and waits until nothing is left, in the records and in the provider. */
  async clear(): Promise<void> {
    for (const kind of ["lease", "resource"]) {
      for (const record of await this.#living(kind)) await this.alice.say(`${kind}/${record.id} release`)
    }
    for (const kind of ["lease", "resource"])
      for (const { id } of await this.#living(kind))
        await this.alice.seen(
          (record) => record.kind === kind && record.id === id && record.to === "destroyed",
          30_000,
        )
  }

  async #living(kind: string): Promise<TestRecord[]> {
    const { items } = await this.alice.ask("list", { kind, limit: 1_000 })
    // The parser's edge of a test.
    return (items as TestRecord[]).filter(({ to }) => to !== "destroyed")
  }

  async end(): Promise<void> {
    for (const worker of this.workers.splice(0)) await worker.stop()
    await this.alice.close()
    await this.host.stop()
    await this.#server.stop()
    await this.provider.remove()
  }
}

/** A stage for the tests of one file. Workers that a test starts are stopped after it. */
export function workStage(): { readonly on: WorkStage } {
  let stage: WorkStage | undefined
  beforeAll(async () => {
    stage = await WorkStage.start()
  })
  afterEach(async () => {
    for (const worker of stage?.workers.splice(0) ?? []) await worker.stop()
  })
  afterAll(async () => {
    await stage?.end()
  })
  return {
    get on() {
      if (stage === undefined) throw new Error("the stage is set in beforeAll")
      return stage
    },
  }
}

export function accepted(outcome: Outcome): TestRecord {
  if (outcome.outcome !== "accepted" || outcome.record === undefined) throw new Error(JSON.stringify(outcome))
  return outcome.record
}

// Jobs are effects like follow-ups (rule 11): published until they lie in WORK, and found again by whoever takes over.

import { afterEach, expect, it } from "vitest"
import { type Host, startHost } from "../../../src/actors/hosting/host.js"
import { type MemoryLog, openMemoryLog } from "../../../src/actors/log/memory-log.js"
import { MemoryServer } from "../../../src/actors/log/memory-server.js"
import { jobOrder } from "../../../src/machines/job.js"
import { standIn } from "../../support/stand-in/blueprint.js"
import { settled, VirtualClock } from "../../support/virtual-clock.js"

const decoder = new TextDecoder()
const clock = new VirtualClock()
let server: MemoryServer
let host: Host
let log: MemoryLog
const logs: MemoryLog[] = []

afterEach(async () => {
  for (const one of logs.splice(0)) await one.close()
})

async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await settled()
}

async function wait(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await clock.advance(50)
    await settle()
  }
}

async function enter(name: string): Promise<void> {
  log = openMemoryLog(server)
  logs.push(log)
  host = await startHost({
    log,
    clock,
    host: name,
    yard: "default",
    policies: [standIn().policy],
    version: "test",
  })
  await wait(100)
}

async function yard(): Promise<void> {
  server = new MemoryServer({ yard: "default", clock })
  await enter("one")
  await say("blueprint/b create", { type: "stand-in", config: { folder: "/x" } })
}

async function say(target: string, body: unknown = {}): Promise<void> {
  const [kind, id, verb] = target.split(/[/ ]/)
  await server.publish(`drydock.default.command.${kind}.${id}.${verb}.alice`, JSON.stringify(body))
  await settle()
}

const inWork = () => server.stream("WORK")?.from(1) ?? []
const journal = () =>
  (server.stream("JOURNAL")?.from(1) ?? []).map(({ seq, headers, data }) => ({
    seq,
    sent: Number(headers?.["Drydock-Sent"]),
    record: JSON.parse(decoder.decode(data)) as { jobs: unknown[] },
  }))
const ordering = () => journal().find(({ record }) => record.jobs.length > 0)

it("a job lies in WORK as its record says it, marked with that record", async () => {
  await yard()
  await say("lease/L1 request", { type: "thing" })
  const [message, ...others] = inWork()
  expect(others).toEqual([])
  const order = jobOrder.parse(JSON.parse(decoder.decode(message?.data)))
  expect(order).toMatchObject({ kind: "resource", task: "allocate", type: "stand-in", attempt: 1 })
  expect(ordering()?.record.jobs).toEqual([order])
  expect(message?.subject).toBe(`drydock.default.work.stand-in.${order.job}`)
  expect(message?.headers).toEqual({ "Drydock-Cause": `${ordering()?.seq}.job` })
  await host.stop()
})

it("what is acknowledged never moves past a job that is not published yet", async () => {
  await yard()
  server.deleteStream("WORK")
  await say("lease/L1 request", { type: "thing" })
  const seq = ordering()?.seq ?? 0
  for (const id of ["n1", "n2"]) {
    await wait(300)
    await say(`network/${id} put`)
  }
  expect(journal().at(-1)?.sent).toBe(seq - 1)
  server.setUp()
  await wait(500)
  expect(inWork()).toHaveLength(1)
  await say("network/n3 put")
  expect(journal().at(-1)?.sent).toBeGreaterThanOrEqual(seq)
  await host.stop()
})

it("a host that takes over publishes what the one before could not, and twice is once", async () => {
  await yard()
  server.deleteStream("WORK")
  await say("lease/L1 request", { type: "thing" })
  log.disconnect()
  server.setUp()
  await enter("two")
  await wait(5_000)
  expect(host.role).toBe("active")
  expect(inWork()).toHaveLength(1)
  await host.stop()
  await enter("three")
  await wait(5_000)
  expect(inWork()).toHaveLength(1)
  await host.stop()
})

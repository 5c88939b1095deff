// Leases of things that workers build and set up, as a program holds them.

import { expect, test } from "vitest"
import { connect, type LogEntry, type WhyAnswer } from "../../src/client/index.js"
import { workStage } from "../actors/worker/stage.js"

const stage = workStage()

test("a lease is given when its workers are done, with what they told, and tells why it waits until then", async () => {
  await stage.on.worker()
  const blueprint = await stage.on.blueprint({ script: { allocate: { ms: 300 } } })
  await using yard = await connect({ url: stage.on.server.url, principal: "ada" })
  const told: WhyAnswer[] = []
  const lease = await yard.lease({
    type: "thing",
    blueprints: [blueprint],
    onWaiting: (why) => told.push(why),
  })
  expect(told[0]?.summary).toContain(`is being built for it by blueprint ${blueprint}`)
  expect(lease.resource.context.details).toMatchObject({
    at: expect.stringContaining(`resource-${lease.resource.id}`),
  })
  // What the lease's own worker told wins.
  expect(lease.details).toMatchObject({ at: expect.stringContaining(`lease-${lease.id}`), attempt: 1 })

  const adopted = await yard.attach(lease.id)
  expect(adopted.details).toEqual(lease.details)
  adopted.detach()
  await lease.release()
})

test("a quarantined thing is found, tried again and given up by a program", async () => {
  await stage.on.worker()
  const blueprint = await stage.on.blueprint({ script: { destroy: { terminal: true } } })
  await using yard = await connect({ url: stage.on.server.url, principal: "ada" })
  const lease = await yard.lease({ type: "thing", blueprints: [blueprint] })
  const { id } = lease.resource
  const stop = new AbortController()
  const heard: LogEntry[] = []
  const following = (async () => {
    const types = ["resource.quarantined", "resource.retried", "resource.abandoned"]
    for await (const entry of yard.log({ kind: "resource", id, types, follow: true, signal: stop.signal })) {
      heard.push(entry)
      if (heard.length === 1) await yard.retry("resource", id)
      if (heard.length === 3) await yard.abandon("resource", id, { reason: "the rack burnt" })
      if (heard.length === 4) stop.abort()
    }
  })()
  await lease.release()
  await yard.command("resource", id, "release")
  await following
  expect(heard.map(({ type }) => type)).toEqual([
    "resource.quarantined",
    "resource.retried",
    "resource.quarantined",
    "resource.abandoned",
  ])
  expect(heard[3]?.text).toBe("the rack burnt")
  expect((await yard.get("resource", id))?.to).toBe("destroyed")
})

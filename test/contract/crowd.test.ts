// What the page promises, for many at once: slots and lists in pages, the end of a crowded resource, the queue's limit.

import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "nats"
import { expect, onTestFinished, test } from "vitest"
import {
  accepted,
  current,
  ended,
  hold,
  makePool,
  publishRaw,
  rejected,
  resourceOf,
  settled,
  stage,
  story,
  type TestRecord,
} from "./stage.js"

const CROWD = 1_010
const LEASES_PER_HOST = 1_024
const on = stage(async (alice) => {
  await makePool(alice, 1, LEASES_PER_HOST)
  await makePool(alice, 1, 1, "narrow")
})
const names = Array.from({ length: CROWD }, (_, n) => `c${n}`)

test("a crowd of requests at once: each is served, each has a slot of its own, and tokens grow", async () => {
  const { alice } = on
  const body = { type: "host", blueprints: ["lab"] }
  await hold(alice, "opener", { blueprints: ["lab"] })
  const said = await Promise.all(
    names.map((id) => alice.say(`lease/${id} request`, body, { timeoutMs: 20_000 })),
  )
  const active: TestRecord[] = []
  for (const [n, outcome] of said.entries()) {
    accepted(outcome)
    active.push(
      await alice.seen(({ kind, id, to }) => kind === "lease" && id === names[n] && to === "active", 20_000),
    )
  }
  expect(new Set(active.flatMap(({ context }) => context.slots)).size).toBe(CROWD)
  expect(new Set(active.map(resourceOf)).size).toBe(1)
  const grants = alice.events.filter(
    ({ record }) => record.to === "active" && record.path.includes("acquired"),
  )
  const tokens = grants.map(({ record }) => Number(record.context.token))
  expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
})

test("more slots and more leases than one answer holds come in pages", async () => {
  const { alice } = on
  for (const [query, body] of [
    ["slots", { prefix: "almanac.host.lease(" }],
    ["list", { kind: "lease", state: "active", limit: 1_000 }],
  ] as const) {
    const seen: string[] = []
    let pages = 0
    for (let after: unknown = undefined; after !== null; pages++) {
      const page = await alice.ask(query, { ...body, ...(after === undefined ? {} : { after }) })
      for (const item of page.items as { key?: string; id?: string }[]) seen.push(String(item.key ?? item.id))
      after = page.next
    }
    expect(pages).toBeGreaterThan(1)
    expect(seen).toHaveLength(CROWD + 1)
    expect(new Set(seen).size).toBe(CROWD + 1)
  }
})

test("a resource with a thousand leases is released as a whole: all leases end before it does", async () => {
  const { alice } = on
  const resource = resourceOf(await current(alice, "lease/opener"))
  accepted(await alice.say(`resource/${resource} release`))
  const end = await alice.seen(
    ({ kind, id, to }) => kind === "resource" && id === resource && to === "destroyed",
    25_000,
  )
  for (const id of ["opener", ...names]) expect((await ended(alice, id)).at <= end.at).toBe(true)
  expect(await alice.ask("slots", { prefix: "almanac.host.lease(" })).toMatchObject({ items: [], next: null })
  for (const { sends } of story(alice, `resource/${resource}`)) expect(sends.length).toBeLessThanOrEqual(64)
})

test("1,024 different demands may wait for one type; one more is over-limit, and the others go on", async () => {
  const { alice } = on
  await hold(alice, "plug", { blueprints: ["narrow"] })
  await hold(alice, "sharer", { blueprints: ["lab"] })
  const ask = (n: number) =>
    alice.say(
      `lease/demand-${n} request`,
      { type: "host", blueprints: ["narrow", `other-${n}`] },
      { timeoutMs: 20_000 },
    )
  const said = await Promise.all(Array.from({ length: 1_024 }, (_, n) => ask(n)))
  for (const outcome of said) accepted(outcome)
  rejected(await ask(1_024), "over-limit")
  // A demand that waits already is no new one, and what can be served at once waits for nobody.
  accepted(await alice.say("lease/known request", { type: "host", blueprints: ["narrow", "other-7"] }))
  accepted(await alice.say("lease/free request", { type: "host", blueprints: ["lab"] }))
  accepted(await alice.say("lease/plug release"))
  await alice.seen(({ id, to }) => id === "demand-0" && to === "active")
})

test("a full queue says so in the PubAck, and nothing else: 10077", async () => {
  const { alice, yard } = on
  const nats = await connect(yard.server.hostOptions)
  onTestFinished(() => nats.close())
  const { streams } = await jetstreamManager(nats)
  const { config, state } = await streams.info("DRYDOCK_DEFAULT_COMMANDS")
  await streams.update(config.name, { max_msgs: state.messages })
  const ack = await publishRaw(alice, "drydock.default.command.network.full.put.alice", "{}", {
    "Drydock-Id": "full",
  })
  expect(ack.error).toMatchObject({ err_code: 10_077 })
  await streams.update(config.name, { max_msgs: config.max_msgs })
  await settled(alice)
  expect(await current(alice, "network/full")).toBe(null)
  expect(alice.outcomes.filter(({ subject }) => subject.endsWith(".full"))).toEqual([])
})

// Single messages of strangers in the journal, and what a host makes of them that reads the yard back.

import { connect, headers, type NatsConnection } from "nats"
import { afterEach, beforeEach, expect, test } from "vitest"
import { startChaosHost } from "../chaos/host.js"
import { type Json, type Person, startPerson, type TestRecord } from "../support/person.js"
import { startTestServer, type TestServer } from "../support/server.js"
import { startTestHost, type TestHost } from "../support/yard.js"

let server: TestServer
let host: TestHost
let person: Person
let stranger: NatsConnection
beforeEach(async () => {
  server = await startTestServer()
  host = await startTestHost(server)
  await host.host.active()
  person = await startPerson({ ...server.personOptions })
  stranger = await connect({ ...server.hostOptions })
})
afterEach(async () => {
  await stranger.close()
  await person.close()
  await host.stop()
  await server.stop()
})

/** Another host takes the yard over and reads it back. */
async function replaceHost(): Promise<void> {
  await host.stop()
  host = await startTestHost(server)
  await host.host.active()
}

async function append(record: Json & { kind: string; id: string }, after?: number): Promise<number> {
  const fence = headers()
  if (after !== undefined) fence.set("Nats-Expected-Last-Sequence", String(after))
  const subject = `drydock.default.journal.${record.kind}.${record.id}`
  const ack = await stranger.request(subject, JSON.stringify(record), { headers: fence, timeout: 5_000 })
  return ack.json<{ seq: number }>().seq
}

async function lease(id: string): Promise<TestRecord> {
  const { record } = (await person.ask("get", { kind: "lease", id })) as { record?: TestRecord }
  if (record === undefined) throw new Error(`there is no lease ${id}`)
  return record
}

test("a record with fields of the wrong type is void, and the yard goes on", async () => {
  await person.say("blueprint/lab create", { type: "almanac-service-host", config: { services: ["none"] } })
  await person.say("lease/L1 request", { type: "host" })
  const before = await lease("L1")
  await host.stop()
  const { seq = 0 } = await person.publish("lease/L1 release")
  await append({
    ...before,
    rev: 2,
    cause: { ...before.cause, command: seq },
    context: { ...before.context, slots: 5, build: "x", notes: null },
  })
  host = await startTestHost(server)
  await host.host.active()
  await person.seen(({ id, to }) => id === "L1" && to === "destroyed")
  expect(host.reports.map(({ event }) => event)).toContain("void-record")
})

test("a record about a command that did not exist stays void when that command has come", async () => {
  const { record } = await person.say("network/real put")
  const { lastSeq } = await host.log.commandFacts()
  await append({ ...record, kind: "network", id: "ghost", cause: { ...record?.cause, command: lastSeq + 3 } })
  // Refused, so that the host reads the journal back while the command does not exist.
  await person.say("network/other put")
  for (let n = 0; n < 5; n++)
    expect(await person.say("lease/nobody release")).toMatchObject({ code: "unknown-actor" })
  const ghost = { kind: "network", id: "ghost" }
  expect(await person.ask("get", ghost)).toMatchObject({ error: { code: "unknown-actor" } })
  await replaceHost()
  expect(await person.ask("get", ghost)).toMatchObject({ error: { code: "unknown-actor" } })
  await person.say("network/another put")
  await replaceHost()
  expect(await person.ask("get", ghost)).toMatchObject({ error: { code: "unknown-actor" } })
})

test("a record about a command to somebody else is void, and that command gets its own", async () => {
  const { record } = await person.say("network/real put")
  await host.stop()
  const said = person.say("network/mine put")
  // The same connection, so the stream has it before this.
  const { seq: other = 0 } = await person.publish("network/quiet remove")
  await append({ ...record, kind: "network", id: "theirs", cause: { ...record?.cause, command: other - 1 } })
  host = await startTestHost(server)
  expect(await said).toMatchObject({ outcome: "accepted", record: { id: "mine" } })
  expect(await person.ask("get", { kind: "network", id: "theirs" })).toHaveProperty("error")
})

test("a refusal that a dying host did not tell is told by the next one, also behind a stranger's message", async () => {
  await person.say("network/real put")
  await host.stop()
  await append({ kind: "network", id: "junk" })
  const refused = person.say("lease/nobody release")
  const accepted = person.say("network/fine put")
  const dying = startChaosHost(server, "default", { at: "after-append", count: 1 })
  expect(await dying.exited).toBe("SIGKILL")
  host = await startTestHost(server)
  expect(await refused).toMatchObject({ outcome: "rejected", code: "unknown-actor" })
  expect(await accepted).toMatchObject({ outcome: "accepted" })
})

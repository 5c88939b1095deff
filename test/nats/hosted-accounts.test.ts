// A loopback client without credentials against a running host: no header, reply subject, command id, message id,
// verb, subject or query makes the host write or say what only it may (architecture, rule 12).

import { jetstreamManager } from "@nats-io/jetstream"
import { connect, headers, type Msg, type NatsConnection } from "nats"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { COMMAND_ID, HOST_SENDERS, KINDS, OBJECT_ID, PRINCIPAL } from "../../src/machines/names.js"
import { registry } from "../../src/machines/registry.js"
import { makePool, type Person, startPerson, type TestRecord } from "../support/person.js"
import { startTestYard } from "../support/yard.js"
import { HOSTILE_HEADERS } from "./hostile-headers.js"
import { RawClient } from "./raw-client.js"

let yard: Awaited<ReturnType<typeof startTestYard>>
let alice: Person
let stranger: RawClient
/** The host's account: everything that is said there. */
let spy: NatsConnection
const heard: Msg[] = []

beforeAll(async () => {
  yard = await startTestYard()
  alice = await startPerson(yard.server.personOptions)
  await makePool(alice, 4)
  spy = await connect(yard.server.hostOptions)
  spy.subscribe("drydock.>", { callback: (_error, message) => void heard.push(message) })
  await spy.flush()
})
afterAll(async () => {
  await spy.close()
  await alice.close()
  await yard.stop()
})
beforeEach(async () => {
  heard.splice(0)
  stranger = await RawClient.connect(yard.server.port)
})
afterEach(async () => {
  stranger.close()
  expect(yard.host.role).toBe("active")
  const unwell = ["internal-fault", "void-record", "reload", "trouble", "commands-lost"]
  expect(yard.reports.filter((report) => unwell.includes(report.event))).toEqual([])
})

/** What an append of the host's carries for the server. */
const OWN_HEADERS = [
  "Nats-Expected-Last-Sequence",
  "Nats-Batch-Id",
  "Nats-Batch-Sequence",
  "Nats-Batch-Commit",
]

/** Resolves when the host has decided everything that the stranger sent, follow-ups included. */
async function decided(): Promise<void> {
  await stranger.settle()
  for (let turn = 0; turn < 100; turn += 1) {
    const before = await lastCommand()
    await alice.say("lease/Probe release")
    await spy.flush()
    // Nothing but the probe itself came in since: no follow-up is on its way.
    if ((await lastCommand()) === before + 1) return
  }
  throw new Error("the yard does not come to rest")
}

async function lastCommand(): Promise<number> {
  const manager = await jetstreamManager(spy)
  return (await manager.streams.info("DRYDOCK_DEFAULT_COMMANDS")).state.last_seq
}

/** What was said on a channel, without what `decided` and alice brought about. */
function said(channel: string): Msg[] {
  return heard.filter(
    (message) =>
      message.subject.startsWith(`drydock.default.${channel}.`) &&
      !/\.Probe(\.|$)|\.outcome\.alice\./.test(message.subject),
  )
}

describe("no header of a command", () => {
  const lists = HOSTILE_HEADERS.map((list, number) => ({
    list,
    id: `H${number}`,
    title: list.map(([name, value]) => `${name}: ${value.slice(0, 60)}`).join(", "),
  }))

  test("makes the host say more than the command's own records and outcome", async () => {
    for (const { list, id } of lists) {
      const subject = `drydock.default.command.lease.${id}.request.mallory`
      const body = JSON.stringify({ type: "host" })
      stranger.publish(subject, { headers: list, body, reply: "drydock.default.journal.lease.L1" })
      stranger.publish(`drydock.default.command.lease.${id}.release.mallory`, {
        headers: list,
        reply: "_INBOX.x",
      })
    }
    await decided()
    // Most of them are ordinary commands to the server, so all of this was decided, not refused on the way.
    const ended = said("journal").filter((message) => message.json<TestRecord>().path.includes("released"))
    expect(ended.length).toBeGreaterThan(50)

    const known = new Set(lists.map(({ id }) => id))
    for (const message of said("journal")) {
      const record = message.json<TestRecord>()
      expect(["lease", "resource"]).toContain(record.kind)
      if (record.kind === "lease") expect(known).toContain(record.id)
      if (!HOST_SENDERS.some((sender) => sender === record.cause.by)) expect(record.cause.by).toBe("mallory")
      expect(record.cause.id ?? "none").toMatch(COMMAND_ID)
      const servers = (message.headers?.keys() ?? []).filter((name) => /^(nats|kv)-/i.test(name))
      expect(servers.filter((name) => !OWN_HEADERS.includes(name))).toEqual([])
    }
    for (const message of said("internal")) {
      expect(message.headers?.get("Drydock-Cause")).toMatch(/^\d+\.\d+$/)
      expect(message.headers?.has("Nats-Msg-Id")).toBe(false)
      expect(message.subject.split(".").at(-1)).toMatch(/^(allocator|timer|system)$/)
    }
    for (const message of said("outcome")) {
      const [, , , principal, id, ...rest] = message.subject.split(".")
      expect([principal, id, rest]).toEqual(["mallory", expect.stringMatching(COMMAND_ID), []])
    }
    expect(said("work")).toEqual([])
  })

  test("not even an occupied message id keeps the host's follow-ups away", async () => {
    // Were follow-ups sent under their cause as message id, these would swallow them.
    const next = (await alice.ask("status")).journal
    for (let journal = Number(next); journal < Number(next) + 40; journal += 1) {
      for (const index of [0, 1]) {
        stranger.publish("drydock.default.command.lease.Occupied.renew.mallory", {
          headers: [["Nats-Msg-Id", `${journal}.${index}`]],
        })
      }
    }
    await decided()
    await alice.say("lease/F1 request", { type: "host" })
    await alice.seen((record) => record.kind === "lease" && record.id === "F1" && record.to === "active")
    await alice.say("lease/F1 release")
    await alice.seen((record) => record.kind === "lease" && record.id === "F1" && record.to === "destroyed")
  })
})

describe("no command", () => {
  const internalVerbs = KINDS.flatMap((kind) =>
    Object.keys(registry[kind].internal)
      .filter((verb) => !Object.hasOwn(registry[kind].bodies, verb))
      .map((verb) => ({ kind, verb })),
  )

  test.each(internalVerbs)("is heard as the yard's own: $kind $verb", async ({ kind, verb }) => {
    const target = kind === "yard" ? "default" : "L77"
    const outcome = await alice.say(`${kind}/${target} ${verb}`, { token: 1, rev: 1 })
    expect(outcome).toMatchObject({ outcome: "rejected", code: "invalid" })
    expect(said("journal")).toEqual([])
  })

  test.each([...HOST_SENDERS, "worker-almanac-service-host", "worker-x"])(
    "is taken from somebody who calls himself %s",
    async (name) => {
      stranger.subscribe("drydock.default.rejected.>")
      stranger.publish(`drydock.default.command.lease.L78.request.${name}`, { body: '{"type":"host"}' })
      await decided()
      expect(said("journal")).toEqual([])
      expect(stranger.messages.map((message) => message.subject)).toContain(
        "drydock.default.rejected.lease.L78",
      )
    },
  )

  const odd = [
    "__proto__",
    "constructor",
    "$JS",
    "toString",
    "journal",
    "ü",
    "-",
    "%2e",
    "a\u0000b",
    "x".repeat(500),
  ]
  test.each([
    ...odd.map((token) => `${token}.L1.request.mallory`),
    ...odd.map((token) => `lease.${token}.request.mallory`),
    ...odd.map((token) => `lease.L1.${token}.mallory`),
    ...odd.map((token) => `lease.L1.request.${token}`),
  ])("with odd tokens reaches a subject that it should not: %j", async (tokens) => {
    stranger.publish(`drydock.default.command.${tokens}`, {
      headers: [["Drydock-Id", "c1"]],
      body: '{"type":"host"}',
    })
    await decided()
    for (const message of [...said("outcome"), ...said("rejected"), ...said("journal")]) {
      const [, , channel, first = "", second = "", ...rest] = message.subject.split(".")
      expect(rest).toEqual([])
      if (channel === "outcome") {
        expect(first).toMatch(PRINCIPAL)
        expect(second).toMatch(COMMAND_ID)
      } else {
        expect([...KINDS, "_"]).toContain(first)
        expect(second === "_" || OBJECT_ID.test(second)).toBe(true)
      }
    }
  })

  const badIds = ["a.b", "a b", "*", ">", "", ".", "c1.journal", "x".repeat(65), "ü", "$JS", "a\tb"]
  test.each(badIds)("gets an outcome under an id outside the alphabet: %j", async (id) => {
    stranger.publish("drydock.default.command.lease.L79.release.mallory", { headers: [["Drydock-Id", id]] })
    await decided()
    expect(said("outcome")).toEqual([])
    expect(said("rejected")).toHaveLength(1)
  })

  test("with two ids gets two outcomes", async () => {
    const both = [
      ["Drydock-Id", "first"],
      ["Drydock-Id", "second"],
    ] as const
    stranger.publish("drydock.default.command.lease.L80.release.mallory", { headers: both })
    await decided()
    expect(said("outcome").filter((message) => message.subject.includes(".mallory."))).toHaveLength(1)
  })
})

describe("no query", () => {
  const names = [
    "get",
    "list",
    "slots",
    "commands",
    "history",
    "why",
    "events",
    "status",
    "__proto__",
    "constructor",
    "ü",
  ]
  const bodies = [
    {},
    { kind: "*", id: ">" },
    { kind: "lease", id: "*" },
    { kind: "lease", id: ">" },
    { kind: "lease.L1", id: "L2" },
    { kind: "__proto__", id: "constructor" },
    { kind: "lease", id: "L1", reply: "drydock.default.journal.lease.L1" },
    { kind: "lease", after: "drydock.default.internal.>", limit: -1 },
    { after: -1, limit: 1e9 },
    { after: 0, kind: "*", id: "*" },
    { atLeast: -1 },
    { prefix: "*" },
    [],
    null,
  ]

  test.each(names)("writes anything, or is answered elsewhere: %s", async (name) => {
    const subject = `drydock.default.query.${name}.mallory`
    const before = await lastCommand()
    for (const body of bodies) {
      const text = JSON.stringify(body)
      const answer = await stranger.request(subject, { body: text })
      // An answer, an error as the protocol has it, or nobody who knows this query.
      if (answer.body !== "") expect(JSON.parse(answer.body)).toEqual(expect.any(Object))
      for (const reply of [
        "drydock.default.journal.lease.L1",
        "drydock.default.internal.lease.L1.settle.allocator",
      ]) {
        stranger.publish(subject, { body: text, reply })
      }
    }
    for (const list of HOSTILE_HEADERS) stranger.publish(subject, { headers: list, reply: "_INBOX.x" })
    stranger.publish(subject, { body: "{" })
    stranger.publish(subject, { body: "x".repeat(1_000_000), reply: "_INBOX.x" })
    await alice.ask("status")
    await stranger.settle()
    await spy.flush()
    expect(await lastCommand()).toBe(before)
    for (const channel of ["journal", "internal", "command", "work", "outcome", "rejected"])
      expect(said(channel)).toEqual([])
  })

  test("names other actors by wildcard", async () => {
    for (const name of ["get", "history", "commands"]) {
      for (const id of ["*", ">", "L1.>", ""]) {
        const answer = await stranger.request(`drydock.default.query.${name}.mallory`, {
          body: JSON.stringify({ kind: "lease", id }),
        })
        expect(JSON.parse(answer.body)).toMatchObject({ error: { code: "invalid" } })
      }
    }
  })
})

test("what is written to the journal with the host's own credentials is void, and told", async () => {
  const carried = headers()
  carried.set("Drydock-Sent", "999999999")
  await spy.request("drydock.default.journal.lease.Forged", JSON.stringify({ v: 1, to: "active" }), {
    headers: carried,
    timeout: 5_000,
  })
  await alice.say("lease/F2 request", { type: "host" })
  await alice.seen((record) => record.kind === "lease" && record.id === "F2" && record.to === "active")
  expect(await alice.ask("get", { kind: "lease", id: "Forged" })).toMatchObject({
    error: { code: "unknown-actor" },
  })
  expect(yard.reports.map((report) => report.event)).toContain("void-record")
  yard.reports.splice(0)
})

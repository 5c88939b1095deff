// protocol.md, "Subjects" and the headers of "Command": who may say what under which subject, where the outcome goes,
// what the PubAck says, and what subscribers of `event` and `rejected` get.

import { connect } from "nats"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startTestHost, type TestHost } from "../support/yard.js"
import {
  accepted,
  current,
  hold,
  letGo,
  makePool,
  type Person,
  publishRaw,
  rejected,
  settled,
  stage,
  startPerson,
} from "./stage.js"

const on = stage(async (alice) => {
  await makePool(alice, 1)
  await hold(alice, "held")
})

describe("ids", () => {
  test.each(["a", "A-_9", "0", "constructor", "toString", "hasOwnProperty", "x".repeat(64)])(
    "%s is one",
    async (id) => {
      expect(accepted(await on.alice.say(`network/${id} put`))).toMatchObject({ kind: "network", id })
      expect(await current(on.alice, `network/${id}`)).toMatchObject({ id })
    },
  )

  test.each(["_a", "-a", "__proto__", "é", "a$b", "a=b", "L1:x", "x".repeat(65)])(
    "%s is none: invalid",
    async (id) => {
      const outcome = rejected(await on.alice.say(`network/${id} put`), "invalid")
      expect(outcome).toMatchObject({ actor: `network/${id}`, issues: [{ path: expect.any(String) }] })
    },
  )

  test("what is said of an id with a slash is told of nobody else", async () => {
    const { alice } = on
    await publishRaw(alice, "drydock.default.command.network.net/x.put.alice", "{}", {
      "Drydock-Id": "slash",
    })
    await settled(alice)
    expect(
      alice.rejected.filter(({ subject }) => subject === "drydock.default.rejected.network.net"),
    ).toEqual([])
    expect(alice.outcomes.find(({ subject }) => subject.endsWith(".slash"))?.body).toMatchObject({
      code: "invalid",
    })
  })
})

describe("kinds and verbs", () => {
  test.each(["widget", "Lease", "__proto__", "constructor", "leases"])(
    "the kind %s is invalid",
    async (kind) => {
      rejected(await on.alice.say(`${kind}/x put`), "invalid")
    },
  )

  test.each([
    "lease/x acquire",
    "lease/x __proto__",
    "lease/x constructor",
    "lease/x toString",
    "lease/x Release",
    "lease/x reclaim",
    "resource/x request",
    "blueprint/x remove",
    "device/x bind",
    "service/x enable",
    "network/x enable",
    "yard/default release",
  ])("%s is invalid", async (target) => {
    rejected(await on.alice.say(target), "invalid")
  })

  test.each([
    ["wake", { order: 1 }],
    ["expire", { timer: "until", at: "2020-01-01T00:00:00Z" }],
    ["activated", { token: 1 }],
    ["cleaned", { token: 1 }],
    ["destroy", {}],
    ["throw-back", { token: 1 }],
  ])("the internal verb %s is none for people, and touches no lease", async (verb, body) => {
    const { alice } = on
    const before = await current(alice, "lease/held")
    rejected(await alice.say(`lease/held ${verb}`, body), "invalid")
    expect(await current(alice, "lease/held")).toEqual(before)
  })

  test("taking the yard over is none for people", async () => {
    rejected(await on.alice.say("yard/default take-over", { host: "mallory", generation: 9 }), "invalid")
    expect(await current(on.alice, "yard/default")).toMatchObject({ context: { generation: 1 } })
  })

  test("a token with the release of another grant is no word of people", async () => {
    const { alice } = on
    await hold(alice, "tok")
    rejected(await alice.say("lease/tok release", { token: 1 }), "invalid")
    await letGo(alice, "tok")
  })
})

describe("principals", () => {
  test.each(["bob", "B0-b", "0", "x".repeat(32), "constructor", "worker", "systems", "workers"])(
    "%s may speak",
    async (as) => {
      const record = accepted(await on.alice.say(`lease/by-${as} request`, { type: "host" }, { as }))
      expect(record).toMatchObject({ context: { by: as }, cause: { by: as } })
      accepted(await on.alice.say(`lease/by-${as} release`, {}, { as }))
    },
  )

  test.each(["-a", "a_b", "é", "x".repeat(33), "__proto__"])(
    "%s is no principal: invalid, and told to nobody but `rejected`",
    async (as) => {
      const { alice } = on
      const id = `by${alice.rejected.length}`
      await publishRaw(alice, `drydock.default.command.network.${id}.put.${as}`, "{}", {
        "Drydock-Id": `o-${id}`,
      })
      await settled(alice)
      expect(alice.rejected.find(({ subject }) => subject.endsWith(`.${id}`))?.body).toMatchObject({
        code: "invalid",
      })
      expect(alice.outcomes.filter(({ subject }) => subject.endsWith(`.o-${id}`))).toEqual([])
    },
  )

  test("on `internal` only the yard's own names are heard", async () => {
    const nats = await connect(on.yard.server.hostOptions)
    const { alice } = on
    await nats.request(
      "drydock.default.internal.lease.held.release.mallory",
      JSON.stringify({ token: 1, code: "x" }),
    )
    await settled(alice)
    expect(alice.rejected.at(-2)?.body ?? alice.rejected.at(-1)?.body).toMatchObject({
      code: "forbidden",
      actor: "lease/held",
    })
    await nats.close()
  })
})

describe("`rejected`", () => {
  test("carries every rejection, with the actor in its subject and the outcome as body", async () => {
    const { alice } = on
    const outcome = await alice.say("network/nobody remove")
    await alice.nc.flush()
    expect(alice.rejected.find(({ body }) => body.command === outcome.command)).toEqual({
      subject: "drydock.default.rejected.network.nobody",
      body: outcome,
    })
  })

  test("is said also of a command that asked for no outcome", async () => {
    const { alice } = on
    const { seq } = await publishRaw(alice, "drydock.default.command.network.quiet.remove.alice")
    await settled(alice)
    const told = alice.rejected.filter(({ body }) => body.command === seq)
    expect(told).toEqual([
      {
        subject: "drydock.default.rejected.network.quiet",
        body: expect.objectContaining({ code: "unknown-actor" }),
      },
    ])
  })

  test("is not said of what is accepted or repeated", async () => {
    const { alice } = on
    const before = alice.rejected.length
    accepted(await alice.say("network/calm put"))
    accepted(await alice.say("network/calm put"))
    await alice.nc.flush()
    expect(alice.rejected).toHaveLength(before)
  })

  test("changes nothing and is not stored: the journal stands where it stood", async () => {
    const { alice } = on
    const { journal: before } = await alice.ask("status")
    rejected(await alice.say("network/nobody remove"), "unknown-actor")
    rejected(await alice.say("network/nobody put", { colour: "red" }), "invalid")
    expect((await alice.ask("status")).journal).toBe(before)
  })
})

describe("Drydock-Id", () => {
  test.each(["a", "_", "-", "A_b-9", "x".repeat(64)])(
    "%s gets its outcome on the principal's subject",
    async (id) => {
      const { alice } = on
      const outcome = await alice.say("network/net put", {}, { id, as: "carol" })
      expect(alice.outcomes).toContainEqual({ subject: `drydock.default.outcome.carol.${id}`, body: outcome })
      expect(accepted(outcome).kind).toBe("network")
    },
  )

  test("stands in the cause of the record", async () => {
    const record = accepted(await on.alice.say("network/caused put", {}, { id: "my-own_id" }))
    expect(record.cause).toMatchObject({
      id: "my-own_id",
      verb: "put",
      by: "alice",
      command: expect.any(Number),
    })
  })

  test.each(["", "a.b", "a b", "*", ">", "é", "x".repeat(65), "../x"])(
    "%j is malformed: no outcome, and the command is decided",
    async (id) => {
      const { alice } = on
      const before = alice.outcomes.length
      const name = `odd${before}`
      await publishRaw(alice, `drydock.default.command.network.${name}.put.alice`, "{}", { "Drydock-Id": id })
      await settled(alice)
      expect(alice.outcomes.slice(before).map(({ body }) => body.actor)).toEqual(["network/settled"])
      expect(await current(alice, `network/${name}`)).toMatchObject({ rev: 1, cause: { id: null } })
    },
  )

  test("is optional: without it no outcome is sent, and the command is decided", async () => {
    const { alice } = on
    const before = alice.outcomes.length
    await publishRaw(alice, "drydock.default.command.network.silent.put.alice")
    await settled(alice)
    expect(alice.outcomes.slice(before).map(({ body }) => body.actor)).toEqual(["network/settled"])
    expect(await current(alice, "network/silent")).toMatchObject({ rev: 1, cause: { id: null } })
  })
})

describe("the PubAck", () => {
  test("says where in the queue the command stands, which is the `command` of its outcome", async () => {
    const { alice } = on
    const ack = await publishRaw(alice, "drydock.default.command.network.acked.put.alice", "{}", {
      "Drydock-Id": "acked",
    })
    expect(ack).toEqual({ stream: "DRYDOCK_DEFAULT_COMMANDS", seq: expect.any(Number) })
    await settled(alice)
    const outcome = alice.outcomes.find(({ subject }) => subject.endsWith(".acked"))?.body
    expect(outcome?.command).toBe(ack.seq)
    expect(outcome?.record?.cause.command).toBe(ack.seq)
  })

  test("of a repeated Nats-Msg-Id says duplicate: the repetition is swallowed", async () => {
    const { alice } = on
    const subject = "drydock.default.command.network.once.put.alice"
    const first = await publishRaw(alice, subject, '{"name":"one.example"}', { "Nats-Msg-Id": "m-4711" })
    const again = await publishRaw(alice, subject, '{"name":"two.example"}', {
      "Nats-Msg-Id": "m-4711",
      "Drydock-Id": "swallowed",
    })
    expect(again).toMatchObject({ duplicate: true, seq: first.seq })
    await settled(alice)
    expect(await current(alice, "network/once")).toMatchObject({ rev: 1, context: { name: "one.example" } })
    expect(alice.outcomes.filter(({ subject: at }) => at.endsWith(".swallowed"))).toEqual([])
  })

  test("is the only one to tell of a body beyond 64 KiB and 4 KiB of headers", async () => {
    const { alice } = on
    const heard = alice.outcomes.length + alice.rejected.length
    const body = `{"properties":{"x":"${"x".repeat(70_000)}"}}`
    const ack = await publishRaw(alice, "drydock.default.command.device.big.put.alice", body, {
      "Drydock-Id": "big",
    })
    expect(ack.error).toMatchObject({ err_code: 10_054, description: expect.any(String) })
    await settled(alice)
    // What was heard since then is about the command that followed.
    expect(alice.outcomes.length + alice.rejected.length).toBe(heard + 2)
  })
})

describe("a body of 64 KiB", () => {
  const bodyOf = (bytes: number) => {
    const [head, tail] = ['{"interfaces":{},"properties":{"x":"', '"}}']
    return `${head}${"x".repeat(bytes - head.length - tail.length)}${tail}`
  }

  test("is taken", async () => {
    const record = accepted(await on.alice.say("device/full put", bodyOf(65_536)))
    expect(record.context.properties).toEqual({ x: expect.stringMatching(/^x{65000,}$/) })
  })

  test("and one byte, which the stream lets by when there are few headers, is over-limit", async () => {
    rejected(await on.alice.say("device/over put", bodyOf(65_537)), "over-limit")
    expect(await current(on.alice, "device/over")).toBe(null)
  })
})

describe("events", () => {
  test("carry the journal's sequence and the subject's previous one", async () => {
    const { alice } = on
    accepted(await alice.say("network/seen put"))
    accepted(await alice.say("network/other put"))
    accepted(await alice.say("network/seen remove"))
    await alice.seen(({ id, to }) => id === "seen" && to === "removed")
    const [first, second] = alice.events.filter(({ record }) => record.id === "seen")
    expect(first).toMatchObject({ subject: "drydock.default.event.network.seen", last: 0 })
    expect(second?.last).toBe(first?.seq)
    expect(second?.seq).toBe((first?.seq ?? 0) + 2)
  })

  test("carry the headers of the journal's message, the caller's traceparent among them", async () => {
    const { alice } = on
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    accepted(await alice.say("network/traced put", {}, { headers: { traceparent } }))
    await alice.seen(({ id }) => id === "traced")
    const event = alice.events.find(({ record }) => record.id === "traced")
    expect(event?.headers?.get("traceparent")).toBe(traceparent)
    expect(Number(event?.headers?.get("Drydock-Sent"))).toBeLessThan(event?.seq ?? 0)
    expect(event?.headers?.get("Nats-Expected-Last-Sequence")).toBe(String((event?.seq ?? 0) - 1))
  })
})

describe("another yard", () => {
  let other: TestHost
  let zoe: Person
  beforeAll(async () => {
    other = await startTestHost(on.yard.server, { yard: "my-2nd-yard" })
    await other.host.active()
    zoe = await startPerson(on.yard.server.personOptions, "zoe", "my-2nd-yard")
  })
  afterAll(async () => {
    await zoe?.close()
    await other?.stop()
  })

  test("has streams of its own name, upper case and with _ for -", async () => {
    expect(await zoe.publish("network/net put")).toMatchObject({ stream: "DRYDOCK_MY_2ND_YARD_COMMANDS" })
  })

  test("has objects of its own under the same ids", async () => {
    await makePool(zoe, 1)
    const record = await hold(zoe, "held")
    expect(record).toMatchObject({ yard: "my-2nd-yard", context: { by: "zoe" } })
    const { alice } = on
    expect(alice.events.filter(({ record: seen }) => seen.yard !== "default")).toEqual([])
    expect(await current(alice, "lease/zoes")).toBe(null)
  })
})

// protocol.md: what a command's headers do, where its outcome goes, what its PubAck says, and what subscribers of
// `event` and `rejected` get.

import { describe, expect, test } from "vitest"
import { accepted, current, publishRaw, rejected, settled, stage } from "./stage.js"

const on = stage()

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

// protocol.md, "Subjects": ids, kinds, verbs and principals, each in its alphabet, and who may say what.

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

// A mistake in Drydock itself: a record is decided, and the yard cannot take it in. That costs one reading back and that
// one command, never the yard.

import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { AnyPolicy } from "../../../src/blueprints/blueprint.js"
import { policies } from "../../support/policies.js"
import { Stage } from "./stage.js"

let stage: Stage
beforeEach(() => {
  stage = new Stage()
})
afterEach(() => stage.leave())

/** Its policy fails, while it is broken, where a record is taken in and a resource has leases. */
class Faulty {
  broken = true
  readonly policies: readonly AnyPolicy[] = policies.map((policy) => ({
    ...policy,
    bind: (config) => {
      const bound = policy.bind(config)
      if ("issues" in bound) return bound
      const isBroken = () => this.broken && /placeOf/.test(new Error("where").stack ?? "")
      return {
        policy: {
          ...bound.policy,
          get leasesPerResource() {
            if (isBroken()) throw new Error("a mistake in this policy")
            return bound.policy.leasesPerResource
          },
        },
      }
    },
  }))
}

const reportsOf = (index: number, event: string) =>
  stage.hosts[index]?.reports.filter((report) => report.event === event) ?? []

describe("when the yard cannot take in the record of", () => {
  test("a follow-up, it reads back once, does without it, says so, and goes on", async () => {
    const faulty = new Faulty()
    await stage.enter("a", undefined, undefined, { policies: faulty.policies })
    await stage.pool(2)
    await stage.say("lease/L1 request", { type: "host" })
    await stage.clock.advance(10_000)
    expect(reportsOf(0, "reload")).toHaveLength(1)
    expect(reportsOf(0, "internal-fault").length).toBeGreaterThan(1)
    expect(reportsOf(0, "internal-fault").length).toBeLessThan(5)
    expect(await stage.say("network/n1 put")).toMatchObject({ outcome: "accepted" })
    expect(await stage.ask("get", { kind: "lease", id: "L1" })).toMatchObject({ record: { to: "pending" } })
    // What was due is still due: a host without the mistake does it.
    faulty.broken = false
    const stopped = stage.hosts[0]?.host.stop()
    await stage.clock.advance(100)
    await stopped
    await stage.enter("b", undefined, undefined, { policies: faulty.policies })
    await stage.clock.advance(3_000)
    expect(await stage.ask("get", { kind: "lease", id: "L1" })).toMatchObject({ record: { to: "active" } })
  })

  test("a client's command, it reads back once and refuses that command", async () => {
    const faulty = new Faulty()
    faulty.broken = false
    await stage.enter("a", undefined, undefined, { policies: faulty.policies })
    await stage.pool(1)
    await stage.say("lease/L1 request", { type: "host" })
    await stage.say("lease/L1 release")
    faulty.broken = true
    // Its resource is there and idle: the request itself is granted.
    await stage.publish("lease/L2 request", { type: "host" }, "broken")
    await stage.clock.advance(3_000)
    expect(stage.outcomes.get("broken")).toMatchObject({ outcome: "rejected", code: "internal" })
    expect(reportsOf(0, "reload")).toHaveLength(1)
    expect(await stage.say("network/n1 put")).toMatchObject({ outcome: "accepted" })
  })

  test("a timer, it is not fired at full speed for ever", async () => {
    const faulty = new Faulty()
    faulty.broken = false
    await stage.enter("a", undefined, undefined, { policies: faulty.policies })
    await stage.pool(1)
    await stage.say("blueprint/lab configure", {
      type: "almanac-service-host",
      config: { services: ["pool"], leasesPerHost: 2 },
    })
    await stage.say("lease/L1 request", { type: "host" })
    await stage.say("lease/L2 request", { type: "host", ttl: "10s" })
    faulty.broken = true
    const before = stage.server.stream("COMMANDS")?.facts().lastSeq ?? 0
    await stage.clock.advance(60_000)
    expect(reportsOf(0, "reload").length).toBeLessThanOrEqual(1)
    expect((stage.server.stream("COMMANDS")?.facts().lastSeq ?? 0) - before).toBeLessThan(10)
  })
})

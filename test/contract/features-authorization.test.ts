// Who may use a blueprint (reference, 6.1 and F77–F81): requested on first use, approved or declined, explained to who
// waits, and never taken from who holds.

import { afterEach, describe, expect, test } from "vitest"
import { create, inPool } from "./pool.js"
import { accepted, current, isLease, makePool, releaseAll, stage } from "./stage.js"

const on = stage()
const { becomesActive } = inPool(on)
afterEach(() => releaseAll(on.alice))

async function closed(name: string, access: "approval" | readonly string[]): Promise<void> {
  await makePool(on.alice, 1, undefined, name)
  accepted(
    await on.alice.say(`blueprint/${name} configure`, { ...create({ services: [`${name}-pool`] }), access }),
  )
}

async function asks(id: string, blueprint: string, as = "bob") {
  return accepted(
    await on.alice.say(`lease/${id} request`, { type: "host", blueprints: [blueprint] }, { as }),
  )
}

async function decisions(blueprint: string) {
  return (await current(on.alice, `blueprint/${blueprint}`))?.context.authorizations
}

const requested = (blueprint: string) =>
  on.alice.seen(
    (record) => record.kind === "blueprint" && record.id === blueprint && record.event.type === "ask",
  )

describe("a blueprint that is open by approval", () => {
  test("has a request of whoever asks first, once, and the lease waits", async () => {
    await closed("first", "approval")
    expect(await asks("first-1", "first")).toMatchObject({
      to: "pending",
      context: { waiting: { code: "unauthorized" } },
    })
    const record = await requested("first")
    expect(record.context.authorizations).toEqual({
      bob: { state: "requested", by: "bob", at: record.at, requestedAt: record.at },
    })
    await asks("first-2", "first")
    await asks("first-3", "first", "carol")
    await on.alice.seen(
      ({ id, context }) => id === "first" && "carol" in ((context.authorizations as object) ?? {}),
    )
    const asked = on.alice.events.filter(
      ({ record: { id, event } }) => id === "first" && event.type === "ask",
    )
    expect(asked.map(({ record: { event } }) => (event.body as { principal: string }).principal)).toEqual([
      "bob",
      "carol",
    ])
  })

  test("serves who waits as soon as it is approved, with who and when on record", async () => {
    await closed("yes", "approval")
    const lease = await asks("yes-1", "yes")
    const before = await requested("yes")
    const record = accepted(await on.alice.say("blueprint/yes authorize", { principal: "bob" }))
    expect(record.context.authorizations).toEqual({
      bob: { state: "authorized", by: "alice", at: record.at, requestedAt: before.at },
    })
    expect((await becomesActive(lease.id)).context.by).toBe("bob")
  })

  test("serves nobody who is declined, and the decision stays when he asks again", async () => {
    await closed("no", "approval")
    await asks("no-1", "no")
    await requested("no")
    accepted(await on.alice.say("blueprint/no decline", { principal: "bob" }))
    const decided = await decisions("no")
    expect(await asks("no-2", "no")).toMatchObject({ to: "pending" })
    for (const id of ["no-1", "no-2"]) expect((await current(on.alice, `lease/${id}`))?.to).toBe("pending")
    // Also when the blueprint is configured, disabled and enabled meanwhile.
    accepted(
      await on.alice.say("blueprint/no configure", {
        ...create({ services: ["no-pool"] }, 3),
        access: "approval",
      }),
    )
    for (const verb of ["disable", "enable"]) accepted(await on.alice.say(`blueprint/no ${verb}`))
    await asks("no-3", "no")
    expect(await decisions("no")).toEqual(decided)
    const record = accepted(await on.alice.say("blueprint/no authorize", { principal: "bob" }))
    expect(record.context.authorizations).toMatchObject({ bob: { state: "authorized", by: "alice" } })
    for (const id of ["no-1", "no-2", "no-3"]) await becomesActive(id)
  })

  test("says to who waits which blueprint lacks whose approval, and what would help", async () => {
    await closed("why", "approval")
    await asks("why-1", "why")
    expect(await on.alice.ask("why", { id: "why-1" })).toMatchObject({
      summary: "bob is not authorized on blueprint why yet",
      considered: [{ blueprint: "why", code: "unauthorized" }],
      unblock: ["authorize the principal on blueprint why"],
    })
    accepted(await on.alice.say("blueprint/why decline", { principal: "bob" }))
    expect(await on.alice.ask("why", { id: "why-1" })).toMatchObject({
      summary: "alice declined bob on blueprint why",
      considered: [{ blueprint: "why", code: "declined" }],
    })
  })

  test("leaves who holds his lease when the approval is taken back, and gives him no other", async () => {
    await closed("back", "approval")
    accepted(await on.alice.say("blueprint/back authorize", { principal: "bob" }))
    await asks("back-1", "back")
    await becomesActive("back-1")
    accepted(await on.alice.say("blueprint/back decline", { principal: "bob" }))
    accepted(await on.alice.say("lease/back-1 renew", { ttl: "1h" }, { as: "bob" }))
    expect((await current(on.alice, "lease/back-1"))?.to).toBe("active")
    expect(await asks("back-2", "back")).toMatchObject({ to: "pending" })
    accepted(await on.alice.say("blueprint/back authorize", { principal: "bob" }))
    await becomesActive("back-2")
  })

  test("is passed over for one that serves at once", async () => {
    await closed("shut", "approval")
    await makePool(on.alice, 1, undefined, "open")
    accepted(
      await on.alice.say(
        "lease/over-1 request",
        { type: "host", blueprints: ["shut", "open"] },
        { as: "bob" },
      ),
    )
    const record = await becomesActive("over-1")
    expect(await current(on.alice, `resource/${record.context.resource}`)).toMatchObject({
      context: { blueprint: "open" },
    })
  })
})

test("a blueprint for a list serves those on it and keeps out all others", async () => {
  await closed("listed", ["alice"])
  await asks("listed-1", "listed", "alice")
  await becomesActive("listed-1")
  expect(await asks("listed-2", "listed")).toMatchObject({ context: { waiting: { code: "unauthorized" } } })
  accepted(await on.alice.say("blueprint/listed decline", { principal: "alice" }))
  expect(await asks("listed-3", "listed", "alice")).toMatchObject({ to: "pending" })
})

test("a decision about somebody who never asked counts when he does", async () => {
  await closed("early", "approval")
  accepted(await on.alice.say("blueprint/early authorize", { principal: "dave" }))
  const record = await asks("early-1", "early", "dave")
  await on.alice.seen((seen) => isLease(seen, record.id) && seen.to === "active")
  const { dave } = (await decisions("early")) as { dave: object }
  expect(dave).toMatchObject({ state: "authorized" })
  expect(dave).not.toHaveProperty("requestedAt")
})

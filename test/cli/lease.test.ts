import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { EXAMPLE, startYard, type Yard } from "./drydock.js"

let yard: Yard

beforeAll(async () => {
  yard = await startYard()
  await yard.drydock(["apply", EXAMPLE])
})
afterEach(() => yard.drydock(["release", "--all", "--yes"]))
afterAll(async () => {
  await yard.stop()
  await yard.remove()
})

const lease = async (...more: string[]) =>
  (await yard.drydock(["lease", "--type", "host", ...more])).stdout.trim()

describe("lease", () => {
  it("puts the id alone on stdout and the transitions on stderr", async () => {
    const ended = await yard.drydock(["lease", "--type", "host"])
    expect(ended.stdout).toMatch(/^[A-Za-z0-9-]+_[a-z0-9]{10}\n$/)
    expect(ended.stderr).toContain("● active")
    expect(ended.code).toBe(0)
  })

  it("asks for several: all or none", async () => {
    const two = await yard.drydock(["lease", "--type", "host", "--count", "2"])
    expect(two.stdout.trim().split("\n")).toHaveLength(2)
    await yard.drydock(["release", "--all", "--yes"])
    const three = await yard.drydock(["lease", "--type", "host", "--count", "3", "--wait", "1s"])
    expect(three.code).toBe(75)
    expect(three.stdout).toBe("")
    expect(await yard.json(["ls", "leases"])).toMatchObject({ items: [] })
  })

  it("says why it waits, and releases what it asked for on Ctrl-C", async () => {
    await lease("--count", "2")
    const waiting = yard.start(["lease", "--type", "host"])
    await waiting.line(/waits: position 1 .*in use/, "stderr")
    waiting.child.kill("SIGINT")
    const ended = await waiting.ended
    expect(ended.code).toBe(130)
    expect(ended.stdout).toBe("")
    expect((await yard.json(["ls", "leases", "--state", "pending"])).items).toEqual([])
  })

  it("gets what somebody releases", async () => {
    const [first = ""] = (await lease("--count", "2")).split("\n")
    const waiting = yard.start(["lease", "--type", "host", "--json"])
    await waiting.line(/"event":"waiting"/)
    await yard.drydock(["release", first])
    const lines = (await waiting.ended).stdout.trim().split("\n")
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({
      event: "leased",
      leases: [{ state: "active", attributes: { transport: "local" } }],
    })
  })

  it("does not wait with --no-wait, and `why` explains what it waits for", async () => {
    await lease("--count", "2")
    const id = await lease("--no-wait")
    const why = await yard.json(["why", id])
    expect(why).toMatchObject({ id, state: "pending", position: 1 })
    const text = (await yard.drydock(["why"])).stdout
    expect(text).toContain(id)
    expect(text).toMatch(/because .*in use/)
    expect(text).toMatch(/would help +release lease/)
  })

  it("tells a typo (78) from an exhausted pool (75)", async () => {
    await lease("--count", "2")
    const busy = await yard.drydock(["lease", "--type", "host", "--wait", "500ms"])
    expect(busy.code).toBe(75)
    const typo = await yard.drydock(["lease", "--type", "hots", "--wait", "500ms"])
    expect(typo.code).toBe(78)
    const blueprint = await yard.drydock(["lease", "--type", "host", "--blueprint", "localhorst"])
    expect(blueprint.code).toBe(78)
    expect(blueprint.stderr).toContain("spelled alike: localhost")
  })

  it("takes attributes as text, from a file and from stdin", async () => {
    const given = await lease("--attributes", '{"for":"test"}')
    const piped = (
      await yard.drydock(["lease", "--type", "host", "--attributes", "-"], { input: '{"for":"stdin"}' })
    ).stdout.trim()
    expect(await yard.json(["show", given])).toMatchObject({
      record: { context: { attributes: { for: "test" } } },
    })
    expect(await yard.json(["show", piped])).toMatchObject({
      record: { context: { attributes: { for: "stdin" } } },
    })
  })
})

describe("what is held", () => {
  it("is renewed from now, and shows its end", async () => {
    const id = await lease("--ttl", "5m")
    const before = (await yard.json(["show", id])).record
    const ended = await yard.drydock(["renew", id, "--ttl", "2h"])
    expect(ended.stdout).toContain(id)
    const after = (await yard.json(["show", id])).record
    expect(JSON.stringify(after)).not.toBe(JSON.stringify(before))
    expect(ended.stdout).toMatch(/in 1 h 59 min|in 2 h/)
  })

  it("without an end is not renewed without saying how long", async () => {
    const id = await lease()
    const ended = await yard.drydock(["renew", id])
    expect(ended.code).toBe(64)
    expect(ended.stderr).toContain(`do    drydock renew ${id} --ttl 1h`)
  })

  it("is listed for people and for programs", async () => {
    const id = await lease()
    expect((await yard.drydock(["ls"])).stdout).toMatch(new RegExp(`^${id}\\tactive\\thost\\t`, "m"))
    expect((await yard.drydock(["ls", "-q"])).stdout).toBe(`${id}\n`)
    expect((await yard.drydock(["ls", "slots"])).stdout).toContain(`lease/${id}`)
  })

  it("carries notes", async () => {
    const id = await lease()
    expect((await yard.drydock(["annotate", `lease/${id}`, "build=4411", "who=me"])).stdout).toContain(
      "build = 4411",
    )
    await yard.drydock(["annotate", `lease/${id}`, "build="])
    expect(await yard.json(["show", id])).toMatchObject({ record: { context: { notes: { who: "me" } } } })
  })

  it("shows its commands with their outcome, and its history", async () => {
    const id = await lease()
    await yard.drydock(["release", id])
    const shown = await yard.drydock(["show", `lease/${id}`])
    expect(shown.stdout).toMatch(/request +\S+ +accepted/)
    expect(shown.stdout).toMatch(/HISTORY\n.*pending → acquired → ● active.*\n.*destroyed/)
    expect(await yard.json(["commands", `lease/${id}`])).toMatchObject({
      items: [{ verb: "request" }, { verb: "release" }],
    })
  })

  it("is released all at once only with a yes", async () => {
    await lease("--count", "2")
    const asked = await yard.drydock(["release", "--all"])
    expect(asked.code).toBe(64)
    expect(asked.stderr).toContain("add --yes")
    expect((await yard.drydock(["ls", "-q"])).stdout.trim().split("\n")).toHaveLength(2)
    expect((await yard.drydock(["release", "--all", "--yes"])).code).toBe(0)
    expect((await yard.drydock(["ls", "-q"])).stdout).toBe("")
  })

  it("answers for every id, and fails with the first failure", async () => {
    const id = await lease()
    const ended = await yard.drydock(["release", "nobody_x", id, "--json"])
    expect(ended.code).toBe(66)
    expect(JSON.parse(ended.stdout)).toMatchObject({
      error: { code: "unknown-actor" },
      items: [{ id, to: "destroyed" }],
      errors: [{ id: "nobody_x" }],
    })
  })
})

describe("administration", () => {
  it("disables a binding and enables it again", async () => {
    await yard.drydock(["service", "disable", "pool", "b"])
    const id = await lease()
    const second = await yard.drydock(["lease", "--type", "host", "--wait", "500ms"])
    expect(second.code).toBe(75)
    expect(second.stderr + (await yard.drydock(["why", id])).stdout).toBeTruthy()
    expect((await yard.drydock(["service", "enable", "pool"])).code).toBe(0)
    expect((await yard.drydock(["lease", "--type", "host", "--wait", "5s"])).code).toBe(0)
  })

  it("disables a blueprint, and says so to who asks", async () => {
    await yard.drydock(["blueprint", "disable", "localhost"])
    const waiting = yard.start(["lease", "--type", "host"])
    await waiting.line(/disabled/, "stderr")
    await yard.drydock(["blueprint", "enable", "localhost"])
    expect((await waiting.ended).code).toBe(0)
  })

  it("ends a resource with the leases on it", async () => {
    const id = await lease()
    const resource = String(Object((await yard.json(["show", id])).record).context.resource)
    expect((await yard.drydock(["resource", "reclaim", resource])).code).toBe(1)
    const asked = await yard.drydock(["resource", "release", resource])
    expect(asked.code).toBe(64)
    expect(asked.stderr).toMatch(
      new RegExp(`needs-confirmation: release resource ${resource} and the 1 lease on it needs a yes\n`),
    )
    expect(asked.stderr).toContain(`lease ${id} of `)
    const ended = await yard.drydock(["resource", "release", resource, "--reason", "maintenance", "--yes"])
    expect(ended.code).toBe(0)
    expect((await yard.drydock(["ls", "-q"])).stdout).toBe("")
  })

  it("ends a resource that nobody uses without asking", async () => {
    const id = await lease()
    const resource = String(Object((await yard.json(["show", id])).record).context.resource)
    await yard.drydock(["release", id])
    expect((await yard.drydock(["resource", "release", resource])).code).toBe(0)
  })

  it("watches one object from its beginning", async () => {
    const id = await lease()
    const watching = yard.start(["watch", `lease/${id}`, "--after", "0", "--json"])
    await watching.line(/"to":"active"/)
    await yard.drydock(["release", id])
    await watching.line(/"to":"destroyed"/)
    watching.child.kill("SIGINT")
    expect((await watching.ended).code).toBe(0)
  })
})

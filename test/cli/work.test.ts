// Operators and work that takes time: what is stuck, asked for, suspended, drained or reclaimed, by the built command.

import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { connect, type Drydock, type LeaseRecord, LOG_TYPES } from "../../src/client/index.js"
import { logEntries } from "../../src/client/log/entries.js"
import { workStage } from "../actors/worker/stage.js"
import { drydock, type Ended, type RunOptions, start } from "./drydock.js"

const stage = workStage()
let yard: Drydock

const options = (): RunOptions => ({
  cwd: stage.on.provider.folder,
  env: { DRYDOCK_NATS_URL: stage.on.server.url, DRYDOCK_PRINCIPAL: "ada" },
})
const run = (...args: string[]): Promise<Ended> => drydock(args, options())
const json = async (...args: string[]): Promise<Record<string, unknown>> =>
  JSON.parse((await run(...args, "--json")).stdout)

/** A lease of ada's, active. */
async function held(id: string, blueprint: string, script = {}): Promise<LeaseRecord> {
  await stage.on.request(id, blueprint, { script })
  await stage.on.lease(id, "active")
  const record = await yard.get("lease", id)
  if (record === undefined) throw new Error(`there is no lease ${id}`)
  return record
}

async function resourceOf(id: string): Promise<string> {
  return (await yard.get("lease", id))?.context.resource ?? ""
}

function until(
  kind: "lease" | "resource",
  id: string,
  condition: (record: Awaited<ReturnType<typeof seen>>) => boolean,
) {
  return stage.on.alice.seen((one) => one.kind === kind && one.id === id && condition(one))
}
const seen = () => stage.on.alice.seen(() => true)

beforeAll(async () => {
  yard = await connect({ url: stage.on.server.url, principal: "ada" })
})

afterAll(async () => {
  await yard.close()
})

describe("the log", () => {
  it("tells the life of a lease and of its resource in words, output of its jobs included", async () => {
    await stage.on.worker()
    const blueprint = await stage.on.blueprint({ script: { allocate: { lines: 2 } } })
    await held("story", blueprint, { activate: { failTimes: 1 } })
    const resource = await resourceOf("story")
    await run("annotate", "lease/story", "build=4411")
    await run("release", "story", "--reason", "done")
    await stage.on.lease("story", "destroyed")

    const told = await run("log", "lease/story", "--json")
    const types = told.stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).type]))
    expect(types).toEqual([
      "lease.queued",
      "lease.waiting-for-activation",
      "lease.acquired",
      "lease.job-ordered",
      "lease.job-started",
      "lease.activation-yield",
      "lease.job-ordered",
      "lease.job-started",
      "lease.activated",
      "lease.annotated",
      "lease.released",
      "lease.job-ordered",
      "lease.job-started",
      "lease.destroyed",
    ])
    const text = (await run("log", "lease/story")).stdout
    expect(text).toMatch(
      /lease\.activation-yield +activate, attempt 1 of 5 failed: as the script says, attempt 1 of 1; tried again at /,
    )
    expect(text).toMatch(/lease\.annotated +by ada: build = 4411/)
    expect(text).toMatch(/lease\.released +released: done/)

    const built = (await run("log", `resource/${resource}`)).stdout
    expect(built).toMatch(/resource\.job-output +line 1\b/)
    expect(built).toMatch(/resource\.job-output +line 2\b/)
    expect(built).not.toContain("heartbeat")
  })

  it("is filtered by kind, time and type, and cut to the newest", async () => {
    const all = (await run("log")).stdout.trim().split("\n")
    expect((await run("log", "--limit", "3")).stdout.trim().split("\n")).toEqual(all.slice(-3))
    expect((await run("log", "--until", "1h")).stderr).toContain("nothing of this is in the log")
    const some = (await run("log", "leases", "--type", "lease.acti", "--since", "1h")).stdout
      .trim()
      .split("\n")
    expect(some.length).toBeGreaterThan(1)
    for (const line of some) expect(line).toMatch(/lease\/\S+ +lease\.activat/)
    const ancestor = await run("log", "--type", "core.lease.activation-yield")
    expect(ancestor.stdout.trim().split("\n")).toHaveLength(1)
    const wrong = await run("log", "--type", "lease.aquired")
    expect(wrong).toMatchObject({ code: 64, stderr: expect.stringContaining("lease.acquired") })
    expect((await run("log", "--since", "yesterday")).code).toBe(64)
    expect((await run("log", "story", "--limit", "1")).stdout).toContain("lease/story")
    expect((await run("log", "lease/nobody")).code).toBe(66)
  })

  it("goes on with what happens, until Ctrl-C", async () => {
    await stage.on.worker()
    const following = start(["log", "lease", "--follow", "--limit", "1"], options())
    await following.line(/lease\//)
    const blueprint = await stage.on.blueprint()
    await held("followed", blueprint)
    await following.line(/lease\/followed +lease\.activated/)
    following.child.kill("SIGINT")
    expect((await following.ended).code).toBe(0)
    await stage.on.clear()
  })
})

describe("what is stuck", () => {
  it("is listed, counted and shown; retry tries it again, abandon gives it up after a yes", async () => {
    await stage.on.worker()
    const blueprint = await stage.on.blueprint({ script: { destroy: { terminal: true } } })
    await held("stays", blueprint)
    const id = await resourceOf("stays")
    await run("resource", "release", id, "--yes")
    await until("resource", id, ({ context }) => context.quarantine !== null)

    expect((await run("ls", "resources", "--stuck", "-q")).stdout).toBe(`${id}\n`)
    expect((await run("ls", "resources", "--stuck")).stdout).toContain("quarantined: clean-up-failed")
    expect((await run("status")).stdout).toMatch(/look at +1 quarantined/)
    expect(await json("status")).toMatchObject({ attention: { quarantined: 1 } })
    expect((await run("show", `resource/${id}`)).stdout).toMatch(
      /quarantine +clean-up-failed .*: as the script says/,
    )
    expect((await run("log", "--type", "resource.quarantined")).stdout).toContain("clean-up-failed")

    expect((await run("__complete", "--", "retry", "")).stdout).toMatch(
      new RegExp(`^resource/${id}\tas the script`),
    )

    const again = await run("retry", `resource/${id}`)
    expect(again).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("destroy 1/5 waits for a worker"),
    })
    await until("resource", id, ({ context, rev }) => context.quarantine !== null && rev > 8)

    expect(await run("abandon", id)).toMatchObject({ code: 64, stderr: expect.stringContaining("--yes") })
    const gone = await run("abandon", id, "--yes", "--reason", "the rack is gone")
    expect(gone).toMatchObject({ code: 0, stdout: expect.stringContaining("destroyed") })
    expect((await run("log", `resource/${id}`)).stdout).toContain("resource.abandoned")
    expect((await run("status")).stdout).not.toContain("quarantined")
  })

  it("is a lease, too: why names the commands that help", async () => {
    await stage.on.worker()
    const blueprint = await stage.on.blueprint()
    await held("dirty", blueprint, { release: { terminal: true } })
    await run("release", "dirty")
    await until("lease", "dirty", ({ context }) => context.quarantine !== null)
    const why = (await run("why", "dirty")).stdout
    expect(why).toContain("clean-up-failed")
    expect(why).toContain("drydock retry lease/dirty")
    expect((await run("ls", "leases", "--stuck", "-q")).stdout).toBe("dirty\n")
    expect((await run("abandon", "lease/dirty", "--yes")).code).toBe(0)
    await stage.on.lease("dirty", "destroyed")
    await stage.on.clear()
  })

  it("is refused where nothing is stuck", async () => {
    await stage.on.worker()
    const blueprint = await stage.on.blueprint()
    await held("fine", blueprint)
    const refused = await run("retry", "lease/fine")
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain("nothing is stuck")
    expect((await run("retry", `blueprint/${blueprint}`)).code).toBe(64)
    expect((await run("retry", "lease/nobody")).code).toBe(66)
    expect((await run("ls", "devices", "--stuck")).code).toBe(64)
    expect(await json("ls", "leases", "--stuck")).toMatchObject({ items: [] })
    await stage.on.clear()
  })

  it("is a blueprint whose builds fail: it is suspended, and enabling it helps", async () => {
    await stage.on.worker()
    const script = { allocate: { terminal: true } }
    const blueprint = await stage.on.blueprint({ script }, { suspendAfter: 1 })
    await stage.on.request("hopes", blueprint)
    await stage.on.alice.seen(({ id, context }) => id === blueprint && context.suspended != null)
    const why = (await run("why", "hopes")).stdout
    expect(why).toMatch(/suspended/)
    expect(why).toContain(`drydock blueprint enable ${blueprint}`)
    expect((await run("blueprint", "ls", "--stuck")).stdout).toMatch(
      new RegExp(`${blueprint}.*suspended: 1 builds failed`),
    )
    expect((await run("blueprint", "show", blueprint)).stdout).toMatch(
      /suspended +since .*as the script says/,
    )
    expect(await json("status")).toMatchObject({ attention: { suspended: 1 } })
    await run("release", "hopes")
    await run("blueprint", "enable", blueprint)
    expect(await json("status")).toMatchObject({ attention: { suspended: 0 } })
    expect((await run("log", `blueprint/${blueprint}`)).stdout).toMatch(/blueprint\.suspended/)
  })
})

describe("why", () => {
  it("says that its resource is being built, by whom, and how far that is", async () => {
    await stage.on.worker()
    const blueprint = await stage.on.blueprint({ script: { allocate: { hang: "heeding" } } })
    await stage.on.request("builds", blueprint)
    await stage.on.alice.seen(({ kind, cause }) => kind === "resource" && cause.verb === "started")
    const why = (await run("why", "builds")).stdout
    expect(why).toMatch(/because +resource \w+ is being built for it by blueprint/)
    expect(why).toMatch(/work +allocate, attempt 1 of 5: running on \S+ since /)
    expect((await run("ls", "resources")).stdout).toContain("allocate 1/5 running")
    await stage.on.clear()
  })

  it("says until when a blueprint pauses after a build that failed", async () => {
    await stage.on.worker()
    const work = { firstDelay: "1h", longestDelay: "1h" }
    const blueprint = await stage.on.blueprint({ script: { allocate: { terminal: true } } }, { work })
    await stage.on.request("pauses", blueprint)
    await stage.on.alice.seen(({ id, context }) => id === blueprint && typeof context.retryAt === "string")
    const why = (await run("why", "pauses")).stdout
    expect(why).toMatch(/builds again at 20\S+, because .*as the script says/)
    expect(why).toContain(`drydock log blueprint/${blueprint}`)
    expect(await json("status")).toMatchObject({ attention: { pausing: 1 } })
    await stage.on.clear()
  })

  it("says which resource is to make room, and the command that makes it do so now", async () => {
    const tell = (
      kind: "device" | "service" | "blueprint" | "network",
      id: string,
      verb: string,
      body: object,
    ) => yard.command(kind, id, verb, body)
    await tell("network", "net", "put", {})
    const eth0 = { network: "net", address: "127.0.0.1", transport: "local" }
    await tell("device", "d1", "put", { interfaces: { eth0 } })
    await tell("service", "p1", "put", {
      type: "drydock.pool",
      bindings: { b1: { device: "d1", interface: "eth0" } },
    })
    for (const id of ["one", "two"])
      await tell("blueprint", id, "create", {
        type: "almanac-service-host",
        config: { services: ["p1"], leasesPerHost: 1 },
        immunity: "1h",
      })
    await stage.on.request("first", "one", {}, "host")
    await stage.on.lease("first", "active")
    const resource = await resourceOf("first")
    await run("release", "first")
    await stage.on.request("second", "two", {}, "host")
    await until("lease", "second", ({ context }) => context.waiting?.code === "reclaiming")
    const why = (await run("why", "second")).stdout
    expect(why).toContain(`resource ${resource} is to make room for it`)
    expect(why).toContain(`drydock resource reclaim ${resource}`)
    expect((await run("log", "lease/second")).stdout).toMatch(/lease\.waiting-for-reclamation/)
    expect((await run("log", `resource/${resource}`)).stdout).toMatch(
      /resource\.reclaim +lease second needs its room/,
    )
    await run("resource", "reclaim", resource)
    await stage.on.lease("second", "active")
    await stage.on.clear()
  })
})

describe("authorizations", () => {
  it("are asked for, listed, approved and declined; whoever waits for one is served", async () => {
    await stage.on.worker()
    const blueprint = await stage.on.blueprint({}, { access: "approval" })
    await stage.on.request("guest", blueprint)
    await stage.on.alice.seen(
      ({ id, context }) => id === blueprint && JSON.stringify(context).includes("requested"),
    )

    const asked = await run("authorization", "ls", "--state", "requested")
    expect(asked.stdout).toMatch(new RegExp(`${blueprint}\talice\trequested`))
    expect(await json("status")).toMatchObject({ attention: { requested: 1 } })
    const why = (await run("why", "guest")).stdout
    expect(why).toContain("alice is not authorized")
    expect(why).toContain(`drydock authorization approve ${blueprint} alice`)

    const approved = await run("authorization", "approve", blueprint, "alice", "zoe")
    expect(approved.code).toBe(0)
    expect(approved.stdout).toContain("alice may use it")
    expect(approved.stderr).toContain("zoe had not asked")
    await stage.on.lease("guest", "active")

    await run("authorization", "decline", blueprint, "alice")
    expect((await yard.get("lease", "guest"))?.to).toBe("active")
    const { items } = await json("authorization", "ls", "--blueprint", blueprint)
    expect(items).toMatchObject([
      { principal: "alice", state: "declined", by: "ada" },
      { principal: "zoe", state: "authorized", by: "ada" },
    ])
    expect((await run("log", `blueprint/${blueprint}`)).stdout).toMatch(
      /authorization-requested +alice asks to use it/,
    )
    await stage.on.clear()
  })

  it("for a blueprint that is not there, or for no name, are refused", async () => {
    const unknown = await run("authorization", "approve", "nowhere", "ada", "--json")
    expect(unknown.code).toBe(66)
    expect(JSON.parse(unknown.stdout).error.code).toBe("unknown-actor")
    expect((await run("authorization", "approve", "nowhere", "a b")).code).toBe(64)
    expect((await run("authorization", "ls", "--state", "asked")).code).toBe(64)
  })
})

describe("reclaim and drain", () => {
  it("reclaim ends what nobody uses, and says of the rest who does", async () => {
    await stage.on.worker()
    const blueprint = await stage.on.blueprint()
    await held("uses", blueprint)
    await held("leaves", blueprint)
    const [used, idle] = [await resourceOf("uses"), await resourceOf("leaves")]
    await run("release", "leaves")
    await stage.on.lease("leaves", "destroyed")

    const dry = await run("reclaim", "--dry-run")
    expect(dry.stdout).toContain(`resource/${idle}  would be reclaimed`)
    expect(dry.stdout).toContain(`resource/${used}  in use by uses`)
    expect((await run("reclaim")).code).toBe(64)
    const done = await json("reclaim", "--yes")
    expect(done.items).toMatchObject([
      { resource: idle, became: "reclaimed" },
      { resource: used, became: "in use", leases: ["uses"] },
    ])
    await until("resource", idle, ({ to }) => to === "destroyed")
    expect((await run("log", `resource/${idle}`)).stdout).toMatch(/resource\.reclaim +reclaimed by ada/)
    await stage.on.clear()
  })

  it("drain lets a lease finish, then ends its resource; of a blueprint it says first what it means", async () => {
    await stage.on.worker()
    const blueprint = await stage.on.blueprint()
    await held("last", blueprint)
    const id = await resourceOf("last")
    const drained = await run("drain", `resource/${id}`)
    expect(drained.stdout).toContain("ends after its last lease")
    expect((await run("ls", "resources")).stdout).toMatch(new RegExp(`${id}.*draining`))

    const asked = await run("drain", `blueprint/${blueprint}`)
    expect(asked.code).toBe(64)
    expect(asked.stderr).toContain(`blueprint ${blueprint} gives nothing new; 1 resource`)
    expect((await run("drain", `blueprint/${blueprint}`, "--yes")).stdout).toContain("disabled")
    expect((await yard.get("lease", "last"))?.to).toBe("active")
    await run("release", "last")
    await until("resource", id, ({ to }) => to === "destroyed")
    expect((await run("drain", "lease/last")).code).toBe(64)
  })
})

it("every record of all this has its words in the log, of a type that the page knows", async () => {
  let after = 0
  for (;;) {
    const { items, next, journal } = await yard.query("events", { after, limit: 500 })
    for (const event of items)
      for (const { type, text } of logEntries(event)) {
        expect(LOG_TYPES).toContain(type)
        expect(text).not.toBe("")
      }
    after = next ?? journal
    if (items.length === 0 || after >= journal) break
  }
  expect(after).toBeGreaterThan(100)
})

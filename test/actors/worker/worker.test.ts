// A worker in this process, a host and a real nats-server with its accounts.

import { describe, expect, it } from "vitest"
import { standIn } from "../../support/stand-in/blueprint.js"
import { isAlive } from "./alive.js"
import { workStage } from "./stage.js"
import { until } from "./until.js"

const stage = workStage()

describe("a worker", () => {
  it("builds, sets up, cleans up and destroys, and what it told stands with the lease", async () => {
    const { on } = stage
    await on.worker()
    const blueprint = await on.blueprint({ script: { allocate: { lines: 3, notes: { cache: "warm" } } } })
    await on.request("L1", blueprint)
    const active = await on.lease("L1", "active")
    const resource = String(active.context.resource)
    expect(active.context.details).toMatchObject({ at: `${on.provider.folder}/things/lease-L1`, attempt: 1 })
    expect(await on.provider.inventory()).toEqual(["lease-L1", `resource-${resource}`])
    const built = on.story("resource", resource).findLast(({ to }) => to === "active")
    expect(built?.context).toMatchObject({ notes: { cache: "warm" }, details: { attempt: 1 } })
    expect(built?.context.log).toMatchObject([{ line: "line 1" }, { line: "line 2" }, { line: "line 3" }])
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
    expect(await on.provider.clashes()).toEqual([])
  })

  it("stops at once when the lease is released while it is set up, and then cleans up", async () => {
    const { on } = stage
    const { reports } = await on.worker()
    const blueprint = await on.blueprint({}, { work: { silence: "30s" } })
    await on.request("L2", blueprint, { script: { activate: { ms: 60_000 } } })
    await until(
      async () => (await on.provider.begun()).some((line) => line.includes(" lease-L2 make ")),
      "it runs",
    )
    const [pid] = ((await on.provider.begun()).find((line) => line.includes(" lease-L2 make ")) ?? "").split(
      " ",
    )
    const startMs = performance.now()
    await on.alice.say("lease/L2 release")
    await until(
      () => reports.some((report) => report.event === "ended" && report.ending === "stopped"),
      "its stop",
    )
    // Not at the next heartbeat (ten seconds later), but as soon as the record of the release is heard.
    expect(performance.now() - startMs).toBeLessThan(5_000)
    expect(isAlive(Number(pid))).toBe(false)
    await on.lease("L2", "destroyed")
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
    expect(await on.provider.clashes()).toEqual([])
  })

  it("tries again after failures that may pass, later each time, and gives up on others", async () => {
    const { on } = stage
    await on.worker()
    const blueprint = await on.blueprint()
    await on.request("L3", blueprint, { script: { activate: { failTimes: 2 } } })
    const active = await on.lease("L3", "active")
    expect(active.context.details).toMatchObject({ attempt: 3 })
    const [first = 0, second = 0, third = 0] = on
      .story("lease", "L3")
      .filter(({ event }) => event.type === "started")
      .map(({ at }) => Date.parse(at))
    expect(second - first).toBeGreaterThanOrEqual(75)
    expect(third - second).toBeGreaterThanOrEqual(150)
    const hopeless = await on.blueprint({ script: { activate: { terminal: true } } }, { limit: 1 })
    await on.request("L4", hopeless)
    await until(() => on.story("lease", "L4").some(({ event }) => event.type === "failed"), "its failure")
    const failed = on.story("lease", "L4").find(({ event }) => event.type === "failed")
    expect(failed?.event.body).toMatchObject({
      retryable: false,
      message: "as the script says, for good",
      attempt: 1,
    })
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
  })

  it("tells in pieces what became of a program: phase, command, exit, output", async () => {
    const { on } = stage
    await on.worker()
    const blueprint = await on.blueprint({ script: { activate: { exit: 3 } } }, { work: { attempts: 1 } })
    await on.request("P1", blueprint)
    await until(() => on.story("lease", "P1").some(({ event }) => event.type === "failed"), "its failure")
    const failed = on.story("lease", "P1").find(({ event }) => event.type === "failed")
    expect(failed?.event.body).toMatchObject({
      retryable: true,
      message: "/bin/sh exited with 3: on purpose",
    })
    expect(failed?.context.details).toEqual({
      failure: {
        phase: "activate",
        command: "/bin/sh -c echo on purpose >&2; exit 3",
        exit: 3,
        signal: null,
        output: "on purpose\n",
      },
    })
    await on.clear()
  })

  it("says that a resource is lost, and the lease is served by another one", async () => {
    const { on } = stage
    await on.worker()
    const blueprint = await on.blueprint({ script: { activate: { lostTimes: 1 } } })
    await on.request("G1", blueprint)
    const active = await on.lease("G1", "active")
    const [first] = on.story("lease", "G1").flatMap(({ context }) => context.resource ?? [])
    expect(active.context.resource).not.toBe(first)
    const broken = on.story("resource", String(first)).find(({ to }) => to === "broken")
    expect(broken?.context.reason).toMatchObject({ message: "as the script says, it is gone" })
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
    expect(await on.provider.clashes()).toEqual([])
  })

  it("refuses garbage that a blueprint returns, with a reason that a person understands", async () => {
    const { on } = stage
    await on.worker()
    const blueprint = await on.blueprint({ script: { activate: { garbage: true } } })
    await on.request("L5", blueprint)
    await until(() => on.story("lease", "L5").some(({ event }) => event.type === "failed"), "its failure")
    const failed = on.story("lease", "L5").find(({ event }) => event.type === "failed")
    expect(failed?.event.body).toMatchObject({
      retryable: false,
      message: "activate returned something else than a JSON object of at most 16 KiB",
    })
    await on.clear()
  })

  it("is heard all the while, with the output of the job, and ends what takes longer than it may", async () => {
    const { on } = stage
    await on.worker()
    const blueprint = await on.blueprint(
      { script: { activate: { lines: 120, hang: "heeding" } } },
      { work: { silence: "1500ms", limit: "2s", attempts: 1, firstDelay: "100ms" }, limit: 1 },
    )
    await on.request("L6", blueprint)
    await until(() => on.story("lease", "L6").some(({ event }) => event.type === "failed"), "its failure")
    const beats = on.story("lease", "L6").filter(({ event }) => event.type === "heartbeat")
    expect(beats.length).toBeGreaterThanOrEqual(2)
    const log = beats[0]?.context.log as { line: string }[]
    expect(log).toHaveLength(50)
    expect(log[0]?.line).toBe("… 71 lines left out")
    expect(log.at(-1)?.line).toBe("line 120")
    const failed = on.story("lease", "L6").find(({ event }) => event.type === "failed")
    expect(failed?.event.body).toMatchObject({ retryable: true, message: "activate took longer than 2 s" })
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
  })

  it("says nothing about an attempt whose code does not heed its end: the yard counts it as dead", async () => {
    const { on } = stage
    const { reports } = await on.worker()
    const blueprint = await on.blueprint(
      { script: { activate: { notes: { it: "hangs" }, hang: "deaf" } } },
      { work: { silence: "1500ms", firstDelay: "100ms" } },
    )
    await on.request("L7", blueprint)
    await until(() => on.story("lease", "L7").some(({ event }) => event.type === "annotate"), "its beginning")
    await on.alice.say("lease/L7 release")
    await until(() => reports.some(({ event }) => event === "unheeded"), "the report")
    await on.lease("L7", "destroyed")
    expect(on.story("lease", "L7").some(({ event }) => event.type === "stopped")).toBe(false)
    await on.clear()
  })

  it("does as many jobs at once as it may, and all of them in the end", async () => {
    const { on } = stage
    const { worker } = await on.worker({ concurrency: 2 })
    const blueprint = await on.blueprint({ script: { allocate: { ms: 150 } } })
    let most = 0
    const watch = setInterval(() => {
      most = Math.max(most, worker.running)
    }, 5)
    const ids = ["A1", "A2", "A3", "A4", "A5"]
    for (const id of ids) await on.request(id, blueprint)
    for (const id of ids) await on.lease(id, "active")
    clearInterval(watch)
    expect(most).toBe(2)
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
    expect(await on.provider.clashes()).toEqual([])
  })

  it("gets no job of a blueprint type that it does not have", async () => {
    const { on } = stage
    const { reports } = await on.worker()
    const other = await on.blueprint({}, {}, "other")
    const mine = await on.blueprint()
    await on.request("O1", other, {}, "stuff")
    await on.request("O2", mine)
    await on.lease("O2", "active")
    expect(on.story("lease", "O1").at(-1)?.to).toBe("pending")
    expect(reports.flatMap((report) => (report.event === "begun" ? [report.order.type] : []))).not.toContain(
      "other",
    )
    await on.worker({ blueprints: [standIn("other", "stuff")] })
    await on.lease("O1", "active")
    await on.clear()
  })

  it("lets what runs come to its end when it stops, or ends it when there is no time, and others go on", async () => {
    const { on } = stage
    const blueprint = await on.blueprint()
    const patient = await on.worker()
    await on.request("S1", blueprint, { script: { activate: { ms: 1_000 } } })
    await until(
      async () => (await on.provider.begun()).some((line) => line.includes(" lease-S1 make ")),
      "it runs",
    )
    await patient.stop(20_000)
    await on.lease("S1", "active")

    const hasty = await on.worker()
    await on.request("S2", blueprint, { script: { activate: { ms: 2_000 } } })
    await until(
      async () => (await on.provider.begun()).some((line) => line.includes(" lease-S2 make ")),
      "it runs",
    )
    const [pid] = ((await on.provider.begun()).find((line) => line.includes(" lease-S2 make ")) ?? "").split(
      " ",
    )
    await hasty.stop()
    expect(isAlive(Number(pid))).toBe(false)
    const failed = on.story("lease", "S2").find(({ event }) => event.type === "failed")
    expect(failed?.event.body).toMatchObject({ retryable: true, message: "its worker was stopped" })
    await on.worker()
    await on.lease("S2", "active")
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
    expect(await on.provider.clashes()).toEqual([])
  })
})

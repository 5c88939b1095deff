import { describe, expect, it } from "vitest"
import { workStage } from "./stage.js"

const stage = workStage()

describe("a worker", () => {
  it("builds, sets up, cleans up and destroys, and what it told stands with the lease", async () => {
    const { on } = stage
    await on.worker()
    const blueprint = await on.blueprint()
    await on.request("L1", blueprint)
    const active = await on.lease("L1", "active")
    const resource = String(active.context.resource)
    expect(active.context.details).toMatchObject({ at: `${on.provider.folder}/things/lease-L1` })
    expect(await on.provider.inventory()).toEqual(["lease-L1", `resource-${resource}`])
    await on.clear()
    expect(await on.provider.inventory()).toEqual([])
    expect(await on.provider.clashes()).toEqual([])
  })
})

import { afterAll, beforeAll, expect, it } from "vitest"
import { EXAMPLE, startYard, type Yard } from "./drydock.js"

let yard: Yard

beforeAll(async () => {
  yard = await startYard()
  await yard.drydock(["apply", EXAMPLE])
}, 60_000)
afterAll(async () => {
  await yard.stop()
  await yard.remove()
})

it("shows and changes how long the yard remembers, and asks before it forgets", async () => {
  expect(await yard.json(["yard", "show"])).toMatchObject({ yard: "default", retention: "7d", due: 0 })
  const id = (await yard.drydock(["lease", "--type", "host"])).stdout.trim()
  const other = (await yard.drydock(["lease", "--type", "host"])).stdout.trim()
  await yard.drydock(["release", id, other])
  const again = (await yard.drydock(["lease", "--type", "host", "--count", "2"])).stdout.trim().split("\n")
  await yard.drydock(["release", ...again])

  const dry = await yard.json(["yard", "configure", "--retention", "1ms", "--dry-run"])
  expect(dry).toMatchObject({ retention: "1ms", before: "7d", forgets: 2 })
  const unasked = await yard.drydock(["yard", "configure", "--retention", "1ms"])
  expect(unasked).toMatchObject({ code: 64, stderr: expect.stringContaining("--yes") })
  expect(await yard.json(["yard", "show"])).toMatchObject({ retention: "7d" })

  const done = await yard.drydock(["yard", "configure", "--retention", "1ms", "--yes"])
  expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining("for 1ms") })
  await expect
    .poll(async () => (await yard.drydock(["show", `lease/${id}`])).code, { timeout: 20_000 })
    .toBe(66)
  expect((await yard.drydock(["yard", "show"])).stdout).toContain("retention  1ms")
}, 60_000)

it("names what is wrong with a retention", async () => {
  const none = await yard.drydock(["yard", "configure"])
  expect(none.stderr).toContain("drydock yard configure --retention 7d")
  const zero = await yard.drydock(["yard", "configure", "--retention", "0s"])
  expect(zero.stderr).toContain("a number above 0")
}, 60_000)

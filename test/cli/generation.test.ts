import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { generationIn, keepNoting, knownIn } from "../../src/cli/generation.js"

let store: string
beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), "drydock-generation-"))
})
afterEach(() => rm(store, { recursive: true, force: true }))

const fail = (error: unknown) => {
  throw error
}

test("a new store begins with generation 1 and an empty journal, and keeps it", async () => {
  expect(await knownIn(store, "default")).toBeUndefined()
  expect((await generationIn(store, "default")).known).toEqual({ generation: 1, journal: 0 })
  expect(await readFile(join(store, "generation-default"), "utf8")).toBe("1\n0\n")
})

test("a later generation of the yard is kept, an earlier one is not", async () => {
  const generation = await generationIn(store, "default")
  await generation.note({ generation: 4, journal: 10 })
  await generation.note({ generation: 2, journal: 99 })
  expect(generation.known).toEqual({ generation: 4, journal: 10 })
  expect((await generationIn(store, "default")).known).toEqual({ generation: 4, journal: 10 })
})

test("the journal of one generation only grows, and begins anew with the next", async () => {
  const generation = await generationIn(store, "default")
  await Promise.all([7, 9, 8].map((journal) => generation.note({ generation: 1, journal })))
  expect(await knownIn(store, "default")).toEqual({ generation: 1, journal: 9 })
  await generation.note({ generation: 2, journal: 3 })
  expect(await knownIn(store, "default")).toEqual({ generation: 2, journal: 3 })
})

test("what a host knows when it has stopped is noted", async () => {
  const host = { mark: { generation: 1, journal: 0 } }
  const generation = await generationIn(store, "default")
  const end = keepNoting(generation, host, fail)
  host.mark = { generation: 1, journal: 12 }
  await end()
  expect(await knownIn(store, "default")).toEqual({ generation: 1, journal: 12 })
})

test("what cannot be noted is said once, and not again until it worked", async () => {
  const said: unknown[] = []
  const host = { mark: { generation: 1, journal: 1 } }
  const folder = join(store, "gone")
  await mkdir(folder)
  const generation = await generationIn(folder, "default")
  await rm(folder, { recursive: true })
  const end = keepNoting(generation, host, (error) => said.push(error))
  await end()
  expect(said).toHaveLength(1)
})

test("a file of before, with the generation alone, is read", async () => {
  await writeFile(join(store, "generation-default"), "3\n")
  expect(await knownIn(store, "default")).toEqual({ generation: 3, journal: 0 })
})

test.each(["x", "", "0", "8192", "1\nx", "1\n-4", "1.5", "1\n1e99"])(
  "a damaged file (%j) is an error with its cure, never a guess",
  async (text) => {
    await writeFile(join(store, "generation-default"), text)
    await expect(generationIn(store, "default")).rejects.toMatchObject({ code: "bad-generation-file" })
  },
)

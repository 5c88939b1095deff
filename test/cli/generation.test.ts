import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { generationIn } from "../../src/cli/generation.js"

let store: string
beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), "drydock-generation-"))
})
afterEach(() => rm(store, { recursive: true, force: true }))

test("a new store begins with generation 1 and keeps it", async () => {
  expect((await generationIn(store, "default")).known).toBe(1)
  expect(await readFile(join(store, "generation-default"), "utf8")).toBe("1\n")
})

test("a later generation of the yard is kept, an earlier one is not", async () => {
  const generation = await generationIn(store, "default")
  await generation.note(4)
  await generation.note(2)
  expect(generation.known).toBe(4)
  expect((await generationIn(store, "default")).known).toBe(4)
})

test("a damaged file is an error with its cure, never a guess", async () => {
  await writeFile(join(store, "generation-default"), "x")
  await expect(generationIn(store, "default")).rejects.toMatchObject({ code: "bad-generation-file" })
})

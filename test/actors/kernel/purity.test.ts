// The folders show the architecture: what may import what, read from the sources themselves.

import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"

const root = new URL("../../../src/", import.meta.url).pathname

async function imports(folder: string): Promise<{ file: string; from: string }[]> {
  const files = (await readdir(join(root, folder), { recursive: true })).filter((file) =>
    file.endsWith(".ts"),
  )
  const found: { file: string; from: string }[] = []
  for (const file of files) {
    const text = await readFile(join(root, folder, file), "utf8")
    for (const [, from] of text.matchAll(/^(?:import|export)\s[^"]*?from "([^"]+)"/gm))
      found.push({ file: `${folder}/${file}`, from: from ?? "" })
  }
  return found
}

const outside = (found: readonly { from: string }[]) => [
  ...new Set(found.map(({ from }) => from).filter((from) => !from.startsWith("."))),
]

test("statecharts import xstate and zod, and nothing of ours but each other", async () => {
  const found = await imports("machines")
  expect(outside(found).sort()).toEqual(["xstate", "zod"])
  expect(found.filter(({ from }) => from.startsWith("../"))).toEqual([])
})

test("the kernel imports xstate, zod, the statecharts and the interface of blueprints: no NATS, no node:*", async () => {
  const found = await imports("actors/kernel")
  expect(outside(found).every((from) => from === "xstate" || from === "zod")).toBe(true)
  for (const { from } of found.filter(({ from }) => from.startsWith("../")))
    expect(from).toMatch(/^\.\.\/\.\.\/(machines\/[a-z-]+|blueprints\/blueprint)\.js$/)
})

/** What blueprints do on the world, and how they are found, is no part of the decision. */
const WORK = ["installed.ts", "work.ts", "failure.ts", "index.ts"]

test("policies import the interface and the statecharts only", async () => {
  for (const { file, from } of await imports("blueprints"))
    if (!WORK.some((name) => file === `blueprints/${name}`))
      expect(from).toMatch(/^(zod|\.\.\/blueprint\.js|(\.\.\/)+machines\/[a-z-]+\.js|\.\/[a-z-]+\.js)$/)
})

test("in the kernel there is no clock, no randomness and no I/O", async () => {
  for (const folder of ["machines", "actors/kernel", "blueprints"]) {
    const files = (await readdir(join(root, folder), { recursive: true })).filter((file) =>
      file.endsWith(".ts"),
    )
    for (const file of files.filter((name) => folder !== "blueprints" || !WORK.includes(name))) {
      const text = await readFile(join(root, folder, file), "utf8")
      expect(text, file).not.toMatch(
        /Date\.now|new Date\(\)|Math\.random|performance\.|process\.|setTimeout|crypto|fetch\(/,
      )
    }
  }
})

test("actors know nothing of the command line or the client library", async () => {
  for (const { file, from } of await imports("actors"))
    expect(`${file} ${from}`).not.toMatch(/\/(cli|client)\//)
})

// Every block of docs/client.md runs as it stands there, against a real yard; and the page names every error code.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { connect } from "../../src/client/index.js"
import { startTestYard } from "../support/yard.js"
import { makePool } from "./pool.js"

const here = import.meta.dirname
const page = await readFile(join(here, "../../docs/client.md"), "utf8")
const blocks = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "")

let yard: Awaited<ReturnType<typeof startTestYard>>
let folder: string
const printed: string[] = []

beforeAll(async () => {
  yard = await startTestYard()
  const setUp = await connect({ url: yard.server.url })
  await makePool(setUp, 1, 1)
  await setUp.close()
  vi.stubEnv("DRYDOCK_NATS_URL", yard.server.url)
  vi.spyOn(console, "log").mockImplementation(
    (...parts: unknown[]) => void printed.push(parts.map(String).join(" ")),
  )
  folder = await mkdtemp(join(here, "snippet-"))
})

afterAll(async () => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
  await yard.stop()
})

test("the page has examples", () => {
  expect(blocks.length).toBeGreaterThan(4)
})

test.each(blocks.map((code, n) => ({ n, code })))(
  "example $n runs and says something",
  async ({ n, code }) => {
    const before = printed.length
    const file = join(folder, `example${n}.ts`)
    await writeFile(file, code.replaceAll('"drydock"', '"../../../src/client/index.js"'))
    await import(file)
    expect(printed.length).toBeGreaterThan(before)
  },
)

test("the page names every code that the library throws", async () => {
  const sources = join(here, "../../src/client")
  const codes = new Set<string>()
  const names = (await readdir(sources, { recursive: true })).filter((name) => name.endsWith(".ts"))
  for (const name of names) {
    const text = await readFile(join(sources, name), "utf8")
    for (const [, code = ""] of text.matchAll(/(?:ClientError|UndecidedError)\(\s*"[a-z]+",\s*"([a-z-]+)"/g))
      codes.add(code)
  }
  expect(codes.size).toBeGreaterThan(10)
  expect([...codes].filter((code) => !page.includes(`\`${code}\``))).toEqual([])
})

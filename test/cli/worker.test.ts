// `drydock worker`, and the worker inside `drydock up`, as people start them: with the example of a blueprint type of
// one's own.

import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, beforeEach, expect, it } from "vitest"
import { newFolder, type Started, start } from "./drydock.js"

const BLUEPRINT = fileURLToPath(new URL("../../examples/scratch-folder.js", import.meta.url))

let cwd: string
let parent: string
const running: Started[] = []

beforeEach(async () => {
  cwd = await newFolder()
  parent = await realpath(await mkdtemp(join(tmpdir(), "drydock-scratch-")))
})
afterEach(async () => {
  for (const one of running.splice(0).reverse()) {
    one.child.kill("SIGTERM")
    await one.ended
  }
  for (const folder of [cwd, parent]) await rm(folder, { recursive: true, force: true })
})

function drydock(...args: string[]): Started {
  const started = start(args, { cwd })
  running.push(started)
  return started
}

async function up(...args: string[]): Promise<Started> {
  const started = drydock("up", "--json", "--port", "0", "--blueprints", BLUEPRINT, ...args)
  await started.line(/"event":"ready"/)
  return started
}

async function worker(...args: string[]): Promise<Started> {
  const started = drydock("worker", "--blueprints", BLUEPRINT, ...args)
  await started.line(/works for yard|"event":"ready"/)
  return started
}

async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await start(args, { cwd }).ended
  if (code !== 0) throw new Error(`drydock ${args.join(" ")}: ${code}\n${stdout}\n${stderr}`)
  return stdout
}

async function blueprint(): Promise<void> {
  const file = join(cwd, "scratch.yaml")
  await writeFile(
    file,
    `blueprints: { scratch: { type: scratch-folder, config: { parent: ${JSON.stringify(parent)} }, limit: 2 } }\n`,
  )
  await done("apply", "--blueprints", BLUEPRINT, file)
}

async function lease(): Promise<{ id: string; path: string }> {
  const id = (await done("lease", "--type", "folder", "--wait", "20s")).trim()
  const [resource = ""] = await readdir(parent)
  return { id, path: join(parent, resource) }
}

it("works for the `up` of its folder, says what it did, and cleans up before the next holder comes", async () => {
  await up("--no-worker")
  await blueprint()
  const one = await worker("--concurrency", "2")
  expect(await one.line(/works for yard/)).toMatch(
    /works for yard default on nats:\/\/127\.0\.0\.1:\d+: scratch-folder: 2 jobs at once/,
  )
  const first = await lease()
  await one.line(/→ allocate resource\/\S+/, "stderr")
  await one.line(/✓ allocate resource\/\S+ in \d/, "stderr")
  await mkdir(join(first.path, "left over"))
  await done("release", first.id)
  await one.line(/✓ release lease\/\S+ in \d/, "stderr")
  const second = await lease()
  expect(second.path).toBe(first.path)
  expect(await readdir(second.path)).toEqual([])
  await done("release", second.id)
  one.child.kill("SIGTERM")
  expect((await one.ended).code).toBe(0)
})

it("is inside `up`, and speaks JSON there and alone", async () => {
  const yard = await up()
  await blueprint()
  const { id, path } = await lease()
  expect(existsSync(path)).toBe(true)
  const ended = JSON.parse(await yard.line(/"event":"job-ended"/))
  expect(ended).toMatchObject({
    event: "job-ended",
    ending: "done",
    order: { task: "allocate", type: "scratch-folder" },
    ms: expect.any(Number),
  })
  const other = await worker("--json", "--types", "scratch-folder")
  expect(JSON.parse(await other.line(/"event":"ready"/))).toMatchObject({
    yard: "default",
    types: ["scratch-folder"],
    concurrency: 4,
    worker: expect.any(String),
  })
  await done("release", id)
})

it("says what is wrong with how it is called", async () => {
  const refused = async (...args: string[]) => (await start(["worker", ...args], { cwd }).ended).stderr
  expect(await refused()).toMatch(/no blueprint type that is installed here has work/)
  expect(await refused("--blueprints", "nowhere.js")).toMatch(/bad-blueprint: there is no file nowhere\.js/)
  expect(await refused("--blueprints", BLUEPRINT)).toMatch(/no-address: no `drydock up` runs on/)
  expect(await refused("--blueprints", BLUEPRINT, "--types", "vm")).toMatch(
    /no work is installed here for vm[\s\S]*there is for scratch-folder/,
  )
  expect(await refused("--blueprints", BLUEPRINT, "--concurrency", "0")).toMatch(/--concurrency/)
  expect(await refused("--blueprints", BLUEPRINT, "--server", "nats://127.0.0.1:9")).toMatch(/no-server/)
})

it("ends with a reason when the server knows it as somebody else than a worker", async () => {
  const yard = await up("--no-worker")
  const { nats } = JSON.parse(await yard.line(/"event":"ready"/))
  const { code, stderr } = await start(["worker", "--blueprints", BLUEPRINT, "--server", nats], { cwd }).ended
  expect(code).toBe(77)
  expect(stderr).toMatch(/not-authorized: The NATS server does not let this user (publish|listen) to/)
  expect(stderr).toMatch(/DRYDOCK_WORKER_PASSWORD/)
  const env = { DRYDOCK_WORKER_PASSWORD: "wrong" }
  const args = ["worker", "--blueprints", BLUEPRINT, "--server", nats, "--user", "worker"]
  const wrong = await start(args, { cwd, env }).ended
  expect([wrong.code, wrong.stderr]).toEqual([
    77,
    expect.stringMatching(/not-authorized[\s\S]*DRYDOCK_WORKER_PASSWORD/),
  ])
})

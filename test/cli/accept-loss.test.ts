// A store put back from an older copy of its journal, as a person meets it: `up` refuses, `accept-loss` shows what is
// missing and asks, the next `up` goes on, and every token is greater than any before. Against the real server.

import { cp, readdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { startTestServer, type TestServer } from "../support/server.js"
import { startTestHost, type TestHost } from "../support/yard.js"
import { drydock, type Ended, EXAMPLE, newFolder, start, startYard } from "./drydock.js"

// Each test starts a yard four times and ten programs more.
vi.setConfig({ testTimeout: 180_000 })

/** The folders of a yard's streams in a store. */
async function streamFolder(store: string, stream: "JOURNAL" | "COMMANDS"): Promise<string> {
  const found = (await readdir(join(store, "jetstream"), { recursive: true })).find((path) =>
    path.endsWith(join("streams", `DRYDOCK_DEFAULT_${stream}`)),
  )
  if (found === undefined) throw new Error(`no ${stream} in ${store}`)
  return join(store, "jetstream", found)
}

async function keep(store: string, copies: string): Promise<void> {
  for (const stream of ["JOURNAL", "COMMANDS"] as const)
    await cp(await streamFolder(store, stream), join(copies, stream), { recursive: true })
}

/** Puts streams back as they were when they were kept. */
async function putBack(
  store: string,
  copies: string,
  streams: readonly ("JOURNAL" | "COMMANDS")[],
): Promise<void> {
  for (const stream of streams) {
    const folder = await streamFolder(store, stream)
    await rm(folder, { recursive: true })
    await cp(join(copies, stream), folder, { recursive: true })
  }
}

function jsonOf({ stdout }: Ended): Record<string, unknown> {
  const parsed: unknown = JSON.parse(stdout.trim().split("\n").at(-1) ?? "")
  if (typeof parsed === "object" && parsed !== null) return { ...parsed }
  throw new Error(`no JSON object: ${stdout}`)
}

describe("on the store of `drydock up`", () => {
  let folder: string
  let copies: string
  let token: number
  const store = () => join(folder, ".drydock")
  const here = (args: readonly string[]) => drydock(args, { cwd: folder })
  const upEnds = () => here(["up", "--json", "--port", "0"])

  /** Leases a host; its token. */
  async function leased(yard: { drydock(args: readonly string[]): Promise<Ended> }): Promise<number> {
    const { stdout, stderr, code } = await yard.drydock([
      "run",
      "--type",
      "host",
      "--wait",
      "20s",
      "--",
      "sh",
      "-c",
      "echo $DRYDOCK_TOKEN",
    ])
    expect(code, stderr).toBe(0)
    return Number(stdout)
  }

  beforeEach(async () => {
    folder = await newFolder()
    copies = await newFolder()
    const first = await startYard(folder)
    expect((await first.drydock(["apply", EXAMPLE])).code).toBe(0)
    await first.stop()
    await keep(store(), copies)
    const second = await startYard(folder)
    token = await leased(second)
    await second.stop()
  })
  afterEach(async () => {
    for (const one of [folder, copies]) await rm(one, { recursive: true, force: true })
  })

  test("an older journal is refused by what follows from it and by the mark; accepted, the yard goes on with greater tokens", async () => {
    const marked = await readFile(join(store(), "generation-default"), "utf8")
    expect(Number(marked.split("\n")[1])).toBeGreaterThan(0)
    await putBack(store(), copies, ["JOURNAL"])

    const refused = await upEnds()
    expect(refused.code).toBe(78)
    expect(jsonOf(refused)).toMatchObject({ error: { code: "journal-shortened" } })
    expect(refused.stderr).toMatch(/the journal of yard default ends at \d+, but \d+ was stored/)
    expect(refused.stderr).toContain("drydock accept-loss")
    expect((await upEnds()).code).toBe(78)

    const shown = await here(["accept-loss", "--dry-run", "--json"])
    expect(shown.code, shown.stderr).toBe(0)
    const known = Number(marked.split("\n")[1])
    expect(jsonOf(shown)).toMatchObject({
      accepted: false,
      journal: { known },
      lost: { to: known },
      generation: { from: 1, to: 2 },
    })
    expect((await upEnds()).code).toBe(78)

    const silent = await here(["accept-loss"])
    expect(silent.code).toBe(64)
    expect(silent.stderr).toContain("--yes")

    const accepted = await here(["accept-loss", "--yes"])
    expect(accepted.code, accepted.stderr).toBe(0)
    expect(accepted.stdout).toContain("generation  1 becomes 2")

    const yard = await startYard(folder)
    try {
      expect(await leased(yard)).toBeGreaterThan(Math.max(token, 2 * 2 ** 40))
    } finally {
      await yard.stop()
    }
    expect(await readFile(join(store(), "generation-default"), "utf8")).toMatch(/^2\n\d+\n$/)
    const again = await here(["accept-loss"])
    expect(again.code).toBe(0)
    expect(again.stdout).toContain("nothing is missing")
  })

  test("where journal and queue are both older, the mark alone refuses it", async () => {
    await putBack(store(), copies, ["JOURNAL", "COMMANDS"])
    expect(jsonOf(await upEnds())).toMatchObject({ error: { code: "journal-shortened" } })
    expect((await here(["accept-loss", "--yes"])).code).toBe(0)
    const yard = await startYard(folder)
    try {
      expect(await leased(yard)).toBeGreaterThan(Math.max(token, 2 * 2 ** 40))
    } finally {
      await yard.stop()
    }
  })

  test("where there is no mark, what follows from the lost records alone refuses it", async () => {
    await putBack(store(), copies, ["JOURNAL"])
    await rm(join(store(), "generation-default"))
    const refused = await upEnds()
    expect(jsonOf(refused)).toMatchObject({ error: { code: "journal-shortened" } })
    expect(refused.stderr).toMatch(/command \d+ follows from/)
  })

  test("a store that was wiped begins anew", async () => {
    await rm(store(), { recursive: true })
    const missing = await here(["accept-loss"])
    expect(missing.code).toBe(78)
    expect(missing.stderr).toContain("there is no store")
    const yard = await startYard(folder)
    await yard.stop()
    const other = await here(["accept-loss", "--yard", "other"])
    expect(other.code).toBe(66)
    expect(other.stderr).toContain("no-journal")
  })
})

describe("on a server that runs already", () => {
  let server: TestServer
  let copies: string
  let cwd: string
  let host: TestHost | undefined

  beforeEach(async () => {
    server = await startTestServer()
    copies = await newFolder()
    cwd = await newFolder()
  })
  afterEach(async () => {
    await host?.stop()
    host = undefined
    await server.stop()
    for (const one of [copies, cwd]) await rm(one, { recursive: true, force: true })
  })

  test("`drydock host` refuses an older journal, and goes on after the loss was accepted", async () => {
    const { user, pass } = server.hostOptions
    const env = { DRYDOCK_NATS_URL: server.url, DRYDOCK_HOST_USER: user, DRYDOCK_HOST_PASSWORD: pass }
    host = await startTestHost(server)
    await host.host.active()
    await host.stop()
    host = undefined
    await server.kill("SIGTERM")
    await keep(server.storeDir, copies)
    await server.restart()

    const first = start(["host", "--json"], { cwd, env })
    await first.line(/"event":"ready"/)
    expect((await drydock(["apply", EXAMPLE], { cwd, env: { DRYDOCK_NATS_URL: server.url } })).code).toBe(0)
    const run = ["run", "--type", "host", "--", "sh", "-c", "echo $DRYDOCK_TOKEN"]
    const before = await drydock(run, { cwd, env: { DRYDOCK_NATS_URL: server.url } })
    expect(before.code, before.stderr).toBe(0)
    first.child.kill("SIGINT")
    expect((await first.ended).code).toBe(0)
    await server.kill("SIGTERM")
    await putBack(server.storeDir, copies, ["JOURNAL"])
    await server.restart()

    const refused = await drydock(["host", "--json"], { cwd, env })
    expect(refused.code).toBe(78)
    expect(jsonOf(refused)).toMatchObject({ error: { code: "journal-shortened" } })

    const accepted = await drydock(["accept-loss", "--yes", "--json"], { cwd, env })
    expect(accepted.code, accepted.stderr).toBe(0)
    expect(jsonOf(accepted)).toMatchObject({ accepted: true, generation: { from: 1, to: 2 } })

    const second = start(["host", "--json"], { cwd, env })
    await second.line(/"event":"ready"/)
    const after = await drydock(run, { cwd, env: { DRYDOCK_NATS_URL: server.url } })
    expect(after.code, after.stderr).toBe(0)
    expect(Number(after.stdout)).toBeGreaterThan(Math.max(Number(before.stdout), 2 * 2 ** 40))
    second.child.kill("SIGINT")
    expect((await second.ended).code).toBe(0)
  })
})

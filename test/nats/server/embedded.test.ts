// The embedded server as `drydock up` uses it. The parts about the death of its host run a host in a process of its own,
// from dist/ (npm test builds it).

import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "nats"
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest"
import { type EmbeddedServer, startEmbeddedServer } from "../../../src/nats/server/embedded.js"
import { findServer } from "../../../src/nats/server/find.js"
import { processFacts } from "../../../src/nats/server/identity.js"
import { isServerOf } from "../../../src/nats/server/leftover.js"
import { PACKAGE_ROOT } from "../../../src/nats/server/place.js"
import { pidFile } from "../../../src/nats/server/process.js"
import type { ProgressEvent } from "../../../src/nats/server/progress.js"

let storeDir: string
const running: EmbeddedServer[] = []

beforeEach(async () => {
  storeDir = join(await realpath(await mkdtemp(join(tmpdir(), "drydock embedded "))), "store of a yard")
})
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop()
  await rm(join(storeDir, ".."), { recursive: true, force: true })
})

async function start(port = 0, onProgress?: (event: ProgressEvent) => void): Promise<EmbeddedServer> {
  const server = await startEmbeddedServer({ storeDir, port, ...(onProgress && { onProgress }) })
  running.push(server)
  return server
}

/** Everything that a JetStream stream named KEPT of the host holds. */
async function kept(server: EmbeddedServer): Promise<number> {
  const connection = await connect({ servers: server.url, user: server.user, pass: server.pass })
  try {
    return (await (await jetstreamManager(connection)).streams.info("KEPT")).state.messages
  } finally {
    await connection.close()
  }
}

async function keepOne(server: { url: string; user: string; pass: string }): Promise<void> {
  const connection = await connect({ servers: server.url, user: server.user, pass: server.pass })
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: "KEPT", subjects: ["kept"] })
  await connection.request("kept", "x")
  await connection.close()
}

describe("the embedded server", () => {
  test("starts on a path with spaces, keeps its streams over a restart, and the password is the owner's only", async () => {
    const first = await start()
    await keepOne(first)
    await first.stop()
    await first.stop()
    const second = await start(first.port)
    expect(second.port).toBe(first.port)
    expect(second.pass).toBe(first.pass)
    expect(second.pass).toMatch(/^p[0-9a-f]{64}$/)
    expect(await kept(second)).toBe(1)
    expect((await stat(join(storeDir, "host.password"))).mode & 0o777).toBe(0o600)
    expect((await stat(storeDir)).mode & 0o777).toBe(0o700)
    expect(second.version).toMatch(/^\d+\.\d+\.\d+$/)
  })

  test.runIf(process.platform === "linux")("listens on 127.0.0.1 only", async () => {
    const server = await start()
    const hex = server.port.toString(16).toUpperCase().padStart(4, "0")
    const listening = (await readFile("/proc/net/tcp", "utf8"))
      .split("\n")
      .filter((line) => line.includes(`:${hex} 00000000:0000 0A`))
    expect(listening).toHaveLength(1)
    expect(listening[0]).toContain(`0100007F:${hex}`)
    await expect(readFile("/proc/net/tcp6", "utf8")).resolves.not.toContain(`:${hex} 00000000`)
  })

  test("says so when the port is in use, and gives the store free", async () => {
    const other = createServer().listen(0, "127.0.0.1")
    await once(other, "listening")
    const address = other.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    await expect(start(port)).rejects.toMatchObject({
      code: "port-in-use",
      message: expect.stringContaining(String(port)),
      cure: expect.stringContaining("--port 0"),
    })
    other.close()
    await once(other, "close")
    expect((await start(port)).port).toBe(port)
  })

  test("a second one on the same store is refused and names who has it", async () => {
    await start()
    await expect(start()).rejects.toMatchObject({
      code: "store-in-use",
      message: expect.stringContaining(`pid ${process.pid}`),
    })
  })

  test("many starts at once on one store: one gets it", async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => start()))
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1)
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "store-in-use" })
    }
  })

  test("the lock of a process that is gone, or of another one with the same pid, is taken over", async () => {
    await (await start()).stop()
    const [lock] = (await readdir(storeDir)).filter((name) => name.startsWith("lock."))
    await writeFile(
      join(storeDir, lock ?? ""),
      JSON.stringify({ pid: process.pid, startedAt: "another boot" }),
    )
    await (await start()).stop()
    const dead = spawn("true")
    await once(dead, "exit")
    const [next] = (await readdir(storeDir)).filter((name) => name.startsWith("lock."))
    await writeFile(join(storeDir, next ?? ""), JSON.stringify({ pid: dead.pid, startedAt: "then" }))
    await start()
    expect((await readdir(storeDir)).filter((name) => name.startsWith("lock."))).toHaveLength(1)
  })

  test("tells when it ends by itself", async () => {
    const server = await start()
    process.kill(server.pid, "SIGKILL")
    expect((await server.exited).code).toBe(137)
    await server.stop()
    await start()
  })

  test("a store that cannot be a folder is an error with its cure", async () => {
    await writeFile(storeDir, "a file")
    await expect(start()).rejects.toMatchObject({
      code: "store-unusable",
      cure: expect.stringContaining("--store"),
    })
  })

  test("a damaged password file is an error with its cure", async () => {
    await (await start()).stop()
    await writeFile(join(storeDir, "host.password"), "12345")
    await expect(start()).rejects.toMatchObject({ code: "bad-password-file" })
  })
})

/** A host in a process of its own, in a process group of its own, as a terminal would start it. */
async function startHost(): Promise<{ host: ChildProcess; pid: number; port: number; pass: string }> {
  const script = `
    import { startEmbeddedServer } from ${JSON.stringify(join(PACKAGE_ROOT, "dist/nats/server/embedded.js"))}
    const server = await startEmbeddedServer({ storeDir: ${JSON.stringify(storeDir)}, port: 0 })
    process.on("SIGINT", () => {
      console.log("interrupted")
      process.once("SIGTERM", () => server.stop())
    })
    console.log(JSON.stringify({ pid: server.pid, port: server.port, pass: server.pass }))`
  const host = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  })
  onTestFinished(() => {
    host.kill("SIGKILL")
  })
  return { host, ...JSON.parse(await line(host)) }
}

async function line(host: ChildProcess): Promise<string> {
  if (host.stdout === null) throw new Error("no output")
  const [text] = await once(createInterface(host.stdout), "line")
  return String(text)
}

async function gone(pid: number): Promise<void> {
  await expect.poll(() => processFacts(pid), { timeout: 10_000, interval: 20 }).toBeUndefined()
}

describe("when its host dies", () => {
  test("by kill -9, the server ends too", async () => {
    const { host, pid } = await startHost()
    expect(await isServerOf(pid, storeDir)).toBe(true)
    host.kill("SIGKILL")
    await gone(pid)
  })

  test("the next start on the store waits for the old server and finds everything", async () => {
    const { host, pid, port, pass } = await startHost()
    await keepOne({ url: `nats://127.0.0.1:${port}`, user: "host", pass })
    // It cannot end by itself for now: stopped, so not even a signal is handled.
    process.kill(pid, "SIGSTOP")
    host.kill("SIGKILL")
    await once(host, "exit")
    const server = await start(0, (event) => {
      if (event.stage === "waiting-for-old-server") process.kill(event.pid, "SIGCONT")
    })
    expect(await processFacts(pid)).toBeUndefined()
    expect(server.pid).not.toBe(pid)
    expect(await kept(server)).toBe(1)
  })

  test("a server on the store that nothing else would end is ended", async () => {
    await (await start()).stop()
    const { path } = await findServer()
    const orphan = spawn(path, [
      "-js",
      "-a",
      "127.0.0.1",
      "-p",
      "-1",
      "-sd",
      storeDir,
      "-l",
      join(storeDir, "orphan.log"),
    ])
    onTestFinished(() => {
      orphan.kill("SIGKILL")
    })
    if (orphan.pid === undefined) throw new Error("not started")
    await writeFile(pidFile(storeDir), `${orphan.pid}\n`)
    await expect.poll(() => isServerOf(orphan.pid ?? 0, storeDir)).toBe(true)
    const told: string[] = []
    await start(0, (event) => told.push(event.stage))
    expect(told).toEqual(["waiting-for-old-server", "starting"])
    expect(orphan.exitCode ?? orphan.signalCode).not.toBeNull()
  })

  test("a process that merely has the pid of the old server is left alone", async () => {
    await (await start()).stop()
    const innocent = spawn("sleep", ["60"])
    onTestFinished(() => {
      innocent.kill()
    })
    await writeFile(pidFile(storeDir), `${innocent.pid}\n`)
    await start()
    expect(await processFacts(innocent.pid ?? 0)).toBeDefined()
  })

  test("a live host's store is refused, a stopped host's too", async () => {
    const { host } = await startHost()
    const refusal = { code: "store-in-use", message: expect.stringContaining(`pid ${host.pid}`) }
    await expect(start()).rejects.toMatchObject(refusal)
    host.kill("SIGSTOP")
    await expect(start()).rejects.toMatchObject(refusal)
  })

  test("Ctrl-C reaches the host only: the server lives until the host stops it", async () => {
    const { host, pid, port } = await startHost()
    if (host.pid === undefined) throw new Error("not started")
    const said = line(host)
    process.kill(-host.pid, "SIGINT")
    expect(await said).toBe("interrupted")
    const connection = await connect({ servers: `127.0.0.1:${port}` })
    await connection.close()
    const end = once(host, "exit")
    host.kill("SIGTERM")
    await end
    await gone(pid)
  })
})

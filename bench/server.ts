// A nats-server of the benchmark's own: a fresh store and the project's nats.conf, with one of two ways to sync. The
// same server carries the floor and the yard.

import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** `always` = fsync before every ack; `default` = the server's own choice (every two minutes). */
export type Sync = "always" | "default"

export interface BenchServer {
  readonly url: string
  readonly pid: number
  /** The host's credentials. */
  readonly user: string
  readonly pass: string
  /** Where it keeps its streams. */
  readonly folder: string
  stop(): Promise<void>
}

/** Starts a server on a free port. `binary` is the path of nats-server; `confPath` the project's nats.conf. */
export async function startServer(binary: string, confPath: string, sync: Sync): Promise<BenchServer> {
  const folder = await mkdtemp(join(tmpdir(), "drydock-bench-"))
  const port = await freePort()
  const conf = join(folder, "nats.conf")
  await writeFile(conf, withSync(await readFile(confPath, "utf8"), sync))
  const password = (letter: string) => letter + randomBytes(16).toString("hex")
  const pass = password("h")
  const child = spawn(binary, ["-c", conf, "-sd", folder, "-p", String(port)], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...process.env,
      DRYDOCK_HOST_PASSWORD: pass,
      DRYDOCK_PERSON_PASSWORD: password("p"),
      DRYDOCK_WORKER_PASSWORD: password("w"),
      DRYDOCK_NOBODY_PASSWORD: password("n"),
      DRYDOCK_WEBSOCKET_PORT: "-1",
    },
  })
  const ended = once(child, "exit")
  let log = ""
  await new Promise<void>((resolve, reject) => {
    child.stderr.on("data", (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-4_000)
      if (log.includes("Server is ready")) resolve()
    })
    child.on("exit", () => reject(new Error(`nats-server ended:\n${log}`)))
    child.on("error", reject)
  })
  return {
    url: `nats://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    user: "host",
    pass,
    folder,
    async stop() {
      child.kill("SIGTERM")
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function withSync(conf: string, sync: Sync): string {
  const line = /^\s*sync_interval:\s*always\s*$/m
  if (!line.test(conf)) throw new Error("nats.conf has no line `sync_interval: always`")
  return sync === "always" ? conf : conf.replace(line, "")
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1")
  await once(probe, "listening")
  const address = probe.address()
  probe.close()
  await once(probe, "close")
  if (address === null || typeof address === "string") throw new Error("no free port")
  return address.port
}

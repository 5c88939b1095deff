// A nats-server of the benchmark's own: a fresh store, the project's nats.conf, and one of two ways to sync. Floor and
// yard get the same one, with the yard's own streams.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openConnection } from "../src/nats/connect.js"
import { configEnvironment, HOST_USER } from "../src/nats/server/config.js"
import { findServer } from "../src/nats/server/find.js"
import { secret } from "../src/nats/server/password.js"
import { toolFolders, writableToolFolder } from "../src/nats/server/place.js"
import { startServerProcess } from "../src/nats/server/process.js"
import { setUpYard } from "../src/nats/set-up.js"
import { ROOT } from "./place.js"

/** `always` = fsync before every ack; `default` = the server's own choice: every two minutes. */
export const SYNCS = ["always", "default"] as const
export type Sync = (typeof SYNCS)[number]

export interface BenchServer {
  readonly url: string
  readonly pid: number
  readonly version: string
  /** The host's credentials, as the environment that `drydock host` and the floor read. */
  readonly hostEnv: { readonly [name: string]: string }
  stop(): Promise<void>
}

/** Starts a server on a free port with the streams of yard `default`. */
export async function startServer(sync: Sync): Promise<BenchServer> {
  const folders = { search: toolFolders(process.env, ROOT), write: writableToolFolder(process.env, ROOT) }
  const found = await findServer({ folders })
  const storeDir = await mkdtemp(join(tmpdir(), "drydock-bench-"))
  const config = join(storeDir, "bench.conf")
  await writeFile(config, await configuration(sync))
  const password = secret()
  const server = await startServerProcess({
    binary: found.path,
    args: ["-c", config, "-a", "127.0.0.1", "-p", "-1"],
    env: configEnvironment(password),
    storeDir,
  })
  const url = `nats://127.0.0.1:${server.port}`
  const connection = await openConnection({ url, user: HOST_USER, password })
  await setUpYard(connection, "default")
  await connection.close()
  return {
    url,
    pid: server.pid,
    version: found.version,
    hostEnv: { DRYDOCK_NATS_URL: url, DRYDOCK_HOST_USER: HOST_USER, DRYDOCK_HOST_PASSWORD: password },
    async stop() {
      await server.stop()
      await rm(storeDir, { recursive: true, force: true })
    },
  }
}

async function configuration(sync: Sync): Promise<string> {
  const text = await readFile(join(ROOT, "nats.conf"), "utf8")
  const line = /^\s*sync_interval: always$/m
  if (!line.test(text)) throw new Error("nats.conf has no line `sync_interval: always`")
  return sync === "always" ? text : text.replace(line, "")
}

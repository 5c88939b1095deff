// A real nats-server for a test file, on a free port, with a store of its own.
//
//   const server = await startTestServer()                     // the project's own nats.conf, with accounts
//   const host = await connect(server.hostOptions)             // account YARD: JetStream
//   const person = await connect(server.personOptions)         // account PEOPLE: no credentials
//   afterAll(() => server.stop())                              // also removes the store
//
// It dies with the test process, whatever happens to that.

import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  CONFIG_FILE,
  configEnvironment,
  HOST_USER,
  lazyConfig,
  WORKER_USER,
} from "../../src/nats/server/config.js"
import { findServer } from "../../src/nats/server/find.js"
import { secret } from "../../src/nats/server/password.js"
import { type ServerProcess, startServerProcess } from "../../src/nats/server/process.js"

export interface TestServerOptions {
  /** true (by default): nats.conf. false: one account with JetStream, no credentials asked. */
  readonly accounts?: boolean
  /** By default `always`. */
  readonly sync?: "always" | "default"
  /** An existing folder, which `stop()` then keeps. By default a new one, which `stop()` removes. */
  readonly storeDir?: string
  /** By default any free one. */
  readonly port?: number
}

export interface TestServer {
  readonly url: string
  readonly port: number
  /** Of a listener where nobody may do anything without credentials; undefined without accounts. */
  readonly websocketPort: number | undefined
  /** Of the nats-server itself; another one after `restart()`. */
  readonly pid: number
  readonly storeDir: string
  /** Connection options of the host's user. */
  readonly hostOptions: { servers: string; user?: string; pass?: string }
  /** Connection options of the workers' user. */
  readonly workerOptions: { servers: string; user?: string; pass?: string }
  /** Connection options of a person over loopback: no credentials. */
  readonly personOptions: { servers: string }
  /** Ends it and removes the store. */
  stop(): Promise<void>
  /** Sends a signal; waits for the end unless it is SIGSTOP or SIGCONT. The store stays. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again with the same store, port and passwords, after ending the one that runs. */
  restart(): Promise<void>
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const accounts = options.accounts ?? true
  const lazy = options.sync === "default"
  const { path: binary } = await findServer()
  const storeDir = await realpath(options.storeDir ?? (await mkdtemp(join(tmpdir(), "drydock test "))))
  const password = secret()
  const workerPassword = secret()
  const config = await configFile(storeDir, accounts, lazy)

  const start = (port: number): Promise<ServerProcess> =>
    startServerProcess({
      binary,
      args: ["-c", config, "-a", "127.0.0.1", "-p", String(port)],
      env: accounts ? configEnvironment(password, -1, workerPassword) : {},
      storeDir,
    })
  let current = await start(options.port ?? -1)
  const { port } = current
  const url = `nats://127.0.0.1:${port}`

  return {
    url,
    port,
    get websocketPort() {
      return current.websocketPort
    },
    get pid() {
      return current.pid
    },
    storeDir,
    hostOptions: accounts ? { servers: url, user: HOST_USER, pass: password } : { servers: url },
    workerOptions: accounts ? { servers: url, user: WORKER_USER, pass: workerPassword } : { servers: url },
    personOptions: { servers: url },
    async stop() {
      await current.stop()
      if (options.storeDir === undefined) await rm(storeDir, { recursive: true, force: true })
    },
    async kill(signal = "SIGKILL") {
      process.kill(current.pid, signal)
      if (signal !== "SIGSTOP" && signal !== "SIGCONT") await current.exited
    },
    async restart() {
      await current.stop()
      current = await start(port)
    },
  }
}

async function configFile(storeDir: string, accounts: boolean, lazy: boolean): Promise<string> {
  if (accounts && !lazy) return CONFIG_FILE
  const file = join(storeDir, "test.conf")
  await writeFile(
    file,
    accounts ? await lazyConfig() : `jetstream { ${lazy ? "" : "sync_interval: always"} }\n`,
  )
  return file
}

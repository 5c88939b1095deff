// The nats-server inside `drydock up`: found or fetched, with the project's nats.conf, on a store that nobody else uses,
// ending with this process whatever happens to it.

import { constants } from "node:fs"
import { access, mkdir, realpath, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { DrydockError } from "../../actors/error.js"
import { CONFIG_FILE, configEnvironment, HOST_USER, lazyConfig, WORKER_USER } from "./config.js"
import { findServer } from "./find.js"
import { awaitOldServer } from "./leftover.js"
import { lockStore } from "./lock.js"
import { storePassword } from "./password.js"
import { type ServerExit, startServerProcess } from "./process.js"
import { type Progress, silent } from "./progress.js"

export interface EmbeddedServerOptions {
  /** Made if it is not there, readable by its owner only. */
  readonly storeDir: string
  /** On 127.0.0.1; 0 = any free one. */
  readonly port: number
  /** Of the listener for browsers, on 127.0.0.1; 0 (by default) = any free one. */
  readonly websocketPort?: number
  /** `always` (by default): acknowledged is on the disk. `default`: every two minutes; only to measure the difference. */
  readonly sync?: "always" | "default"
  /** Where DRYDOCK_NATS_SERVER and PATH are read; by default this process's environment. */
  readonly env?: NodeJS.ProcessEnv
  readonly onProgress?: Progress
}

export interface EmbeddedServer {
  /** `nats://127.0.0.1:4222`. Without credentials one is a person there (account PEOPLE). */
  readonly url: string
  readonly port: number
  readonly websocketPort: number | undefined
  /** Of the nats-server itself. */
  readonly pid: number
  /** `2.15.1` */
  readonly version: string
  /** Absolute, symbolic links resolved. */
  readonly storeDir: string
  /** The host's own credentials (account YARD). */
  readonly user: string
  readonly pass: string
  /** Credentials of workers (account WORKERS). */
  readonly worker: { readonly user: string; readonly pass: string }
  /** Resolves when the server is gone, also when it was not asked to go. Never rejects. */
  readonly exited: Promise<ServerExit>
  /** Ends the server, waits for it and gives the store free. May be called twice. */
  stop(): Promise<void>
}

/**
 * Resolves when clients can connect.
 * Throws DrydockError `store-unusable`, `store-in-use`, `port-in-use`, `server-missing`, `server-unusable`, `server-failed`,
 * `bad-password-file`, `old-server-stuck`, `unsupported-platform`.
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const onProgress = options.onProgress ?? silent
  const storeDir = await openStore(options.storeDir)
  const lock = await lockStore(storeDir)
  try {
    const found = await findServer({ onProgress, ...(options.env === undefined ? {} : { env: options.env }) })
    await awaitOldServer(storeDir, onProgress)
    const pass = await storePassword(storeDir, "host")
    const workerPass = await storePassword(storeDir, "worker")
    const config = options.sync === "default" ? await writeLazyConfig(storeDir) : CONFIG_FILE
    onProgress({ stage: "starting", version: found.version })
    const server = await startServerProcess({
      binary: found.path,
      args: ["-c", config, "-p", String(options.port === 0 ? -1 : options.port)],
      env: configEnvironment(pass, options.websocketPort || -1, workerPass),
      storeDir,
    })
    const { pid, port, websocketPort, exited } = server
    const stop = async () => {
      await server.stop()
      await lock.release()
    }
    const url = `nats://127.0.0.1:${port}`
    return {
      url,
      port,
      websocketPort,
      pid,
      version: found.version,
      storeDir,
      user: HOST_USER,
      pass,
      worker: { user: WORKER_USER, pass: workerPass },
      exited,
      stop,
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** One spelling of the folder, so that the server's arguments can be compared with it later. */
async function openStore(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    return await realpath(folder)
  } catch (error) {
    throw new DrydockError(
      "store-unusable",
      `The store ${folder} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      "Choose a folder that you may write to (--store DIR).",
      { cause: error },
    )
  }
}

async function writeLazyConfig(storeDir: string): Promise<string> {
  const file = join(storeDir, "nats.lazy.conf")
  await writeFile(file, await lazyConfig())
  return file
}

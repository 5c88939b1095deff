// The server that `up` serves on: its own, or the one that DRYDOCK_NATS_URL names.

import { DrydockError } from "../actors/error.js"
import type { NatsAccess } from "../nats/connect.js"
import { type EmbeddedServer, startEmbeddedServer } from "../nats/server/embedded.js"
import type { ServerExit } from "../nats/server/process.js"
import { progressLine, type Progress as ServerProgress } from "../nats/server/progress.js"
import type { Output } from "./output.js"
import { serverUrl } from "./server-url.js"

const USUAL_PORT = 4222

export interface Backend {
  /** Without credentials: for clients. */
  readonly url: string
  /** For the host. */
  readonly access: NatsAccess
  /** For workers. */
  readonly workerAccess: NatsAccess
  /** For people: what kind of server it is, and what happens with the state. */
  readonly about: string
  readonly state: string
  /** Started here, for this yard alone. */
  readonly isOurs: boolean
  /** Resolves when the server ended by itself; never for a server of somebody else. */
  readonly exited: Promise<ServerExit>
  stop(): Promise<void>
}

export interface BackendOptions {
  readonly store: string
  /** Absent: the usual one, or any free one when it is taken. */
  readonly port: number | undefined
}

/** Throws what starting the embedded server throws. */
export async function openBackend(out: Output, options: BackendOptions): Promise<Backend> {
  const named = process.env.DRYDOCK_NATS_URL
  if (named !== undefined && named !== "") return foreign(named)
  const progress = out.progress("starting the nats-server")
  const onProgress: ServerProgress = (event) => {
    const line = progressLine(event)
    if (event.stage === "too-old" || event.stage === "fetched") out.say(out.ce.dim(line))
    else progress.update(line)
  }
  try {
    return embedded(await start(options, onProgress))
  } finally {
    progress.done()
  }
}

async function start({ store, port }: BackendOptions, onProgress: ServerProgress): Promise<EmbeddedServer> {
  try {
    return await startEmbeddedServer({ storeDir: store, port: port ?? USUAL_PORT, onProgress })
  } catch (error) {
    const isTaken = port === undefined && error instanceof DrydockError && error.code === "port-in-use"
    if (!isTaken) throw error
    return await startEmbeddedServer({ storeDir: store, port: 0, onProgress })
  }
}

function embedded(server: EmbeddedServer): Backend {
  return {
    url: server.url,
    access: { url: server.url, user: server.user, password: server.pass },
    workerAccess: { url: server.url, user: server.worker.user, password: server.worker.pass },
    about: `nats-server ${server.version}; commands in this folder find it by themselves`,
    state: "kept across restarts, every record is on the disk before it counts",
    isOurs: true,
    exited: server.exited,
    stop: () => server.stop(),
  }
}

function foreign(named: string): Backend {
  const user = process.env.DRYDOCK_HOST_USER
  const password = process.env.DRYDOCK_HOST_PASSWORD
  const access = { url: named.split(","), user, password }
  const workerPassword = process.env.DRYDOCK_WORKER_PASSWORD
  const workerUser = process.env.DRYDOCK_WORKER_USER
  return {
    url: serverUrl(named),
    access,
    // Where nobody says who workers are, there is one account for all.
    workerAccess:
      workerUser === undefined && workerPassword === undefined
        ? access
        : { ...access, user: workerUser, password: workerPassword },
    about: "from DRYDOCK_NATS_URL",
    state: "kept by that server",
    isOurs: false,
    exited: new Promise(() => {}),
    stop: async () => {},
  }
}

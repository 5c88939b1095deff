// nats.conf, and what it takes from the environment.

import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { secret } from "./password.js"
import { PACKAGE_ROOT } from "./place.js"

/** The project's own nats.conf. */
export const CONFIG_FILE = join(PACKAGE_ROOT, "nats.conf")

/** The user of the account YARD. */
export const HOST_USER = "host"
/** The user of the account WORKERS. */
export const WORKER_USER = "worker"

/** The environment that nats.conf needs. Nobody is told the other passwords. */
export function configEnvironment(
  hostPassword: string,
  websocketPort = -1,
  workerPassword = secret(),
): { readonly [name: string]: string } {
  return {
    DRYDOCK_HOST_PASSWORD: hostPassword,
    DRYDOCK_PERSON_PASSWORD: secret(),
    DRYDOCK_WORKER_PASSWORD: workerPassword,
    DRYDOCK_NOBODY_PASSWORD: secret(),
    DRYDOCK_WEBSOCKET_PORT: String(websocketPort),
  }
}

const ALWAYS = /^(\s*sync_interval:) always$/m

/**
 * nats.conf with the server's own default of syncing every two minutes, to measure what `always` costs. A crash of
 * the machine then loses acknowledged messages.
 */
export async function lazyConfig(): Promise<string> {
  const text = await readFile(CONFIG_FILE, "utf8")
  if (!ALWAYS.test(text)) throw new Error("nats.conf has no line `sync_interval: always`")
  return text.replace(ALWAYS, '$1 "2m"')
}

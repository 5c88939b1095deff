// Finds a nats-server that is new enough, and fetches one when there is none. The order: the one that the user names,
// the machine's own, one fetched earlier, a fetch. Never needs root, never touches the machine outside its own folder.

import { delimiter, join } from "node:path"
import { DrydockError } from "../../actors/error.js"
import { fetchServer } from "./fetch.js"
import { fetchedServer, toolFolders, writableToolFolder } from "./place.js"
import { type Progress, silent } from "./progress.js"
import { binaryVersion, INSTALL_CURE, isNewEnough, MIN_SERVER_VERSION } from "./version.js"

export interface FoundServer {
  readonly path: string
  /** `2.15.1` */
  readonly version: string
  readonly source: "named" | "machine" | "fetched-before" | "fetched-now"
}

export interface FindOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly onProgress?: Progress
  /** Where to look for and put a fetched server; by default the project's own folder and the user's cache folder. */
  readonly folders?: { readonly search: readonly string[]; readonly write: string }
  /** Folders searched after the PATH; by default those that a user's PATH often lacks. */
  readonly systemFolders?: readonly string[]
  readonly fetch?: (folder: string, onProgress: Progress) => Promise<string>
}

const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/usr/local/bin", "/usr/bin"]

/** Throws DrydockError `server-unusable` (the named one), or what the fetch throws. */
export async function findServer(options: FindOptions = {}): Promise<FoundServer> {
  const env = options.env ?? process.env
  const onProgress = options.onProgress ?? silent
  const folders = options.folders ?? { search: toolFolders(env), write: writableToolFolder(env) }

  const named = env.DRYDOCK_NATS_SERVER
  if (named) return await namedServer(named)

  for (const path of machineServers(env, options.systemFolders ?? SYSTEM_FOLDERS)) {
    const version = await binaryVersion(path)
    if (version === undefined) continue
    if (isNewEnough(version)) return { path, version, source: "machine" }
    onProgress({ stage: "too-old", path, version, least: MIN_SERVER_VERSION })
  }

  for (const folder of folders.search) {
    const path = fetchedServer(folder)
    const version = await binaryVersion(path)
    if (version !== undefined && isNewEnough(version)) return { path, version, source: "fetched-before" }
  }

  const path = await (options.fetch ?? fetchServer)(folders.write, onProgress)
  const version = await binaryVersion(path)
  if (version === undefined || !isNewEnough(version)) {
    throw new DrydockError(
      "server-unusable",
      `The fetched nats-server (${path}) is ${version ?? "not runnable here"}; ${MIN_SERVER_VERSION} is needed.`,
      INSTALL_CURE,
    )
  }
  onProgress({ stage: "fetched", path, version })
  return { path, version, source: "fetched-now" }
}

async function namedServer(path: string): Promise<FoundServer> {
  const version = await binaryVersion(path)
  if (version !== undefined && isNewEnough(version)) return { path, version, source: "named" }
  throw new DrydockError(
    "server-unusable",
    version === undefined
      ? `DRYDOCK_NATS_SERVER names ${path}, which is not a nats-server that runs here.`
      : `DRYDOCK_NATS_SERVER names ${path}, which is ${version}; ${MIN_SERVER_VERSION} or later is needed.`,
    "Name a newer one, or unset DRYDOCK_NATS_SERVER and Drydock finds or fetches one.",
  )
}

function machineServers(env: NodeJS.ProcessEnv, systemFolders: readonly string[]): string[] {
  const onPath = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "")
  return [...new Set([...onPath, ...systemFolders])].map((folder) => join(folder, "nats-server"))
}

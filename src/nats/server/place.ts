// Where the project keeps what it fetched: its own folder, or the user's cache folder when that one is not writable
// (installed by root, for example). Never a place that needs root.

import { accessSync, constants } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The folder of package.json and nats.conf; the same from src/ and from dist/. */
export const PACKAGE_ROOT = fileURLToPath(new URL("../../../", import.meta.url))

/** `<XDG_CACHE_HOME or ~/.cache or ~/Library/Caches>/drydock` */
export function userCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const home = env.HOME ?? homedir()
  const standard = process.platform === "darwin" ? join(home, "Library", "Caches") : join(home, ".cache")
  return join(env.XDG_CACHE_HOME || standard, "drydock")
}

/** Folders that may hold a fetched server, best first. The first writable one is where the next goes. */
export function toolFolders(env: NodeJS.ProcessEnv = process.env, packageRoot = PACKAGE_ROOT): string[] {
  return [join(packageRoot, ".drydock"), userCacheFolder(env)]
}

/** The folder to fetch into. */
export function writableToolFolder(env: NodeJS.ProcessEnv = process.env, packageRoot = PACKAGE_ROOT): string {
  try {
    accessSync(packageRoot, constants.W_OK)
    return join(packageRoot, ".drydock")
  } catch {
    // Not writable for this user: that is what the cache folder is for.
    return userCacheFolder(env)
  }
}

/** Where a fetched server lies below one of the tool folders. */
export function fetchedServer(folder: string): string {
  return join(folder, "bin", "nats-server")
}

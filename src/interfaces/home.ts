import { homedir } from "node:os"
import { join } from "node:path"

export function homeOf(env: NodeJS.ProcessEnv): string {
  return env.HOME ?? homedir()
}

/** `~/` is the home folder; other users' homes are not looked up. */
export function expandHome(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path
}

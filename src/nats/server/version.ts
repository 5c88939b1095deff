// Which nats-servers are good enough. 2.12.3 is the first that has atomic batches, a marker at the end of a message's
// life and the repairs of both that the yard rests on.

import { execFile } from "node:child_process"
import { promisify } from "node:util"

export const MIN_SERVER_VERSION = "2.12.3"

/** What to do when none can be found or fetched. */
export const INSTALL_CURE =
  "Install nats-server yourself (brew install nats-server; scoop install nats-server; " +
  "go install github.com/nats-io/nats-server/v2@latest) and put it on the PATH or name it in DRYDOCK_NATS_SERVER."

/** Takes `2.15.1` out of `nats-server: v2.15.1`, `2.12.0-RC.1` … ; undefined when there is none. */
export function parseVersion(text: string): string | undefined {
  return /\bv?(\d+\.\d+\.\d+)/.exec(text)?.[1]
}

/** A release candidate counts as its release. Without a version in the text: false. */
export function isNewEnough(text: string, least: string = MIN_SERVER_VERSION): boolean {
  const version = parseVersion(text)
  if (version === undefined) return false
  const have = version.split(".").map(Number)
  const want = least.split(".").map(Number)
  for (const [index, part] of want.entries()) {
    const own = have[index] ?? 0
    if (own !== part) return own > part
  }
  return true
}

/** The version that a binary says it has; undefined when it does not run or is no nats-server. */
export async function binaryVersion(path: string): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(path, ["--version"], { timeout: 10_000 })
    return /nats-server/.test(stdout + stderr) ? parseVersion(stdout + stderr) : undefined
  } catch {
    // Not there, not executable, another processor's, or it failed: in every case no usable nats-server.
    return undefined
  }
}

// The server of a run that was killed may still be ending when the next one starts on the same store: its shell sees
// the death of its host, terminates it, and JetStream writes what it has. Two servers on one store must not meet.
// Only a process that is verified to be the server of *this* store is ever signalled.

import { setTimeout as delay } from "node:timers/promises"
import { DrydockError } from "../../actors/error.js"
import { errorCode, processFacts } from "./identity.js"
import { readServerPid } from "./process.js"
import type { Progress } from "./progress.js"

const POLL_MS = 20
/** Its own shell ends it in this time, unless that was killed too. */
const PATIENCE_MS = 3_000
const TERMINATE_MS = 10_000
const KILL_MS = 5_000

/**
 * Resolves when no server of an earlier run is on the store. The caller holds the store's lock, so none can start.
 * Throws DrydockError `old-server-stuck` when it cannot be ended.
 */
export async function awaitOldServer(storeDir: string, onProgress: Progress): Promise<void> {
  const pid = await readServerPid(storeDir)
  if (pid === undefined || !(await isServerOf(pid, storeDir))) return
  onProgress({ stage: "waiting-for-old-server", pid })
  if (await ends(pid, storeDir, PATIENCE_MS)) return
  signal(pid, "SIGTERM")
  if (await ends(pid, storeDir, TERMINATE_MS)) return
  signal(pid, "SIGKILL")
  if (await ends(pid, storeDir, KILL_MS)) return
  throw new DrydockError(
    "old-server-stuck",
    `The nats-server of an earlier run (pid ${pid}) still uses ${storeDir} and does not end.`,
    `End process ${pid} yourself, then start again.`,
  )
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    // It ended just now, which is all that is wanted.
    if (errorCode(error) !== "ESRCH") throw error
  }
}

async function ends(pid: number, storeDir: string, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  while (performance.now() < deadline) {
    if (!(await isServerOf(pid, storeDir))) return true
    await delay(POLL_MS)
  }
  return false
}

/** By its arguments: a server that we started carries the store's path in them. */
export async function isServerOf(pid: number, storeDir: string): Promise<boolean> {
  const facts = await processFacts(pid)
  if (facts === undefined || facts === "unknown") return false
  const separator = process.platform === "linux" ? "\0" : " "
  return facts.command.includes(`${separator}-sd${separator}${storeDir}${separator}`)
}

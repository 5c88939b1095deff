// Ends a command's whole process group: TERM, then KILL, then a look that nothing is left.

import { setTimeout as delay } from "node:timers/promises"
import { HostError } from "./errors.js"
import type { Guard } from "./guard.js"

/** A group that still lives so long after SIGKILL is reported. */
const UNKILLABLE_MS = 5_000
const POLL_MS = 50

/** Resolves when no process of the group is left. Throws HostError `command-unkillable` or `connection-lost`. */
export async function endGroup(guard: Guard, id: number, killAfterMs: number, label: string): Promise<void> {
  await guard.cancel(id)
  await guard.signal(id, "TERM")
  const startedAt = performance.now()
  let killed = false
  while (await guard.alive(id)) {
    const elapsedMs = performance.now() - startedAt
    if (elapsedMs >= killAfterMs && !killed) {
      killed = true
      await guard.signal(id, "KILL")
    }
    if (elapsedMs >= killAfterMs + UNKILLABLE_MS) {
      throw new HostError(
        "command-unkillable",
        `the command on ${label} outlived SIGKILL`,
        "look at its state on the host: it may hang in a device or a network file system",
      )
    }
    await delay(POLL_MS)
  }
}

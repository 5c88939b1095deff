// Waits for a condition in the world (processes, files) that sends no event. Fails with its name after 20 s.

import { execFileSync } from "node:child_process"
import { setTimeout as delay } from "node:timers/promises"

export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const startedAt = performance.now()
  while (!(await holds())) {
    if (performance.now() - startedAt > 20_000) throw new Error(`never: ${what}`)
    await delay(20)
  }
}

/** Command lines of processes, zombies left out, that contain the text. */
export function processesWith(text: string): string[] {
  const lines = execFileSync("ps", ["-A", "-ww", "-o", "pid=,stat=,args="], { encoding: "utf8" }).split("\n")
  return lines.filter((line) => line.includes(text) && !/^ *\d+ +Z/.test(line))
}

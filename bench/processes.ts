// Child processes of the benchmark: started, awaited until ready, measured, ended.

import { type ChildProcessByStdio, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import type { Readable } from "node:stream"

export type Child = ChildProcessByStdio<null, Readable, null>

/** Starts a Node program; its stderr is ours. */
export function startNode(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
  const flags = process.env.BENCH_NODE_FLAGS?.split(" ").filter((flag) => flag !== "") ?? []
  return spawn(process.execPath, [...flags, script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  })
}

/** Waits for the line of JSON with `event: "ready"`; what it prints afterwards is thrown away. */
export async function untilReady(child: Child): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let text = ""
    const read = (chunk: Buffer) => {
      text += chunk.toString()
      if (!text.includes('"event":"ready"')) return
      child.stdout.off("data", read)
      child.stdout.resume()
      resolve()
    }
    child.stdout.on("data", read)
    child.on("error", reject)
    child.on("exit", (code) => reject(new Error(`it ended with ${code} before it was ready`)))
  })
}

/** Hands on every line that it prints, and resolves when it has ended well. */
export async function linesOf(child: Child, line: (text: string) => void): Promise<void> {
  createInterface(child.stdout).on("line", line)
  const [code] = await once(child, "close")
  if (code !== 0) throw new Error(`a load process ended with ${code}`)
}

/** Asks it to end and waits; after `patienceMs` it is killed. */
export async function end(child: Child, patienceMs = 10_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, "exit")
  child.kill("SIGTERM")
  const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs)
  await ended
  clearTimeout(timer)
}

/** CPU time of a process so far, microseconds; undefined where /proc does not exist. */
export function cpuUs(pid: number): number | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  } catch {
    return undefined // Not Linux, or it has ended: the column stays empty.
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const ticks = Number(fields[11]) + Number(fields[12])
  return ticks * 10_000
}

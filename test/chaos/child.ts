// A process of a chaos run: started, heard line by line, killed, stopped, waited for. They die with the test
// process, whatever happens to that: their standard input ends with it.

import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

export interface Child {
  readonly pid: number
  /** Resolves to the exit code, or to the signal that ended it. */
  readonly exited: Promise<number | string>
  readonly hasExited: boolean
  /** SIGKILL, SIGSTOP, SIGCONT, SIGTERM. Nothing happens when it has ended. */
  signal(signal: NodeJS.Signals): void
}

const running = new Set<ChildProcess>()
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

/** Runs processes/<name>.ts. Each line of its output goes to `heard`. */
export function startChild(
  name: "host" | "client",
  options: object,
  heard: (line: string) => void,
  env: { readonly [name: string]: string } = {},
): Child {
  const script = fileURLToPath(new URL(`processes/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, DRYDOCK_FAULT: "", ...env },
  })
  running.add(child)
  createInterface({ input: child.stdout }).on("line", heard)
  let hasExited = false
  const exited = once(child, "close").then(([code, signal]: (number | string | null)[]) => {
    hasExited = true
    running.delete(child)
    return code ?? signal ?? "unknown"
  })
  return {
    pid: child.pid ?? 0,
    exited,
    get hasExited() {
      return hasExited
    },
    signal: (signal) => void child.kill(signal),
  }
}

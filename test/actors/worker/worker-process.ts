// Starts process.ts, hears it, kills it. It dies with the test process, whatever happens to that.

import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { until } from "./until.js"

const PROGRAM = fileURLToPath(new URL("./process.ts", import.meta.url))

export interface Said {
  readonly event: string
  readonly ending?: string
  readonly message?: string
  readonly order?: { readonly job: string; readonly task: string; readonly attempt: number }
}

export interface WorkerProcess {
  readonly pid: number
  readonly said: readonly Said[]
  readonly hasExited: boolean
  signal(name: NodeJS.Signals): void
  /** Resolves when it has said something like it. */
  heard(matches: (said: Said) => boolean, timeoutMs?: number): Promise<Said>
  end(): Promise<void>
}

export async function startWorkerProcess(options: {
  readonly servers: string
  readonly user?: string
  readonly pass?: string
  readonly name?: string
  readonly concurrency?: number
}): Promise<WorkerProcess> {
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", PROGRAM, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  })
  const orphan = () => child.kill("SIGKILL")
  process.once("exit", orphan)
  const exited = once(child, "exit").then(() => process.off("exit", orphan))
  const said: Said[] = []
  if (child.stdout === null) throw new Error("no pipe")
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (process.env.DRYDOCK_TEST_REPORTS) console.error(options.name, line)
    said.push(JSON.parse(line))
  })
  const heard = async (matches: (said: Said) => boolean, timeoutMs = 20_000) => {
    await until(() => said.some(matches), `a word of worker ${options.name}`, timeoutMs)
    return said.find(matches) ?? { event: "" }
  }
  await heard(({ event }) => event === "ready")
  return {
    pid: child.pid ?? 0,
    said,
    get hasExited() {
      return child.exitCode !== null || child.signalCode !== null
    },
    heard,
    signal: (name) => void child.kill(name),
    end: async () => {
      child.kill("SIGKILL")
      await exited
    },
  }
}

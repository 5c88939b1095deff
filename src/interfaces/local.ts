// The `local` transport: commands are children of this process, each the leader of its own process group.
// It runs the same scripts as the SSH transport, so a command behaves the same on both. POSIX systems only.

import { type ChildProcess, spawn } from "node:child_process"
import { HostError, reasonOf } from "./errors.js"
import type { FileDriver } from "./file-driver.js"
import { localFiles } from "./local-files.js"
import { type ShellProgram, tooLong } from "./shell-program.js"
import type { ExitStatus, HostProcess, Terminal, Transport } from "./transport.js"

export class LocalTransport implements Transport {
  readonly label = "this machine"
  private readonly ending = new AbortController()
  readonly ended: AbortSignal = this.ending.signal

  /** `environment`: what commands inherit. */
  constructor(private readonly environment: NodeJS.ProcessEnv) {}

  async start({ script, argv }: ShellProgram, terminal?: Terminal): Promise<HostProcess> {
    if (terminal !== undefined) {
      throw new HostError("not-supported", "the local transport has no terminals", "leave `pty` out")
    }
    let child: ChildProcess
    try {
      child = spawn("/bin/sh", ["-c", script, "drydock", ...argv], {
        detached: true,
        stdio: ["pipe", "pipe", "pipe"],
        env: this.environment,
      })
    } catch (error) {
      throw spawnFailure(error)
    }
    return processOf(child)
  }

  async files(): Promise<FileDriver> {
    return localFiles
  }

  async close(): Promise<void> {
    this.ending.abort(new HostError("host-closed", "this machine was closed", "connect again"))
  }
}

async function processOf(child: ChildProcess): Promise<HostProcess> {
  const { stdin, stdout, stderr } = child
  if (stdin === null || stdout === null || stderr === null) throw spawnFailure(new Error("no pipes"))
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once("exit", (exitCode, signal) => resolve({ exitCode, signal }))
  })
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve)
    child.once("error", (error) => reject(spawnFailure(error)))
  })
  return {
    stdin,
    stdout,
    stderr,
    exited,
    abandon: () => {
      for (const stream of [stdin, stdout, stderr]) stream.destroy()
    },
    forceEnd: () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
      process.kill(-child.pid, "SIGKILL")
    },
  }
}

function spawnFailure(error: unknown): HostError {
  const code = error instanceof Error && "code" in error ? error.code : undefined
  if (code === "E2BIG") return tooLong(error)
  return new HostError(
    "host-unsupported",
    `this machine cannot start a process: ${reasonOf(error)}`,
    "the local transport needs /bin/sh, free memory and free process numbers",
    { cause: error },
  )
}

// Runs a nats-server as a child that cannot outlive this process.
//
// - A shell of a few lines stands between: it reads a pipe whose other end only this process has. When this process
//   ends, however it ends (kill -9 included), the pipe closes and the shell terminates the server.
// - Shell and server have a session of their own, so Ctrl-C in the terminal does not reach them: the host finishes its
//   work first and then calls `stop()`.
// - The server's pid stands in a file before the server runs, so that whoever starts next on the store can find it.

import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { DrydockError } from "../../actors/error.js"

export interface ServerProcessOptions {
  readonly binary: string
  /** Arguments but for those about the log, the ports file and the store. */
  readonly args: readonly string[]
  /** Added to this process's environment. */
  readonly env?: { readonly [name: string]: string }
  /** Absolute. JetStream's files, the pid file, the log and the ports file. Must exist. */
  readonly storeDir: string
  /** How long it may take until it is ready, recovery of its streams included. Milliseconds, by default 120,000. */
  readonly readyTimeoutMs?: number
}

export interface ServerExit {
  /** Exit code of the server; 128 + n when signal n ended it. */
  readonly code: number
  /** The last lines that it logged. */
  readonly log: string
}

export interface ServerProcess {
  readonly pid: number
  readonly port: number
  readonly websocketPort: number | undefined
  /** Resolves when the server is gone, whatever the reason. Never rejects. */
  readonly exited: Promise<ServerExit>
  /** Terminates the server and resolves when it is gone. Killed after 10 s. */
  stop(): Promise<void>
}

const WRAPPER = `
exec 3<&0 </dev/null
pidfile=$1; shift
sh -c 'echo "$$" >"$0" && exec "$@"' "$pidfile" "$@" 3<&- &
server=$!
(
  while read -r line <&3; do :; done
  kill -TERM "$server" 2>/dev/null
  tenths=0
  while kill -0 "$server" 2>/dev/null; do
    tenths=$((tenths + 1))
    [ "$tenths" -gt 100 ] && kill -KILL "$server" 2>/dev/null
    sleep 0.1
  done
) &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
`

const PORTS_FOLDER = "ports"
const READY_POLL_MS = 10

export function pidFile(storeDir: string): string {
  return join(storeDir, "nats-server.pid")
}

export function logFile(storeDir: string): string {
  return join(storeDir, "nats-server.log")
}

/**
 * Starts it and waits until it is ready for clients.
 * Throws DrydockError `port-in-use`, `server-failed` (with the end of its log) or `unsupported-platform`.
 */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  if (process.platform === "win32") {
    throw new DrydockError(
      "unsupported-platform",
      "The embedded nats-server needs a POSIX shell.",
      "Run Drydock in WSL, or start a nats-server yourself and name it in DRYDOCK_NATS_URL.",
    )
  }
  const { storeDir } = options
  const ports = join(storeDir, PORTS_FOLDER)
  await rm(ports, { recursive: true, force: true })
  await mkdir(ports, { recursive: true })
  await rm(pidFile(storeDir), { force: true })
  await rm(logFile(storeDir), { force: true })

  const args = [...options.args, "-sd", storeDir, "-l", logFile(storeDir), "--ports_file_dir", ports]
  const child = spawn("sh", ["-c", WRAPPER, "drydock-nats", pidFile(storeDir), options.binary, ...args], {
    detached: true,
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "ignore", "pipe"],
  })
  // The pipe's other end is gone when the server is; that is seen as its exit.
  child.stdin.on("error", () => {})
  let complaints = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-8_192)
  })
  let gone = false
  const exited = new Promise<ServerExit>((resolve) => {
    const settle = async (code: number) => {
      gone = true
      resolve({ code, log: complaints + (await logTail(storeDir)) })
    }
    child.once("error", (error) => {
      complaints += error.message
      void settle(127)
    })
    child.once("close", (code, signal) => void settle(code ?? (signal === "SIGKILL" ? 137 : 143)))
  })
  const stop = async () => {
    child.stdin.end()
    await exited
  }

  const deadline = performance.now() + (options.readyTimeoutMs ?? 120_000)
  while (!gone) {
    const ready = await readReady(storeDir, ports)
    if (ready !== undefined) return { ...ready, exited, stop }
    if (performance.now() > deadline) {
      await stop()
      throw failed(options, await exited, "was not ready in time")
    }
    await delay(READY_POLL_MS)
  }
  throw failed(options, await exited, "ended while it started")
}

interface Ready {
  readonly pid: number
  readonly port: number
  readonly websocketPort: number | undefined
}

/** The server writes its ports file once it listens; undefined until it is there and whole. */
async function readReady(storeDir: string, ports: string): Promise<Ready | undefined> {
  const pid = await readServerPid(storeDir)
  if (pid === undefined) return undefined
  const name = (await readdir(ports)).find((file) => file.endsWith(`_${pid}.ports`))
  if (name === undefined) return undefined
  const text = await readFile(join(ports, name), "utf8")
  const port = portIn(/"nats":\["nats:\/\/[^"]*:(\d+)"/, text)
  if (port === undefined || !text.trimEnd().endsWith("}")) return undefined
  return { pid, port, websocketPort: portIn(/"websocket":\["ws:\/\/[^"]*:(\d+)"/, text) }
}

function portIn(pattern: RegExp, text: string): number | undefined {
  const port = pattern.exec(text)?.[1]
  return port === undefined ? undefined : Number(port)
}

/** The pid of the server that was started last on this store, alive or not. */
export async function readServerPid(storeDir: string): Promise<number | undefined> {
  if (!existsSync(pidFile(storeDir))) return undefined
  const pid = Number((await readFile(pidFile(storeDir), "utf8")).trim())
  return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined
}

async function logTail(storeDir: string): Promise<string> {
  if (!existsSync(logFile(storeDir))) return ""
  return (await readFile(logFile(storeDir), "utf8")).slice(-8_192)
}

function failed(options: ServerProcessOptions, exit: ServerExit, what: string): DrydockError {
  const busy = /listen tcp [^"]*?:(\d+): bind: address already in use/.exec(exit.log)
  if (busy !== null) {
    return new DrydockError(
      "port-in-use",
      `Port ${busy[1]} on 127.0.0.1 is in use by another program.`,
      "Choose another port (--port N), or any free one (--port 0).",
    )
  }
  const lines = exit.log.trim().split("\n").slice(-5).join("\n")
  return new DrydockError(
    "server-failed",
    `${options.binary} ${what} (exit code ${exit.code}). The end of its log:\n${lines}`,
    `Read the whole log in ${logFile(options.storeDir)}.`,
  )
}

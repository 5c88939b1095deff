// The built command as a person starts it: `dist/cli/main.js` in a folder of its own. `npm test` builds before.

import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

export const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url))

export interface Ended {
  /** Exit code, or 128 + n as a shell shows it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves with the first line of stdout (or stderr) that matches; rejects when the program ends without one. */
  line(pattern: RegExp, from?: "stdout" | "stderr"): Promise<string>
}

export interface RunOptions {
  readonly cwd: string
  readonly env?: { readonly [name: string]: string | undefined }
  readonly input?: string
}

/** Starts `drydock …`. */
export function start(args: readonly string[], { cwd, env = {}, input }: RunOptions): Started {
  if (!existsSync(MAIN)) throw new Error("dist/cli/main.js is missing: run `npm run build` first")
  const clean: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: undefined, DRYDOCK_NATS_URL: undefined }
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { ...clean, ...env } })
  // A test that timed out must not leave it behind.
  const orphan = () => child.kill("SIGKILL")
  process.once("exit", orphan)
  child.once("close", () => process.off("exit", orphan))
  child.stdin.on("error", () => {}) // it may end before it has read everything
  child.stdin.end(input ?? "")
  const text = { stdout: "", stderr: "" }
  const lines = { stdout: [] as string[], stderr: [] as string[] }
  const waiting: { readonly check: () => void }[] = []
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk: Buffer) => {
      text[name] += chunk.toString("utf8")
    })
    createInterface({ input: child[name] }).on("line", (line) => {
      lines[name].push(line)
      for (const { check } of waiting) check()
    })
  }
  const ended = new Promise<Ended>((resolve) =>
    child.on("close", (code, signal) => resolve({ code: code ?? 128 + (signal === null ? 0 : 9), ...text })),
  )
  return {
    child,
    ended,
    line: (pattern, from = "stdout") =>
      new Promise((resolve, reject) => {
        const check = () => {
          const found = lines[from].find((line) => pattern.test(line))
          if (found !== undefined) resolve(found)
        }
        waiting.push({ check })
        check()
        void ended.then(({ code, stdout, stderr }) =>
          reject(new Error(`ended with ${code} before ${pattern}\n${stdout}\n${stderr}`)),
        )
      }),
  }
}

/** Runs `drydock …` to its end. */
export function drydock(args: readonly string[], options: RunOptions): Promise<Ended> {
  return start(args, options).ended
}

export interface Yard {
  readonly folder: string
  readonly url: string
  readonly up: Started
  drydock(args: readonly string[], options?: Partial<RunOptions>): Promise<Ended>
  start(args: readonly string[], options?: Partial<RunOptions>): Started
  /** Parsed stdout of a command under `--json`. */
  json(args: readonly string[]): Promise<Record<string, unknown>>
  stop(): Promise<Ended>
  remove(): Promise<void>
}

export async function newFolder(): Promise<string> {
  return await realpath(await mkdtemp(join(tmpdir(), "drydock cli ")))
}

/** `drydock up --json --port 0` in a folder of its own, ready. */
export async function startYard(folder?: string): Promise<Yard> {
  const cwd = folder ?? (await newFolder())
  const up = start(["up", "--json", "--port", "0"], { cwd })
  const ready: unknown = JSON.parse(await up.line(/"event":"ready"/))
  const url = typeof ready === "object" && ready !== null && "nats" in ready ? String(ready.nats) : ""
  const here = (options: Partial<RunOptions> = {}): RunOptions => ({ cwd, ...options })
  return {
    folder: cwd,
    url,
    up,
    drydock: (args, options) => drydock(args, here(options)),
    start: (args, options) => start(args, here(options)),
    json: async (args) => {
      const { stdout, stderr } = await drydock([...args, "--json"], here())
      const parsed: unknown = JSON.parse(stdout)
      if (typeof parsed === "object" && parsed !== null) return { ...parsed }
      throw new Error(`no JSON object: ${stdout}\n${stderr}`)
    },
    stop: async () => {
      up.child.kill("SIGINT")
      return await up.ended
    },
    remove: () => rm(cwd, { recursive: true, force: true }),
  }
}

export const EXAMPLE = fileURLToPath(new URL("../../examples/localhost.yaml", import.meta.url))

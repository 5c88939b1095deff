// One child of an attempt, from its start to its end. It leads a process group of its own and registers it with the
// guard before it becomes its program: one that cannot register, because the attempt is over, never starts.

import { type ChildProcess, spawn } from "node:child_process"
import { rm } from "node:fs/promises"
import { ProgramError, RetryableError, TerminalError } from "../../blueprints/failure.js"
import type { ProgramOptions, ProgramResult } from "../../blueprints/work.js"
import type { Group } from "./groups.js"

const LAUNCH = '{ : >"$0/$$"; } 2>/dev/null || exit 125; exec "$@"'
const CAPTURE_CHARS = 65_536
/** From TERM to KILL when its own time is up. */
const GRACE_MS = 2_000
/** When all of its group is dead: so long for output that somebody outside the group holds open. */
const LAST_OUTPUT_MS = 500
const MESSAGE_CHARS = 300
/** setTimeout fires at once above this. */
const LONGEST_DELAY_MS = 2_000_000_000
const SECRETS = ["DRYDOCK_HOST_PASSWORD", "DRYDOCK_WORKER_PASSWORD"] as const

export interface Surroundings {
  readonly group: Group
  readonly signal: AbortSignal
  /** On top of the worker's own. */
  readonly env: Readonly<Record<string, string>>
  log(line: string): void
}

/** See TaskContext.run. */
export async function runProgram(
  argv: readonly string[],
  options: ProgramOptions,
  around: Surroundings,
): Promise<ProgramResult> {
  const { group, signal } = around
  const [program] = argv
  if (program === undefined || program === "" || argv.some((argument) => argument.includes("\0")))
    throw new TerminalError(
      `not a program with its arguments: ${JSON.stringify(argv).slice(0, MESSAGE_CHARS)}`,
    )
  signal.throwIfAborted()
  const folder = await group.folder()
  signal.throwIfAborted()
  const child = await started(argv, options, folder, around.env)
  const { pid } = child
  if (pid === undefined) throw new RetryableError(`${program} has no process id`)
  const wanted = options.log ?? "both"
  const limit = options.captureChars ?? CAPTURE_CHARS
  const silent = () => {}
  const stdout = reader(child.stdout, limit, wanted === "both" || wanted === "stdout" ? around.log : silent)
  const stderr = reader(child.stderr, limit, wanted === "both" || wanted === "stderr" ? around.log : silent)
  child.stdin?.on("error", silent) // it need not read what it was given
  child.stdin?.end(options.input ?? "")

  const { isLate, timer } = timeLimit(pid, options.timeoutMs)
  const end = await ended(child, around)
  clearTimeout(timer())
  signal.throwIfAborted()
  if (isGone(pid)) await rm(`${folder}/${pid}`, { force: true })
  const result = { ...end, stdout: stdout(), stderr: stderr() }
  if (isLate()) throw new RetryableError(`${program} took longer than ${(options.timeoutMs ?? 0) / 1000} s`)
  if (result.exitCode !== 0 && options.anyExit !== true) throw failure(argv, result)
  return result
}

function started(
  argv: readonly string[],
  { cwd, env }: ProgramOptions,
  folder: string,
  jobEnv: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const inherited = Object.entries(process.env).filter(([name]) => !SECRETS.some((secret) => secret === name))
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", LAUNCH, folder, ...argv], {
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...Object.fromEntries(inherited), ...jobEnv, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    })
    child.once("spawn", () => resolve(child))
    child.once("error", (cause) => {
      const where = cwd === undefined ? "" : ` in ${cwd}`
      reject(new TerminalError(`${argv[0]} could not be started${where}: ${cause.message}`, { cause }))
    })
  })
}

/** The exit of the program and the end of its output; of its group, when the attempt is aborted. */
async function ended(
  child: ChildProcess,
  { group, signal }: Surroundings,
): Promise<Pick<ProgramResult, "exitCode" | "endedBy">> {
  const closed = new Promise<Pick<ProgramResult, "exitCode" | "endedBy">>((resolve) =>
    child.once("close", (exitCode, endedBy) => resolve({ exitCode, endedBy })),
  )
  let letGo: NodeJS.Timeout | undefined
  const onAbort = () =>
    void group.end().then(() => {
      letGo = setTimeout(() => {
        child.stdout?.destroy()
        child.stderr?.destroy()
      }, LAST_OUTPUT_MS)
    })
  signal.addEventListener("abort", onAbort, { once: true })
  if (signal.aborted) onAbort()
  const end = await closed
  clearTimeout(letGo)
  signal.removeEventListener("abort", onAbort)
  return end
}

function timeLimit(pid: number, timeoutMs: number | undefined) {
  let isLate = false
  let timer: NodeJS.Timeout | undefined
  if (timeoutMs !== undefined)
    timer = setTimeout(
      () => {
        isLate = true
        signalGroup(pid, "SIGTERM")
        timer = setTimeout(() => signalGroup(pid, "SIGKILL"), GRACE_MS)
      },
      Math.min(Math.max(0, timeoutMs), LONGEST_DELAY_MS),
    )
  return { isLate: () => isLate, timer: () => timer }
}

function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal)
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false
    throw error
  }
}

/** No process of its group is left: its number may be somebody else's soon, and must not be killed any more. */
function isGone(pid: number): boolean {
  return !signalGroup(pid, 0)
}

/** Keeps the beginning, hands on every line. Returns what was kept. */
function reader(stream: ChildProcess["stdout"], limit: number, line: (text: string) => void): () => string {
  let kept = ""
  let rest = ""
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    if (kept.length < limit) kept = (kept + chunk).slice(0, limit)
    const lines = (rest + chunk).split(/\r?\n|\r/)
    rest = (lines.pop() ?? "").slice(0, limit)
    for (const text of lines) line(text)
  })
  stream?.once("close", () => {
    if (rest !== "") line(rest)
    rest = ""
  })
  return () => kept
}

function failure(
  argv: readonly string[],
  { exitCode, endedBy, stdout, stderr }: ProgramResult,
): ProgramError {
  const end = exitCode === null ? `was ended by ${endedBy}` : `exited with ${exitCode}`
  const said = (stderr.trim() === "" ? stdout : stderr).trim().split("\n").at(-1) ?? ""
  const why = said === "" ? "" : `: ${said.slice(0, MESSAGE_CHARS)}`
  return new ProgramError(`${argv[0]} ${end}${why}`, argv, exitCode, endedBy, stdout, stderr)
}

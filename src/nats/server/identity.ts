// Which process a pid means. A pid alone says nothing: it may have been given to another process since. So it is kept
// together with the moment at which its process started.

import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { promisify } from "node:util"

export interface ProcessFacts {
  /** Differs between two processes that had the same pid, also across restarts of the machine. Opaque. */
  readonly startedAt: string
  /** Its arguments, joined by a zero byte (Linux) or a space (elsewhere), with one such at the end. */
  readonly command: string
}

/** Undefined when no such process runs (a zombie does not); "unknown" when this user may not look. */
export async function processFacts(pid: number): Promise<ProcessFacts | "unknown" | undefined> {
  if (!exists(pid)) return undefined
  const facts = process.platform === "linux" ? await linuxFacts(pid) : await otherFacts(pid)
  if (facts === "ended") return undefined
  // Between the two looks it may have ended.
  return facts ?? (exists(pid) ? "unknown" : undefined)
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === "EPERM"
  }
}

/** "ended": a zombie, which `kill` still finds until its parent has heard of its end. */
type Looked = ProcessFacts | "ended" | undefined

async function linuxFacts(pid: number): Promise<Looked> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8")
    // The second field is the name in parentheses, which may hold anything, spaces and parentheses included.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    const [state, startTicks] = [fields[0], fields[19]]
    if (state === "Z" || state === "X") return "ended"
    if (startTicks === undefined) return undefined
    const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim()
    return { startedAt: `${boot}/${startTicks}`, command: await readFile(`/proc/${pid}/cmdline`, "utf8") }
  } catch {
    // It ended, or /proc hides it: the caller tells which.
    return undefined
  }
}

async function otherFacts(pid: number): Promise<Looked> {
  try {
    const options = { env: { ...process.env, LC_ALL: "C", TZ: "UTC" } }
    const { stdout } = await promisify(execFile)(
      "ps",
      ["-ww", "-o", "stat=,lstart=,command=", "-p", `${pid}`],
      options,
    )
    const [, state, startedAt, command] =
      /^\s*(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\d{4})\s+(.*?)\s*$/s.exec(stdout) ?? []
    if (state === undefined) return undefined
    if (state.startsWith("Z")) return "ended"
    return startedAt === undefined || command === undefined
      ? undefined
      : { startedAt, command: `${command} ` }
  } catch {
    // ps ends with an error when there is no such process.
    return undefined
  }
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined
}

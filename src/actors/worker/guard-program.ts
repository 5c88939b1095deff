// A program of its own, beside a worker: it ends the children of attempts that must not go on, also when the worker can
// do nothing any more because it was killed, is stopped (SIGSTOP, a laptop that slept) or is busy for ever.
//
// One folder per attempt. Every child writes its process id into it before it becomes its program (program.ts), and
// leads a process group of that number. To end an attempt its folder is moved away first, so that nothing more can
// start, and then every group is ended: TERM, and after the grace KILL.
//
// Lines from stdin: `open ATTEMPT GRACE_MS`, `live ATTEMPT MS` (it may live so long from now), `end ATTEMPT`. Lines to
// stdout: `ready FOLDER`, `opened ATTEMPT`, `ended ATTEMPT` (nothing of it lives), `stuck ATTEMPT` (something outlived
// KILL). The end of stdin ends everything. It is in a session of its own, so that what stops the worker does not stop
// it. Both clocks count, since one of them stands still while the machine sleeps.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"

const LOOK_MS = 50
/** A group that still lives so long after KILL hangs in the kernel. */
const UNKILLABLE_MS = 2_000

interface Attempt {
  readonly name: string
  readonly graceMs: number
  /** It is ended then, by either clock. */
  monotonicMs: number
  wallMs: number
  ending: Promise<void> | undefined
}

const folder = mkdtempSync(join(tmpdir(), "drydock-worker-"))
const attempts = new Map<string, Attempt>()
let isOver = false
/** Runs while there are attempts. */
let looking: NodeJS.Timeout | undefined

say(`ready ${folder}`)
createInterface({ input: process.stdin })
  .on("line", take)
  .on("close", () => void endEverything())
// The worker may be gone before it has read everything.
process.stdout.on("error", () => {})

function take(line: string): void {
  const [verb, name = "", number = ""] = line.split(" ")
  const known = attempts.get(name)
  if (verb === "open" && known === undefined && !isOver) {
    mkdirSync(join(folder, name))
    const never = Number.POSITIVE_INFINITY
    attempts.set(name, {
      name,
      graceMs: Number(number),
      monotonicMs: never,
      wallMs: never,
      ending: undefined,
    })
    looking ??= setInterval(look, LOOK_MS)
    say(`opened ${name}`)
  }
  if (verb === "live" && known?.ending === undefined && known !== undefined) {
    known.monotonicMs = performance.now() + Number(number)
    known.wallMs = Date.now() + Number(number)
  }
  if (verb === "end" && known === undefined) say(`ended ${name}`)
  if (verb === "end" && known !== undefined) void end(known)
}

function look(): void {
  for (const attempt of attempts.values()) {
    const isDue = performance.now() >= attempt.monotonicMs || Date.now() >= attempt.wallMs
    if (isDue) void end(attempt)
  }
}

async function endEverything(): Promise<void> {
  isOver = true
  await Promise.all([...attempts.values()].map(end))
  rmSync(folder, { recursive: true, force: true })
  process.exit()
}

function end(attempt: Attempt): Promise<void> {
  attempt.ending ??= endOnce(attempt)
  return attempt.ending
}

async function endOnce({ name, graceMs }: Attempt): Promise<void> {
  const moved = join(folder, `${name}.over`)
  renameSync(join(folder, name), moved)
  // 0 and 1 would mean this very process's group and every process there is.
  const groups = readdirSync(moved)
    .map(Number)
    .filter((group) => Number.isSafeInteger(group) && group > 1)
  const startMs = performance.now()
  let killed = false
  send(groups, "SIGTERM")
  let living = groups.filter(isAlive)
  while (living.length > 0) {
    const elapsedMs = performance.now() - startMs
    if (elapsedMs >= graceMs + UNKILLABLE_MS) break
    if (elapsedMs >= graceMs && !killed) {
      killed = true
      send(living, "SIGKILL")
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(LOOK_MS, Math.max(5, graceMs / 4))))
    living = living.filter(isAlive)
  }
  rmSync(moved, { recursive: true, force: true })
  attempts.delete(name)
  if (attempts.size === 0) {
    clearInterval(looking)
    looking = undefined
  }
  say(`${living.length === 0 ? "ended" : "stuck"} ${name}`)
}

function send(groups: readonly number[], signal: NodeJS.Signals): void {
  for (const group of groups) {
    try {
      process.kill(-group, signal)
    } catch (error) {
      // Gone already, which is what is wanted.
      if (!(error instanceof Error && "code" in error && (error.code === "ESRCH" || error.code === "EPERM")))
        throw error
    }
  }
}

/** Whether a process of the group lives. A zombie does not: a worker that is stopped reaps none. */
function isAlive(group: number): boolean {
  try {
    process.kill(-group, 0)
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
  if (!existsSync("/proc/self/stat")) return true
  return readdirSync("/proc").some((name) => /^\d+$/.test(name) && isLivingMember(name, group))
}

function isLivingMember(pid: string, group: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The name is in brackets and may hold anything; behind it: state, parent, group.
    const [state, , ofGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return Number(ofGroup) === group && state !== "Z" && state !== "X"
  } catch {
    return false // It ended while it was looked at.
  }
}

function say(line: string): void {
  try {
    writeSync(1, `${line}\n`)
  } catch (error) {
    // The worker is gone, or its pipe is full because it is stopped: what it must know it learns from its silence.
    if (!(error instanceof Error && "code" in error && (error.code === "EPIPE" || error.code === "EAGAIN")))
      throw error
  }
}

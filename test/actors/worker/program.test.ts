// The children of an attempt: how they are run, and that none is left.

import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { type Group, Groups } from "../../../src/actors/worker/groups.js"
import { runProgram } from "../../../src/actors/worker/program.js"
import type { ProgramOptions } from "../../../src/blueprints/work.js"
import { isAlive } from "./alive.js"
import { until } from "./until.js"

const groups = new Groups()
let folder: string
let group: Group
let cut = new AbortController()
const lines: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "drydock program "))
})
afterEach(() => group.end())
afterAll(async () => {
  await groups.close()
  await rm(folder, { recursive: true, force: true })
})

function begin(graceMs = 500): void {
  group = groups.open(graceMs)
  cut = new AbortController()
  lines.splice(0)
}

const run = (argv: readonly string[], options: ProgramOptions = {}) =>
  runProgram(argv, options, {
    group,
    signal: cut.signal,
    env: { DRYDOCK_JOB: "lease/L1/3" },
    log: (line) => void lines.push(line),
  })
const sh = (script: string, options?: ProgramOptions) => run(["sh", "-c", script], options)

/** Runs a script that writes the process ids it is about into a file, and resolves to them once they are there. */
async function pidsOf(name: string, count: number): Promise<number[]> {
  const read = async () =>
    (await readFile(join(folder, name), "utf8").catch(() => "")).split("\n").filter((line) => line !== "")
  await until(async () => (await read()).length >= count, `${count} processes`)
  return (await read()).map(Number)
}

describe("a program of an attempt", () => {
  it("gets its arguments, input, folder and environment exactly, and no passwords", async () => {
    begin()
    process.env.DRYDOCK_WORKER_PASSWORD = "secret"
    process.env.DRYDOCK_HOST_PASSWORD = "secret"
    const script = 'cat; echo "[$1][$2]"; pwd; echo "$A $DRYDOCK_JOB"; env | grep -c PASSWORD || true'
    const options = { input: "in\n", cwd: folder, env: { A: "a" } }
    const { stdout } = await run(["sh", "-c", script, "sh", "a b", "$x'"], options)
    delete process.env.DRYDOCK_WORKER_PASSWORD
    delete process.env.DRYDOCK_HOST_PASSWORD
    expect(stdout).toBe(`in\n[a b][$x']\n${folder}\na lease/L1/3\n0\n`)
  })

  it("fails with its exit code and the last line that it said", async () => {
    begin()
    await expect(sh("echo out; echo first >&2; echo why >&2; exit 3")).rejects.toMatchObject({
      name: "ProgramError",
      message: "sh exited with 3: why",
      exitCode: 3,
      stdout: "out\n",
      stderr: "first\nwhy\n",
    })
    await expect(sh("kill -9 $$")).rejects.toMatchObject({
      message: "sh was ended by SIGKILL",
      endedBy: "SIGKILL",
    })
    await expect(run(["/no/such/program"])).rejects.toMatchObject({ name: "ProgramError", exitCode: 127 })
    await expect(sh("true", { cwd: "/no/such/folder" })).rejects.toMatchObject({ name: "TerminalError" })
    await expect(run([])).rejects.toMatchObject({ name: "TerminalError" })
    await expect(run(["a\0b"])).rejects.toMatchObject({ name: "TerminalError" })
    expect(await sh("exit 3", { anyExit: true })).toMatchObject({ exitCode: 3 })
  })

  it("speaks into the job's log, line by line, as far as is wanted, and what it says is bounded", async () => {
    begin()
    await sh("printf 'one\\ntwo\\n\\nthree'; echo four >&2")
    expect([...lines].sort()).toEqual(["", "four", "one", "three", "two"])
    lines.splice(0)
    await sh("echo one; echo two >&2", { log: "stderr" })
    expect(lines).toEqual(["two"])
    lines.splice(0)
    const { stdout } = await sh("yes 1234567 | head -n 100000", { log: "none", captureChars: 100 })
    expect([stdout.length, lines]).toEqual([100, []])
  })

  it("is ended with all that it started when its time is up", async () => {
    begin()
    const script = `sleep 60 & echo $! >>'${folder}/late'; echo $$ >>'${folder}/late'; wait`
    const ended = sh(script, { timeoutMs: 300 })
    await expect(ended).rejects.toMatchObject({
      name: "RetryableError",
      message: "sh took longer than 0.3 s",
    })
    for (const pid of await pidsOf("late", 2)) expect(isAlive(pid)).toBe(false)
  })

  it("is ended with all that it started when the attempt is, also if it ignores TERM", async () => {
    begin(200)
    const script = `trap '' TERM; sleep 60 & echo $! >>'${folder}/cut'; echo $$ >>'${folder}/cut'; wait; sleep 60`
    const ended = sh(script)
    ended.catch(() => {})
    const pids = await pidsOf("cut", 2)
    const startMs = performance.now()
    cut.abort(new Error("enough"))
    await expect(ended).rejects.toThrow("enough")
    expect(performance.now() - startMs).toBeLessThan(8_000)
    for (const pid of pids) expect(isAlive(pid)).toBe(false)
    await expect(sh("true")).rejects.toThrow("enough")
  })

  it("leaves nothing in the background when the attempt is over, and starts nothing afterwards", async () => {
    begin(200)
    await sh(`sleep 60 >/dev/null 2>&1 & echo $! >>'${folder}/left'`)
    const [pid = 0] = await pidsOf("left", 1)
    expect(isAlive(pid)).toBe(true)
    expect(await group.end()).toBe(true)
    expect(isAlive(pid)).toBe(false)
    await expect(sh("true")).rejects.toThrow()
  })

  it("dies when nobody says in time that it may live on", async () => {
    begin(100)
    group.live(400)
    const ended = sh(`echo $$ >>'${folder}/silent'; sleep 60`)
    ended.catch(() => {})
    const [pid = 0] = await pidsOf("silent", 1)
    const startMs = performance.now()
    await until(() => group.ended.aborted, "its end", 10_000)
    expect(performance.now() - startMs).toBeLessThan(8_000)
    expect(isAlive(pid)).toBe(false)
    await expect(ended).rejects.toMatchObject({ name: "ProgramError" })
  })

  it("is killed from here when the guard itself is gone", async () => {
    const own = new Groups()
    group = own.open(100)
    cut = new AbortController()
    const ended = sh(`echo $$ >>'${folder}/unguarded'; sleep 60`)
    ended.catch(() => {})
    const [pid = 0] = await pidsOf("unguarded", 1)
    const status = await readFile(`/proc/${process.pid}/task/${process.pid}/children`, "utf8")
    const guards: number[] = []
    for (const child of status.trim().split(" ")) {
      const command = await readFile(`/proc/${child}/cmdline`, "utf8").catch(() => "")
      if (command.includes("guard-program")) guards.push(Number(child))
    }
    process.kill(Math.max(...guards), "SIGKILL")
    await until(() => group.ended.aborted, "its loss", 10_000)
    await group.end()
    await until(() => !isAlive(pid), "the end of the child", 10_000)
    await expect(ended).rejects.toMatchObject({ endedBy: "SIGKILL" })
    await own.close()
  })
})

import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type GuardTimes, guardScript } from "../../src/interfaces/guard-script.js"
import { launchProgram } from "../../src/interfaces/launch.js"
import { processesWith, until } from "./support/until.js"

const isThere = (shell: string): boolean => {
  try {
    execFileSync("sh", ["-c", `command -v ${shell}`])
    return true
  } catch {
    return false // `command -v` exits with 1
  }
}
/** Any of these may be /bin/sh. */
const SHELLS = ["dash", "bash", "busybox", "ksh", "mksh"].filter(isThere)

describe.each(SHELLS)("the guard of commands in %s", (shell) => {
  let folder: string
  const shellArguments = shell === "busybox" ? ["sh"] : []

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "drydock guard '"))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const startScript = (script: string, argv: readonly string[] = []): ChildProcessWithoutNullStreams =>
    spawn(shell, [...shellArguments, "-c", script, "drydock", ...argv], {
      detached: true,
      env: { PATH: process.env.PATH, TMPDIR: folder },
    })

  async function startGuard(times: GuardTimes = { silenceSeconds: 100, graceSeconds: 1 }) {
    const process = startScript(guardScript(times))
    let said = ""
    process.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text
    })
    await until("the guard is ready", () => said.includes("ready"))
    const guardFolder = /ready (.*)\n/.exec(said)?.[1] ?? ""
    const ask = async (request: string): Promise<string> => {
      const before = said.length
      process.stdin.write(`${request}\n`)
      await until(request, () => said.indexOf("\n", before) > 0)
      return said.slice(before).trim()
    }
    const gone = new Promise<void>((resolve) => process.once("exit", () => resolve()))
    return { process, guardFolder, ask, gone }
  }

  const run = (entry: string, ...argv: string[]): ChildProcessWithoutNullStreams => {
    const { script, argv: args } = launchProgram({ argv }, entry)
    return startScript(script, args)
  }
  /** Not the launch script that is about to become it. */
  const running = (args: string): boolean =>
    processesWith(args).some((line) => /^ *\d+ +\S+ +sleep \d+$/.test(line) && line.endsWith(args))
  const mark = (): string => `9${randomBytes(4).readUInt32BE()}`

  it("signals a command's group, says whether it lives, and forgets it", async () => {
    const { guardFolder, ask, process, gone } = await startGuard()
    const seconds = mark()
    const command = run(`${guardFolder}/1`, "sleep", seconds)
    const ended = new Promise((resolve) => command.once("exit", resolve))
    await until("the command runs", async () => (await ask("alive 1")) === "drydock-guard yes")
    expect(await ask("signal 1 TERM")).toBe("drydock-guard ok")
    await ended
    expect(await ask("alive 1")).toBe("drydock-guard no")
    expect(await ask("done 1")).toBe("drydock-guard")
    expect((await readdir(guardFolder)).filter((name) => name.startsWith("1."))).toEqual([])
    process.stdin.end()
    await gone
    expect(await readdir(folder)).toEqual([])
  })

  it("lets nothing start that was cancelled", async () => {
    const { guardFolder, ask, process, gone } = await startGuard()
    await ask("cancel 2")
    const command = run(`${guardFolder}/2`, "touch", join(folder, "started"))
    const code = await new Promise((resolve) => command.once("exit", resolve))
    expect(code).toBe(125)
    expect(await ask("done 2")).toBe("drydock-guard stopped")
    process.stdin.end()
    await gone
    expect(existsSync(join(folder, "started"))).toBe(false)
  })

  it("ends everything when its input ends, and lets nothing start afterwards", async () => {
    const { guardFolder, process, gone } = await startGuard()
    const [mild, stubborn] = [mark(), mark()]
    run(`${guardFolder}/1`, "sleep", mild)
    run(`${guardFolder}/2`, "sh", "-c", `trap '' TERM; while :; do sleep ${stubborn}; done`)
    await until("both run", () => running(`sleep ${mild}`) && running(`sleep ${stubborn}`))
    process.stdin.destroy()
    await gone
    expect([...processesWith(mild), ...processesWith(stubborn)]).toEqual([])
    const late = run(`${guardFolder}/3`, "touch", join(folder, "late"))
    expect(await new Promise((resolve) => late.once("exit", resolve))).toBe(125)
    expect(await readdir(folder)).toEqual([])
  })

  it("survives the signals that a closing terminal or a service manager sends", async () => {
    const { ask, process, gone } = await startGuard()
    for (const signal of ["SIGHUP", "SIGTERM", "SIGINT", "SIGQUIT"] as const) process.kill(signal)
    expect(await ask("alive 1")).toBe("drydock-guard no")
    process.stdin.end()
    await gone
  })

  it("ends everything when it hears nothing for too long, but not while it hears something", async () => {
    const { guardFolder, ask, process, gone } = await startGuard({ silenceSeconds: 4, graceSeconds: 1 })
    const seconds = mark()
    const command = run(`${guardFolder}/1`, "sleep", seconds)
    const ended = new Promise<NodeJS.Signals | null>((resolve) =>
      command.once("exit", (_code, signal) => resolve(signal)),
    )
    let count = 0
    const startedAt = performance.now()
    const beats = setInterval(() => {
      count += 1
      void ask(`beat ${count}`)
    }, 200)
    await until(
      "it was heard for longer than the silence allowed",
      () => performance.now() - startedAt > 6_000,
    )
    expect(processesWith(`sleep ${seconds}`)).toHaveLength(1)
    clearInterval(beats)
    expect(await ended).toBe("SIGTERM")
    process.stdin.end()
    await gone
  })
})

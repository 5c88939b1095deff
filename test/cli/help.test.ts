import { spawnSync } from "node:child_process"
import { tmpdir } from "node:os"
import { expect, it, vi } from "vitest"
import { candidates } from "../../src/cli/candidates.js"
import { aboutError, ERROR_CODES } from "../../src/cli/error-catalogue.js"
import { failureOf } from "../../src/cli/failure.js"
import { renderHelp } from "../../src/cli/help-text.js"
import { Output } from "../../src/cli/output.js"
import { COMMANDS } from "../../src/cli/table/index.js"
import { LeaseLostError } from "../../src/client/index.js"
import { HOST_ERROR_CODES } from "../../src/interfaces/index.js"
import { drydock } from "./drydock.js"

const here = { cwd: tmpdir() }
const visible = COMMANDS.filter(({ hidden }) => hidden !== true)

it("names every command, and is quick", async () => {
  const startedMs = performance.now()
  const { stdout, code } = await drydock(["--help"], here)
  expect(performance.now() - startedMs).toBeLessThan(2_000)
  expect(code).toBe(0)
  for (const { name } of visible) expect(stdout).toMatch(new RegExp(`^ {2}${name.split(" ")[0]} `, "m"))
})

it.each(visible.map(({ name }) => [name]))(
  "the help of %s has its usage, its options and examples",
  (name) => {
    const text = renderHelp(name.split(" "))
    expect(text).toMatch(new RegExp(`^Usage: drydock ${name} \\[options\\]`))
    expect(text).toContain("--json")
    expect(text).toContain("Examples:")
  },
)

it("`help COMMAND` says the same as `COMMAND --help`", async () => {
  const said = await Promise.all([
    drydock(["resource", "release", "--help"], here),
    drydock(["help", "resource", "release"], here),
  ])
  expect(said[0].stdout).toBe(said[1].stdout)
  expect(said[0].stdout.trim()).toBe(renderHelp(["resource", "release"]))
})

it("gives programs the whole table", async () => {
  const { stdout } = await drydock(["help", "--json"], here)
  const { commands } = JSON.parse(stdout)
  expect(commands.map(({ name }: { name: string }) => name)).toEqual(visible.map(({ name }) => name))
})

it("explains exit codes, and every error by its code", async () => {
  expect((await drydock(["help", "exit-codes"], here)).stdout).toMatch(/79 +the lease was lost/)
  expect((await drydock(["help", "no-host"], here)).stdout).toContain("drydock up")
  for (const code of ERROR_CODES) expect(aboutError(code)?.exit).toBeGreaterThan(0)
})

it("knows every error of hosts, except those that only programs can cause", () => {
  const ofPrograms = /^(file-|input-|output-|aborted|not-a-dir|is-a-dir|directory-|host-closed|not-supported)/
  const missing = HOST_ERROR_CODES.filter((code) => !ofPrograms.test(code) && aboutError(code) === undefined)
  expect(missing).toEqual([])
})

it("an error of a newer library still has an exit code", () => {
  const lost = new LeaseLostError("L1", { code: "expired", message: "its time ended" }, undefined)
  expect(failureOf(lost)).toMatchObject({ code: "lease-lost", exit: 79 })
  expect(failureOf(new TypeError("x is no function"))).toMatchObject({ code: "internal", exit: 70 })
})

class Page {
  text = ""
  constructor(readonly isTTY: boolean) {}
  write(text: string) {
    this.text += text
  }
}

it("draws tables and colours on a terminal only, and obeys NO_COLOR and --color", () => {
  const shown = (isTTY: boolean, color: "auto" | "always", env = {}) => {
    const stdout = new Page(isTTY)
    const out = new Output({ json: false, color, stdout, stderr: new Page(isTTY), env })
    out.data(out.table([{ head: "ID" }, { head: "STATE" }], [["a", out.c.green("active")]]))
    return stdout.text
  }
  expect(shown(false, "auto")).toBe("ID\tSTATE\na\tactive\n")
  expect(shown(true, "auto")).toContain("\u001b[32mactive")
  expect(shown(true, "auto", { NO_COLOR: "1" })).toBe("ID  STATE\na   active\n")
  expect(shown(false, "always")).toContain("\u001b[32mactive")
})

it("never obeys control characters of strangers", () => {
  const stdout = new Page(true)
  const out = new Output({ json: false, color: "never", stdout, stderr: new Page(true), env: {} })
  out.data(out.table([{ head: "ID" }], [["a\u001b]0;owned\u0007b\rc"]]))
  expect(stdout.text).not.toContain("\u001b]")
  expect(stdout.text).not.toContain("\r")
})

it("writes nothing but JSON to stdout under --json, not even a progress line", () => {
  const stdout = new Page(true)
  const stderr = new Page(true)
  const out = new Output({ json: true, color: "always", stdout, stderr, env: {} })
  const progress = out.progress("working")
  out.say("hello")
  progress.update("still working")
  progress.done("done")
  out.document({ text: "ü" }, () => "human")
  expect(JSON.parse(stdout.text)).toEqual({ text: "ü" })
  expect(stderr.text).toBe("")
})

it("rewrites no line while it is in the background of its terminal", () => {
  vi.useFakeTimers()
  try {
    let isForeground = false
    const stderr = new Page(true)
    const foreground = () => isForeground
    const out = new Output({
      json: false,
      color: "never",
      stdout: new Page(true),
      stderr,
      env: {},
      foreground,
    })
    const progress = out.progress("working")
    vi.advanceTimersByTime(5_000)
    expect(stderr.text).toBe("")
    isForeground = true
    vi.advanceTimersByTime(100)
    expect(stderr.text).toContain("working")
    isForeground = false
    stderr.text = ""
    vi.advanceTimersByTime(1_000)
    progress.done()
    expect(stderr.text).toBe("")
  } finally {
    vi.useRealTimers()
  }
})

const live = async (what: unknown) => [{ word: `live-${String(what)}` }]
const complete = async (...words: string[]) => (await candidates(words, live)).map(({ word }) => word)

it("completes commands, options, choices, live ids, files and programs", async () => {
  expect(await complete("re")).toEqual(["renew", "release", "resource", "reclaim", "retry"])
  expect(await complete("resource", "")).toEqual(["release", "reclaim"])
  expect(await complete("release", "")).toEqual(["live-lease"])
  expect(await complete("release", "--a")).toEqual(["--all", "--as"])
  expect(await complete("ls", "dev")).toEqual(["devices"])
  expect(await complete("lease", "--blueprint", "")).toEqual(["live-blueprint"])
  expect(await complete("status", "--color", "")).toEqual(["auto", "always", "never"])
  expect(await complete("apply", "")).toEqual([":files"])
  expect(await complete("run", "--type", "host", "")).toEqual(["--"])
  expect(await complete("run", "--type", "host", "--", "")).toEqual([":commands"])
  expect(await complete("exec", "")).toEqual(["live-lease"])
  expect(await complete("authorization", "")).toEqual(["ls", "approve", "decline"])
  expect(await complete("authorization", "ls", "--state", "r")).toEqual(["requested"])
  expect(await complete("retry", "")).toEqual(["live-stuck"])
  expect(await complete("log", "--type", "")).toEqual(["live-log-type"])
  expect(await complete("nothing", "")).toEqual([])
})

it("is silent in the prompt when there is no yard", async () => {
  const ended = await drydock(["__complete", "--", "release", ""], here)
  expect(ended).toEqual({ code: 0, stdout: "", stderr: "" })
})

it("works in bash", async () => {
  const { stdout } = await drydock(["completion", "bash"], here)
  const answers = 'drydock() { printf "release\\tgive back\\nrenew\\n"; }'
  const typed = "COMP_WORDS=(drydock re); COMP_CWORD=1; _drydock; echo $COMPREPLY"
  const ran = spawnSync("bash", ["-c", `${stdout}\n${answers}\n${typed}`], { encoding: "utf8" })
  expect(ran).toMatchObject({ stdout: "release\n", stderr: "" })
})

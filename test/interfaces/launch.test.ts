import { spawn } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Launch, launchProgram } from "../../src/interfaces/launch.js"
import { COMMAND_LINE_BYTES, commandLine } from "../../src/interfaces/shell-program.js"

const everyByte = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join("")

/** Login shells of this machine that a user of a host may have. */
const folders = (process.env.PATH ?? "").split(delimiter)
const SHELLS = ["sh", "dash", "bash", "zsh", "ksh", "tcsh", "fish"].filter((shell) =>
  folders.some((folder) => existsSync(join(folder, shell))),
)

describe("a command line", () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "drydock-launch-"))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each(SHELLS)("is taken exactly by the login shell %s", async (shell) => {
    const argv = [everyByte, "", "it's $(a) `b` !c \\ \\\\ \\0101 %s\n", "日本語 🚢", "--", "-n", "~", "*"]
    const program = "process.stdout.write(JSON.stringify([process.argv.slice(1), process.env.V]))"
    const env = { V: everyByte }
    const line = commandLine(
      launchProgram(
        { argv: [process.execPath, "-e", program, "--", ...argv], env, cwd: folder },
        join(folder, shell),
      ),
    )
    const child = spawn(shell, ["-c", line], { cwd: folder, env: { PATH: process.env.PATH, HOME: folder } })
    let said = ""
    let complained = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complained += text
    })
    await new Promise((resolve) => child.once("close", resolve))
    expect(complained).toBe("")
    expect(JSON.parse(said)).toEqual([argv, everyByte])
    expect(readdirSync(folder)).toContain(`${shell}.pid`)
  })

  it("has nothing in it that any shell would look at", () => {
    const line = commandLine(launchProgram({ argv: ["a", everyByte], env: { A: everyByte } }, "/tmp/x/1"))
    const [, inside = ""] =
      /^exec \/bin\/sh -c 'eval "\$\(printf %b "\$1"\)"' drydock '(.*)'$/.exec(line) ?? []
    expect(inside).toMatch(/^[A-Za-z0-9 _.,:=@%+/\\-]+$/)
  })

  it("that is too long is refused before anything is sent", () => {
    const launch = (size: number): string =>
      commandLine(launchProgram({ argv: ["echo", "x".repeat(size)] }, "/tmp/x/1"))
    expect(launch(130_000).length).toBeLessThanOrEqual(COMMAND_LINE_BYTES)
    expect(() => launch(131_000)).toThrow(
      expect.objectContaining({ code: "command-too-long", cure: expect.stringContaining("stdin") }),
    )
  })
})

describe("a command that cannot be", () => {
  it.each<[string, Launch]>([
    ["no program", { argv: [] }],
    ["no program", { argv: ["", "x"] }],
    ["begins with a hyphen", { argv: ["-rf"] }],
    ["NUL", { argv: ["a", "b\0c"] }],
    ["NUL", { argv: ["a"], cwd: "x\0" }],
    ["NUL", { argv: ["a"], env: { A: "\0" } }],
    ["Unicode", { argv: ["a", "\ud800"] }],
    ["empty", { argv: ["a"], cwd: "" }],
    ["environment variable", { argv: ["a"], env: { "A B": "1" } }],
    ["environment variable", { argv: ["a"], env: { "1A": "1" } }],
    ["environment variable", { argv: ["a"], env: { "A=$(reboot)": "1" } }],
    ["environment variable", { argv: ["a"], env: { "": "1" } }],
    ["PPID", { argv: ["a"], env: { PPID: "1" } }],
  ])("is refused: %s", (why, launch) => {
    expect(() => launchProgram(launch, "/tmp/x/1")).toThrow(
      expect.objectContaining({
        code: "bad-command",
        message: expect.stringContaining(why),
        retryable: false,
      }),
    )
  })

  it("is refused without the value of a variable in the message", () => {
    expect(() => launchProgram({ argv: ["a"], env: { TOKEN: "s3cret\0" } }, "x")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("s3cret") }),
    )
  })
})

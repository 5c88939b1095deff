import { randomBytes } from "node:crypto"
import { mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Host } from "../../src/interfaces/index.js"
import { connectTo, HOST_KINDS } from "./support/hosts.js"
import type { TestSshServer } from "./support/open-ssh.js"

const NASTY = [
  "",
  " ",
  "it's",
  '"double"',
  "back\\slash \\n \\0101 \\\\",
  "line\nbreak\n\n",
  "tab\tand\rreturn",
  "$(touch pwned) `touch pwned` $HOME $\u007bHOME}",
  "-n",
  "--",
  "-rf",
  "!history! !!",
  "* ? [a-z] ~ {a,b}",
  "; | & < > ( ) #",
  "%s %b %d %%",
  "ünïcödé 日本語 🚢 \u0301",
  "\u0001\u001b[31m\u007f",
  "'\\''\\'",
  "a=b",
  "\n",
]

const PRINT_ARGUMENTS = "process.stdout.write(JSON.stringify(process.argv.slice(1)))"

describe.each(HOST_KINDS)("a command on $name", ({ available, start }) => {
  describe.skipIf(!available)("", () => {
    let server: TestSshServer | null
    let host: Host
    let folder: string

    beforeAll(async () => {
      server = await start()
      host = await connectTo(server)
      folder = await realpath(await mkdtemp(join(tmpdir(), "drydock run ünï ' $(x)-")))
    })
    afterAll(async () => {
      await host.close()
      await server?.stop()
      await rm(folder, { recursive: true, force: true })
    })

    const text = async (argv: readonly string[], options = {}): Promise<string> => {
      const { stdout } = await host.run(argv, options).result
      return stdout.toString("utf8")
    }

    it("gets its arguments exactly", async () => {
      const printed = await text([process.execPath, "-e", PRINT_ARGUMENTS, "--", ...NASTY])
      expect(JSON.parse(printed)).toEqual(NASTY)
    })

    it("captures stdout and stderr apart and reports the exit code", async () => {
      const result = await host.run(["sh", "-c", "echo out; echo err >&2; exit 7"]).result
      expect({ ...result, stdout: `${result.stdout}`, stderr: `${result.stderr}` }).toEqual({
        exitCode: 7,
        signal: null,
        timedOut: false,
        aborted: false,
        stdout: "out\n",
        stderr: "err\n",
        truncated: false,
      })
    })

    it.each([125, 126, 127, 128, 255])("passes on the exit code %i", async (code) => {
      expect(await host.run(["sh", "-c", `exit ${code}`]).result).toMatchObject({
        exitCode: code,
        signal: null,
      })
    })

    it("exits with 127 when there is no such program, and with 126 when it may not be run", async () => {
      expect(await host.run(["no-such-program-anywhere"]).result).toMatchObject({ exitCode: 127 })
      expect(await host.run(["/etc/passwd"]).result).toMatchObject({ exitCode: 126 })
    })

    it("reports the signal that ended it", async () => {
      expect(await host.run(["sh", "-c", "kill -s KILL $$"]).result).toMatchObject({
        exitCode: null,
        signal: "SIGKILL",
      })
      expect(await host.run(["sh", "-c", "kill -s USR1 $$"]).result).toMatchObject({
        exitCode: null,
        signal: "SIGUSR1",
      })
    })

    it("runs in the folder and with the variables it was given", async () => {
      const env = { DRYDOCK_TEST: NASTY.join("|"), _X9: "" }
      const program =
        "process.stdout.write(JSON.stringify([process.cwd(), process.env.DRYDOCK_TEST, process.env._X9]))"
      const printed = await text([process.execPath, "-e", program], { cwd: folder, env })
      expect(JSON.parse(printed)).toEqual([folder, NASTY.join("|"), ""])
    })

    it("says when the folder is not there, and runs nothing", async () => {
      const running = host.run(["echo", "ran"], { cwd: join(folder, "missing") })
      await expect(running.result).rejects.toMatchObject({ code: "working-directory", retryable: false })
    })

    it("reads an end of file when it is given no input", async () => {
      expect(await text(["cat"])).toBe("")
    })

    it("reads text, bytes and streams as its input, and then the end", async () => {
      const bytes = randomBytes(300_000)
      expect(await text(["cat"], { stdin: "hällo\n" })).toBe("hällo\n")
      expect((await host.run(["cat"], { stdin: bytes }).result).stdout.equals(bytes)).toBe(true)
      const pieces = Readable.from([bytes.subarray(0, 1000), bytes.subarray(1000)])
      expect((await host.run(["cat"], { stdin: pieces }).result).stdout.equals(bytes)).toBe(true)
    })

    it("may end before it has read its input", async () => {
      expect(await host.run(["true"], { stdin: randomBytes(5_000_000) }).result).toMatchObject({
        exitCode: 0,
      })
    })

    it("may run beside others on the same connection", async () => {
      const outputs = await Promise.all(
        ["1", "2", "3", "4", "5"].map((n) => text(["sh", "-c", `sleep 0.05; echo ${n}`])),
      )
      expect(outputs).toEqual(["1\n", "2\n", "3\n", "4\n", "5\n"])
    })
  })
})

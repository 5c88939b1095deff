// What is particular to one kind of host.

import { execFileSync, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { Readable } from "node:stream"
import { afterEach, describe, expect, it } from "vitest"
import { type Host, shellExitCode } from "../../src/interfaces/index.js"
import { connectTo } from "./support/hosts.js"
import { hasOpenSsh, startOpenSsh, type TestSshServer } from "./support/open-ssh.js"
import { startSsh2Server } from "./support/ssh2-server.js"
import { processesWith, until } from "./support/until.js"

const mark = (): string => `9${randomBytes(4).readUInt32BE()}`
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const opened of open.splice(0).reverse()) await opened.close()
})

async function connected(server: TestSshServer | null): Promise<Host> {
  if (server !== null) open.push({ close: () => server.stop() })
  const host = await connectTo(server)
  open.push(host)
  return host
}

describe.skipIf(!hasOpenSsh)("OpenSSH", () => {
  it("gives a command a terminal, and ends it when it is stopped", async () => {
    const host = await connected(await startOpenSsh())
    const seconds = mark()
    let said = ""
    const running = host.run(
      ["sh", "-c", `test -t 0 && test -t 1 && stty size && echo $TERM; exec sleep ${seconds}`],
      {
        pty: { rows: 33, columns: 99, term: "vt100" },
        stdout: (chunk) => {
          said += chunk.toString()
          if (said.includes("vt100")) running.stop()
        },
      },
    )
    expect(await running.result).toMatchObject({ aborted: true })
    expect(said).toBe("33 99\r\nvt100\r\n")
    expect(processesWith(seconds)).toEqual([])
  })

  it("that opens no further session says so, and the session that runs goes on", async () => {
    const host = await connected(await startOpenSsh(["MaxSessions 2"]))
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    async function* late(): AsyncGenerator<string> {
      await released
      yield "still here"
    }
    const first = host.run(["cat"], { stdin: Readable.from(late()) })
    await until("cat runs", async () => {
      const refused = await host.run(["true"]).result.then(
        () => null,
        (error: unknown) => error,
      )
      if (refused === null) return false
      expect(refused).toMatchObject({
        code: "session-refused",
        retryable: true,
        cure: expect.stringContaining("MaxSessions"),
      })
      return true
    })
    release()
    expect(`${(await first.result).stdout}`).toBe("still here")
    expect(await host.run(["true"]).result).toMatchObject({ exitCode: 0 })
  })

  it("that runs one fixed command is no host for others", async () => {
    const host = await connected(await startOpenSsh(["ForceCommand echo This account is closed >&2"]))
    await expect(host.run(["true"]).result).rejects.toMatchObject({
      code: "host-unsupported",
      message: expect.stringContaining("This account is closed"),
    })
  })

  it("without SFTP still runs commands", async () => {
    const host = await connected(await startOpenSsh(["Subsystem sftp /nonexistent"]))
    await expect(host.files.stat("/")).rejects.toMatchObject({ code: "session-refused" })
    expect(await host.run(["true"]).result).toMatchObject({ exitCode: 0 })
  })
})

describe("this machine", () => {
  it("has no terminals to give", async () => {
    const host = await connected(null)
    await expect(host.run(["true"], { pty: true }).result).rejects.toMatchObject({ code: "not-supported" })
  })

  it("takes arguments of a megabyte in all, and refuses more in words", async () => {
    const host = await connected(null)
    const many = Array.from({ length: 10 }, () => "x".repeat(100_000))
    expect(await host.run(["true", ...many]).result).toMatchObject({ exitCode: 0 })
    await expect(host.run(["true", "x".repeat(200_000)]).result).rejects.toMatchObject({
      code: "command-too-long",
    })
  })

  it("stops a command whose guard was killed, and guards the next one anew", async () => {
    const host = await connected(null)
    const seconds = mark()
    let ready = false
    const { result } = host.run(["sh", "-c", `echo ready; exec sleep ${seconds}`], {
      stdout: () => {
        ready = true
      },
    })
    const lost = expect(result).rejects.toMatchObject({ code: "connection-lost" })
    await until("it runs", () => ready)
    const guards = execFileSync("ps", ["-ww", "--ppid", String(process.pid), "-o", "pid=,args="], {
      encoding: "utf8",
    })
      .split("\n")
      .filter((line) => line.includes("trap '' HUP"))
    expect(guards).toHaveLength(1)
    process.kill(Number.parseInt(guards[0] ?? "", 10), "SIGKILL")
    await lost
    await until("the command is gone", () => processesWith(seconds).length === 0)
    expect(await host.run(["true"]).result).toMatchObject({ exitCode: 0 })
  })
})

describe("the guard's patience", () => {
  it.each([
    { graceMs: -1 },
    { graceMs: 600_001 },
    { graceMs: Number.NaN },
    { silenceMs: 3_999 },
    { silenceMs: 3_600_001 },
  ])("has limits: %j is refused before anything is started", async (options) => {
    await expect(connectTo(null, options)).rejects.toMatchObject({
      code: "bad-command",
      message: expect.stringContaining(Object.keys(options)[0] ?? ""),
    })
  })

  it("ends everything after the silence that was asked for, when its caller sleeps, and not before", async () => {
    const seconds = mark()
    const script = `
      import { connectHost, hostTarget } from ${JSON.stringify(new URL("../../src/interfaces/index.ts", import.meta.url).href)}
      const target = hostTarget({ device: "h", address: "127.0.0.1", port: 22, transport: "local" })
      const host = await connectHost(target, { silenceMs: 4_000, graceMs: 0 })
      host.run(["sleep", "${seconds}"]).result.catch(() => process.exit(3))
      setInterval(() => console.log("awake"), 500)
    `
    const caller = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    open.push({ close: async () => void caller.kill("SIGKILL") })
    let awake = 0
    caller.stdout.on("data", (chunk) => {
      awake += String(chunk).split("awake").length - 1
    })
    const runs = () => processesWith(`sleep ${seconds}`).some((line) => / sleep [0-9]+$/.test(line))
    await until("it runs", runs)
    const before = awake
    await until("it was silent for longer than allowed, but for its beats", () => awake - before > 13)
    expect(runs()).toBe(true)
    caller.kill("SIGSTOP")
    await until("the guard has ended it", () => !runs())
  })
})

describe("ssh2", () => {
  it("works without its native parts", async () => {
    const server = await startSsh2Server()
    open.push({ close: () => server.stop() })
    // A process of its own: what was loaded once stays loaded.
    const script = `
      process.dlopen = () => { throw new Error("no native parts") }
      const { Client } = require("ssh2")
      const { readFileSync } = require("node:fs")
      const client = new Client()
      client.on("ready", () => client.exec("echo pure", (error, channel) => {
        if (error) throw error
        channel.on("data", (data) => process.stdout.write(data)).on("close", () => client.end())
      }))
      client.connect({ host: "127.0.0.1", port: ${server.port}, username: ${JSON.stringify(server.user)}, privateKey: readFileSync(${JSON.stringify(server.identityFile)}) })`
    const host = await connected(null)
    const result = await host.run([process.execPath, "-e", script], { timeoutMs: 20_000 }).result
    expect({ said: `${result.stdout}`, complained: `${result.stderr}` }).toEqual({
      said: "pure\n",
      complained: "",
    })
  })
})

describe("the exit code that a shell would show", () => {
  it("is the command's own, or 128 and the number of the signal", () => {
    expect(shellExitCode({ exitCode: 7, signal: null })).toBe(7)
    expect(shellExitCode({ exitCode: null, signal: "SIGTERM" })).toBe(143)
    expect(shellExitCode({ exitCode: null, signal: "SIGKILL" })).toBe(137)
    expect(shellExitCode({ exitCode: null, signal: "SIGODD" })).toBe(128)
  })
})

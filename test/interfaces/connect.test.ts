import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type ConnectOptions, connectHost, HostError, hostTarget } from "../../src/interfaces/index.js"
import { attributesOf, HOST_KINDS } from "./support/hosts.js"
import { makeKey, type TestSshServer } from "./support/open-ssh.js"
import { until } from "./support/until.js"

const remote = HOST_KINDS.filter(({ name }) => name !== "this machine")

async function failure(promise: Promise<unknown>): Promise<HostError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof HostError) return error
    throw error
  }
  throw new Error("it did not fail")
}

describe.each(remote)("connecting to $name", ({ available, start }) => {
  describe.skipIf(!available)("", () => {
    let server: TestSshServer
    let home: string
    let agent: ChildProcess | null = null

    beforeAll(async () => {
      const started = await start()
      if (started === null) throw new Error("no server")
      server = started
    })
    afterAll(() => server.stop())
    beforeEach(async () => {
      home = await mkdtemp(join(tmpdir(), "drydock-home-"))
      await mkdir(join(home, ".ssh"), { mode: 0o700 })
    })
    afterEach(async () => {
      agent?.kill()
      agent = null
      await rm(home, { recursive: true, force: true })
    })

    const connect = (change: Record<string, unknown> = {}, options: ConnectOptions = {}) =>
      connectHost(hostTarget({ ...attributesOf(server), ...change }), { env: { HOME: home }, ...options })
    const works = async (promise: ReturnType<typeof connect>): Promise<void> => {
      const host = await promise
      const { stdout } = await host.run(["echo", "in"]).result
      await host.close()
      expect(`${stdout}`).toBe("in\n")
    }
    const ownKnownHosts = (): string => join(home, ".ssh/known_hosts")
    const startAgent = async (): Promise<Record<string, string>> => {
      const socket = join(home, "agent")
      agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" })
      await until("the agent listens", () =>
        stat(socket).then(
          () => true,
          () => false,
        ),
      )
      return { HOME: home, SSH_AUTH_SOCK: socket }
    }

    describe("the host's key", () => {
      it("is checked unless told otherwise, and the refusal names the fingerprint and the line that cures it", async () => {
        const error = await failure(connect({ knownHostsFile: undefined }))
        const fingerprint = execFileSync("ssh-keygen", ["-lf", server.knownHostsFile], {
          encoding: "utf8",
        }).split(" ")[1]
        expect(error).toMatchObject({ code: "host-key-unknown", retryable: false })
        expect(error.message).toContain(`ssh-ed25519 ${fingerprint}`)
        expect(error.message).toContain(ownKnownHosts())
        expect(error.cure).toContain(
          `ssh-keyscan -t ed25519 -p ${server.port} 127.0.0.1 >> ${ownKnownHosts()}`,
        )
        expect(error.cure).toContain("accept-new")
      })

      it("is accepted after the cure was followed", async () => {
        const { cure } = await failure(connect({ knownHostsFile: undefined }))
        const line = /ssh-keyscan[^;]*/.exec(cure)?.[0] ?? ""
        await promisify(execFile)("sh", ["-c", line])
        await works(connect({ knownHostsFile: undefined }))
      })

      it("is found in a hashed file", async () => {
        const file = join(home, "hashed")
        await writeFile(file, await readFile(server.knownHostsFile))
        execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" })
        await works(connect({ knownHostsFile: "~/hashed" }))
      })

      it("is written to the file by accept-new, and checked from then on", async () => {
        await rm(join(home, ".ssh"), { recursive: true })
        await works(connect({ knownHostsFile: undefined }, { knownHosts: "accept-new" }))
        expect(await readFile(ownKnownHosts(), "utf8")).toBe(await readFile(server.knownHostsFile, "utf8"))
        expect((await stat(ownKnownHosts())).mode & 0o777).toBe(0o600)
        await works(connect({ knownHostsFile: undefined }))
        await works(connect({ knownHostsFile: undefined }, { knownHosts: "accept-new" }))
        expect((await readFile(ownKnownHosts(), "utf8")).split("\n")).toHaveLength(2)
      })

      it("that differs is refused by strict and by accept-new, with the line to remove", async () => {
        makeKey(join(home, "other"))
        const other = (await readFile(join(home, "other.pub"), "utf8")).split(" ")[1]
        await writeFile(ownKnownHosts(), `# mine\n[127.0.0.1]:${server.port} ssh-ed25519 ${other}`)
        for (const knownHosts of ["strict", "accept-new"] as const) {
          const error = await failure(connect({ knownHostsFile: undefined }, { knownHosts }))
          expect(error).toMatchObject({ code: "host-key-changed", retryable: false })
          expect(error.message).toContain(`${ownKnownHosts()}:2`)
          expect(error.cure).toContain(`ssh-keygen -f ${ownKnownHosts()} -R '[127.0.0.1]:${server.port}'`)
        }
        await works(connect({ knownHostsFile: undefined }, { knownHosts: "off" }))
      })

      it("that is revoked is refused", async () => {
        await writeFile(
          ownKnownHosts(),
          `@revoked * ssh-ed25519 ${server.hostKey}\n${await readFile(server.knownHostsFile, "utf8")}`,
        )
        expect(await failure(connect({ knownHostsFile: undefined }))).toMatchObject({
          code: "host-key-revoked",
        })
      })

      it("is not looked for in a folder that is no file", async () => {
        const error = await failure(connect({ knownHostsFile: home }))
        expect(error).toMatchObject({ code: "known-hosts-unusable", retryable: false })
      })
    })

    describe("the user's key", () => {
      it("that the server does not know is refused with the user, the host and what was tried", async () => {
        makeKey(join(home, "stranger"))
        const error = await failure(connect({ identityFile: join(home, "stranger") }))
        expect(error).toMatchObject({ code: "authentication-failed", retryable: false })
        expect(error.message).toContain(`${server.user}@127.0.0.1:${server.port}`)
        expect(error.message).toMatch(new RegExp(`${join(home, "stranger")} \\(ssh-ed25519 SHA256:.{43}\\)`))
        expect(error.message).toContain("The server takes: publickey")
        expect(error.cure).toContain("authorized_keys")
        const secret = (await readFile(join(home, "stranger"), "utf8")).split("\n")[2] ?? ""
        expect(JSON.stringify([error.message, error.cure])).not.toContain(secret)
      })

      it("may be one of the usual files", async () => {
        await writeFile(join(home, ".ssh/id_ed25519"), await readFile(server.identityFile), { mode: 0o600 })
        await works(connect({ identityFile: undefined }))
      })

      it("may be in the agent", async () => {
        const env = await startAgent()
        execFileSync("ssh-add", ["-q", server.identityFile], { env: { ...process.env, ...env } })
        await works(connect({ identityFile: undefined }, { env }))
      })

      it("is taken from the agent when its file is encrypted, and otherwise says what to do", async () => {
        const file = join(home, "locked")
        await writeFile(file, await readFile(server.identityFile), { mode: 0o600 })
        execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", "a passphrase", "-f", file], {
          stdio: "ignore",
        })
        const error = await failure(connect({ identityFile: file }))
        expect(error).toMatchObject({
          code: "identity-unusable",
          message: expect.stringContaining("is encrypted"),
        })
        expect(error.cure).toContain("ssh-add")
        const env = await startAgent()
        expect((await failure(connect({ identityFile: file }, { env }))).message).toContain(
          `skipped ${file} (encrypted`,
        )
        execFileSync("ssh-add", ["-q", server.identityFile], { env: { ...process.env, ...env } })
        await works(connect({ identityFile: file }, { env }))
      })

      it("is refused here when its file is missing, is no key, or may not be read", async () => {
        const junk = join(home, "junk")
        await writeFile(junk, "not a key")
        for (const [file, why] of [
          [join(home, "none"), "missing"],
          [junk, "not a private key"],
          [`${server.identityFile}.pub`, "not a private key"],
          [home, "unreadable"],
        ]) {
          const error = await failure(connect({ identityFile: file }))
          expect(error).toMatchObject({
            code: "identity-unusable",
            message: expect.stringContaining(`${file} is ${why}`),
          })
        }
      })

      it("is missed with a list of nothing, and with an agent that does not answer", async () => {
        expect((await failure(connect({ identityFile: undefined }))).message).toContain("no key was found")
        const env = { HOME: home, SSH_AUTH_SOCK: join(home, "no-agent") }
        const error = await failure(connect({ identityFile: undefined }, { env }))
        expect(error.code).toBe("authentication-failed")
        expect(error.message).toContain("the agent failed")
      })

      it("is worth nothing for another user", async () => {
        const error = await failure(connect({ user: "no-such-user" }))
        if (error.code !== "authentication-failed") throw error
        expect(error.message).toContain("no-such-user")
      })
    })

    it("can be aborted", async () => {
      const abort = new AbortController()
      const connecting = connect({}, { signal: abort.signal })
      abort.abort(new Error("changed my mind"))
      expect(await failure(connecting)).toMatchObject({
        code: "aborted",
        cause: expect.objectContaining({ message: "changed my mind" }),
      })
    })
  })
})

describe("a host that is not there", () => {
  let silent: Server
  const known = { knownHosts: "off", env: { HOME: "/nonexistent" } } as const
  const target = (address: string, port: number) =>
    hostTarget({ transport: "ssh", address, port, user: "nobody" })
  const portOf = (server: Server): number => {
    const address = server.address()
    return address !== null && typeof address === "object" ? address.port : 0
  }

  beforeAll(async () => {
    silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
  })
  afterAll(() => void silent.close())

  it("refuses the connection", async () => {
    const probe = createServer()
    await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve))
    const port = portOf(probe)
    await new Promise((resolve) => probe.close(resolve))
    const error = await failure(connectHost(target("127.0.0.1", port), known))
    expect(error).toMatchObject({
      code: "host-unreachable",
      retryable: true,
      cause: { code: "ECONNREFUSED" },
    })
    expect(error.message).toContain(`nobody@127.0.0.1:${port}`)
  })

  it("has no name", async () => {
    const error = await failure(connectHost(target("no-such-host.invalid", 22), known))
    expect(error).toMatchObject({
      code: "host-unreachable",
      retryable: true,
      cause: expect.objectContaining({ syscall: "getaddrinfo" }),
    })
  })

  it("says nothing until the time is over", async () => {
    const startedAt = performance.now()
    const error = await failure(
      connectHost(target("127.0.0.1", portOf(silent)), { ...known, connectTimeoutMs: 300 }),
    )
    expect(error).toMatchObject({
      code: "host-unreachable",
      message: expect.stringContaining("no answer within 300 ms"),
    })
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })

  it("says nothing until the caller aborts", async () => {
    const abort = new AbortController()
    const connecting = connectHost(target("127.0.0.1", portOf(silent)), { ...known, signal: abort.signal })
    silent.once("connection", () => abort.abort())
    expect(await failure(connecting)).toMatchObject({ code: "aborted" })
  })

  it("speaks something else", async () => {
    const other = createServer((socket) => void socket.resume().end("HTTP/1.1 400 Bad Request\r\n\r\n"))
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve))
    const startedAt = performance.now()
    const error = await failure(connectHost(target("127.0.0.1", portOf(other)), known))
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect(["handshake-failed", "host-unreachable"]).toContain(error.code)
    await new Promise((resolve) => other.close(resolve))
  })
})

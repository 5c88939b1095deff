import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Host } from "../../src/interfaces/index.js"
import { connectTo, HOST_KINDS } from "./support/hosts.js"
import type { TestSshServer } from "./support/open-ssh.js"
import { processesWith, until } from "./support/until.js"

/** A sleep that `ps` can tell from every other. */
const mark = (): string => `9${randomBytes(4).readUInt32BE()}`

describe.each(HOST_KINDS)("stopping a command on $name", ({ available, start }) => {
  describe.skipIf(!available)("", () => {
    let server: TestSshServer | null
    let host: Host
    let folder: string

    beforeAll(async () => {
      server = await start()
      host = await connectTo(server)
      folder = await mkdtemp(join(tmpdir(), "drydock-stop-"))
      await host.run(["true"]).result // the guard answers
    })
    afterAll(async () => {
      await host.close()
      await server?.stop()
      await rm(folder, { recursive: true, force: true })
    })

    it("ends it and its children when the time is over", async () => {
      const seconds = mark()
      const script = `sleep ${seconds} & sleep ${seconds} & wait`
      const result = await host.run(["sh", "-c", script], { timeoutMs: 2_000 }).result
      expect(result).toMatchObject({ exitCode: null, signal: "SIGTERM", timedOut: true, aborted: false })
      expect(processesWith(seconds)).toEqual([])
    })

    it("ends it when the signal is aborted, and keeps what it said before", async () => {
      const seconds = mark()
      const abort = new AbortController()
      const heard: string[] = []
      const { result } = host.run(["sh", "-c", `echo ready; exec sleep ${seconds}`], {
        signal: abort.signal,
        stdout: (chunk) => {
          heard.push(chunk.toString())
          abort.abort()
        },
      })
      expect(await result).toMatchObject({ signal: "SIGTERM", aborted: true, timedOut: false })
      expect(heard.join("")).toBe("ready\n")
      expect(processesWith(seconds)).toEqual([])
    })

    it("kills what does not end by itself, children included", async () => {
      const seconds = mark()
      const script = `trap '' TERM; (trap '' TERM; while :; do sleep ${seconds}; done) & echo ready; while :; do sleep ${seconds}; done`
      const running = host.run(["sh", "-c", script], { killAfterMs: 300, stdout: () => running.stop() })
      expect(await running.result).toMatchObject({ exitCode: null, signal: "SIGKILL", aborted: true })
      expect(processesWith(seconds)).toEqual([])
    })

    it("ends children that ignore SIGTERM and hold no output when the command itself obeys", async () => {
      const seconds = mark()
      const child = `trap '' TERM; while :; do sleep ${seconds}; done`
      const script = `sh -c "${child}" >/dev/null 2>&1 </dev/null & echo ready; exec sleep ${seconds}`
      const running = host.run(["sh", "-c", script], { killAfterMs: 300, stdout: () => running.stop() })
      expect(await running.result).toMatchObject({ signal: "SIGTERM", aborted: true })
      expect(processesWith(seconds)).toEqual([])
    })

    it("takes the exit code of a command that ends itself in order on SIGTERM", async () => {
      const script = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
      let said = ""
      const running = host.run(["sh", "-c", script], {
        stdout: (chunk) => {
          said += chunk.toString()
          running.stop()
        },
      })
      expect(await running.result).toMatchObject({ exitCode: 3, signal: null, aborted: true })
      expect(said).toBe("ready\nbye\n")
    })

    it("starts nothing when it is stopped before it starts", async () => {
      const file = join(folder, "started")
      for (let round = 0; round < 10; round += 1) {
        const running = host.run(["touch", file])
        running.stop()
        expect(await running.result).toMatchObject({ aborted: true, exitCode: null, signal: null })
      }
      const aborted = await host.run(["touch", file], { signal: AbortSignal.abort() }).result
      expect(aborted).toMatchObject({ aborted: true })
      expect(existsSync(file)).toBe(false)
    })

    it("never leaves one running, whenever the stop comes while it starts", async () => {
      const seconds = mark()
      for (let round = 0; round < 25; round += 1) {
        const result = await host.run(["sleep", seconds], { timeoutMs: round * 3 }).result
        expect(result).toMatchObject({ timedOut: true, exitCode: null })
      }
      expect(processesWith(seconds)).toEqual([])
    })

    it("does not wait for output that a process outside the group holds open", async () => {
      const seconds = mark()
      const running = host.run(
        ["sh", "-c", `setsid sh -c 'echo ready; exec sleep ${seconds}' & exec sleep ${seconds}`],
        {
          stdout: () => running.stop(),
        },
      )
      expect(await running.result).toMatchObject({ aborted: true, truncated: true, signal: "SIGTERM" })
      const escaped = processesWith(seconds)
      expect(escaped).toHaveLength(1)
      process.kill(Number.parseInt(escaped[0] ?? "", 10), "SIGKILL")
    })

    it("passes on other signals to the whole group", async () => {
      const script = "trap 'echo got; exit 0' USR1; echo ready; while :; do sleep 0.05; done"
      let said = ""
      const running = host.run(["sh", "-c", script], {
        stdout: async (chunk) => {
          said += chunk.toString()
          if (said === "ready\n") await running.kill("SIGUSR1")
        },
      })
      expect(await running.result).toMatchObject({ exitCode: 0, aborted: false })
      expect(said).toBe("ready\ngot\n")
      await expect(running.kill("rm -rf /")).rejects.toMatchObject({ code: "bad-command" })
    })

    it("stops everything when the host is closed, and leaves no trace", async () => {
      const seconds = mark()
      const other = await connectTo(server)
      let ready = 0
      const results = [1, 2].map(
        () =>
          other.run(["sh", "-c", `echo ready; exec sleep ${seconds}`], {
            stdout: () => {
              ready += 1
            },
          }).result,
      )
      await until("both run", () => ready === 2)
      await other.close()
      for (const result of results) expect(await result).toMatchObject({ aborted: true, signal: "SIGTERM" })
      expect(processesWith(seconds)).toEqual([])
      await expect(other.run(["true"]).result).rejects.toMatchObject({ code: "host-closed" })
      await expect(other.files.stat("/")).rejects.toMatchObject({ code: "host-closed" })
      expect(await readdir(folder)).toEqual([])
    })
  })
})

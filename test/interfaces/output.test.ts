import { createHash } from "node:crypto"
import { Readable, Writable } from "node:stream"
import { setTimeout as delay } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Host } from "../../src/interfaces/index.js"
import { connectTo, HOST_KINDS } from "./support/hosts.js"
import type { TestSshServer } from "./support/open-ssh.js"

const MEGABYTE = 1024 * 1024
/** Prints `n` MiB of a known pattern to the given descriptor. */
const print = (megabytes: number, descriptor: 1 | 2): string[] => [
  process.execPath,
  "-e",
  `const { writeSync } = require("node:fs")
   const block = Buffer.from("0123456789abcdef".repeat(65536))
   for (let n = 0; n < ${megabytes}; n += 1) {
     let at = 0
     while (at < block.length) {
       try { at += writeSync(${descriptor}, block, at) } catch (error) { if (error.code !== "EAGAIN") throw error }
     }
   }`,
]
const hashOf = (megabytes: number): string => {
  const hash = createHash("sha256")
  for (let n = 0; n < megabytes; n += 1) hash.update("0123456789abcdef".repeat(65_536))
  return hash.digest("hex")
}

describe.each(HOST_KINDS)("output of a command on $name", ({ name, available, start }) => {
  describe.skipIf(!available)("", () => {
    let server: TestSshServer | null
    let host: Host

    beforeAll(async () => {
      server = await start()
      host = await connectTo(server)
    })
    afterAll(async () => {
      await host.close()
      await server?.stop()
    })

    it("arrives whole, 100 MB of it, without filling the memory", async () => {
      const hash = createHash("sha256")
      let bytes = 0
      let highest = 0
      const before = process.memoryUsage().rss
      const slow = new Writable({
        highWaterMark: 64 * 1024,
        write(chunk: Buffer, _encoding, done) {
          hash.update(chunk)
          bytes += chunk.length
          highest = Math.max(highest, process.memoryUsage().rss)
          setImmediate(done)
        },
      })
      const result = await host.run(print(100, 1), { stdout: slow }).result
      expect(result).toMatchObject({ exitCode: 0, truncated: false })
      expect(bytes).toBe(100 * MEGABYTE)
      expect(hash.digest("hex")).toBe(hashOf(100))
      expect(highest - before).toBeLessThan(80 * MEGABYTE)
      expect(slow.writableEnded).toBe(false)
    })

    it("stops coming while its reader is busy", async () => {
      let taken = 0
      let release = (): void => undefined
      const busy = new Promise<void>((resolve) => {
        release = resolve
      })
      const { result } = host.run(print(60, 1), {
        stdout: (chunk) => {
          taken += chunk.length
          return busy
        },
      })
      const early = await Promise.race([result, delay(1_500)])
      expect(early).toBeUndefined()
      expect(taken).toBeLessThan(4 * MEGABYTE)
      release()
      expect(await result).toMatchObject({ exitCode: 0 })
      expect(taken).toBe(60 * MEGABYTE)
    })

    // ssh2's server, not its client, mixes the two up when both wait for the window.
    it.skipIf(name === "ssh2's server")("may come on stderr and stdout at once", async () => {
      const counts = { out: 0, err: 0 }
      const script = `"$1" -e "$2" & "$1" -e "$3"; wait`
      const [node = "", , out = ""] = print(10, 1)
      const [, , err = ""] = print(10, 2)
      const result = await host.run(["sh", "-c", script, "sh", node, out, err], {
        stdout: (chunk) => {
          counts.out += chunk.length
        },
        stderr: (chunk) => {
          counts.err += chunk.length
        },
      }).result
      expect(result).toMatchObject({ exitCode: 0 })
      expect(counts).toEqual({ out: 10 * MEGABYTE, err: 10 * MEGABYTE })
    })

    it("is captured from its beginning, up to the limit", async () => {
      const result = await host.run(print(3, 1), { captureBytes: 1000 }).result
      expect(result).toMatchObject({ exitCode: 0, truncated: true })
      expect(result.stdout.toString()).toBe("0123456789abcdef".repeat(63).slice(0, 1000))
    })

    it("that nobody can take any more stops the command", async () => {
      const failing = host.run(["sh", "-c", "while :; do echo y; done"], {
        stdout: () => {
          throw new Error("disk full")
        },
      })
      await expect(failing.result).rejects.toMatchObject({
        code: "output-failed",
        message: expect.stringContaining("disk full"),
      })
      const closed = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) })
      closed.on("error", () => undefined) // the stream's owner knows
      const piped = host.run(["sh", "-c", "while :; do echo y; done"], { stdout: closed })
      await expect(piped.result).rejects.toMatchObject({ code: "output-failed" })
    })

    it("is not lost when the input fails; the command is stopped", async () => {
      const input = new Readable({ read: () => undefined })
      const { result } = host.run(["sh", "-c", "echo ready; cat"], {
        stdin: input,
        stdout: () => void input.destroy(new Error("gone")),
      })
      await expect(result).rejects.toMatchObject({
        code: "input-failed",
        message: expect.stringContaining("gone"),
      })
    })
  })
})

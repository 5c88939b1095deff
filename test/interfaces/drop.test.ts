// The connection goes away while commands run.

import { randomBytes } from "node:crypto"
import { Readable } from "node:stream"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ConnectOptions, connectHost, hostTarget } from "../../src/interfaces/index.js"
import { attributesOf, HOST_KINDS } from "./support/hosts.js"
import type { TestSshServer } from "./support/open-ssh.js"
import { type Line, startLine } from "./support/proxy.js"
import { processesWith, until } from "./support/until.js"

const mark = (): string => `9${randomBytes(4).readUInt32BE()}`
const remote = HOST_KINDS.filter(({ name }) => name !== "this machine")

describe.each(remote)("a connection to $name that is cut", ({ available, start }) => {
  describe.skipIf(!available)("", () => {
    let server: TestSshServer | null
    let line: Line

    beforeAll(async () => {
      server = await start()
      line = await startLine(server?.port ?? 0)
    })
    afterAll(async () => {
      await line.stop()
      await server?.stop()
    })

    const connect = (options: ConnectOptions = {}) =>
      connectHost(hostTarget({ ...attributesOf(server), port: line.port }), {
        knownHosts: "off",
        env: {},
        ...options,
      })

    it("ends the commands on the host, and those that ignore SIGTERM as well", async () => {
      const host = await connect()
      const [mild, stubborn] = [mark(), mark()]
      let ready = 0
      const stdout = (): void => {
        ready += 1
      }
      const results = [
        host.run(["sh", "-c", `echo ready; sleep ${mild} & exec sleep ${mild}`], { stdout }).result,
        host.run(["sh", "-c", `trap '' TERM HUP; echo ready; while :; do sleep ${stubborn}; done`], {
          stdout,
        }).result,
      ]
      const lost = results.map((result) =>
        expect(result).rejects.toMatchObject({ code: "connection-lost", retryable: true }),
      )
      await until("both run", () => ready === 2)
      expect(processesWith(mild).length).toBeGreaterThan(0)
      line.cut()
      await Promise.all(lost)
      expect(host.ended.aborted).toBe(true)
      await until("the mild command is gone", () => processesWith(mild).length === 0)
      await until("the stubborn command is gone", () => processesWith(stubborn).length === 0)
      await expect(host.run(["true"]).result).rejects.toMatchObject({ code: "connection-lost" })
      await expect(host.files.stat("/")).rejects.toMatchObject({ code: "connection-lost" })
      await host.close()
    })

    it("kills those that ignore SIGTERM after the grace that was asked for", async () => {
      const host = await connect({ graceMs: 1_000 })
      const stubborn = mark()
      let ready = false
      const stdout = () => {
        ready = true
      }
      const script = `trap '' TERM HUP; echo ready; while :; do sleep ${stubborn}; done`
      const lost = expect(host.run(["sh", "-c", script], { stdout }).result).rejects.toMatchObject({
        code: "connection-lost",
      })
      await until("it runs", () => ready)
      line.cut()
      const cutMs = performance.now()
      await lost
      await until("it is gone", () => processesWith(stubborn).length === 0)
      expect(performance.now() - cutMs).toBeLessThan(8_000)
      await host.close()
    })

    it("breaks off what is under way with files", async () => {
      const host = await connect()
      async function* endless(): AsyncGenerator<Buffer> {
        while (true) yield Buffer.alloc(32_768)
      }
      const upload = host.files.upload(Readable.from(endless()), `/tmp/drydock-${mark()}`, {
        onProgress: () => line.cut(),
      })
      await expect(upload).rejects.toMatchObject({ code: "connection-lost" })
      await host.close()
    })
  })
})

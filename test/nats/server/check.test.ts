import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect, type NatsConnection } from "nats"
import { afterEach, expect, test } from "vitest"
import { checkServer } from "../../../src/nats/server/check.js"
import { findServer } from "../../../src/nats/server/find.js"
import { startServerProcess } from "../../../src/nats/server/process.js"
import { startTestServer } from "../../support/server.js"

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo()
})

async function connected(options: {
  servers: string
  user?: string
  pass?: string
}): Promise<NatsConnection> {
  const connection = await connect(options)
  cleanUp.push(() => connection.close())
  return connection
}

test("the embedded server is good for the host, not for a person", async () => {
  const server = await startTestServer()
  cleanUp.push(() => server.stop())
  expect(await checkServer(await connected(server.hostOptions))).toMatch(/^\d+\.\d+\.\d+$/)
  await expect(checkServer(await connected(server.personOptions))).rejects.toMatchObject({
    code: "jetstream-forbidden",
  })
})

test("a server without JetStream is refused with the cure", async () => {
  const folder = await mkdtemp(join(tmpdir(), "drydock check "))
  cleanUp.push(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, "plain.conf"), "host: 127.0.0.1\n")
  const { path: binary } = await findServer()
  const args = ["-c", join(folder, "plain.conf"), "-p", "-1"]
  const server = await startServerProcess({ binary, args, storeDir: folder })
  cleanUp.push(() => server.stop())
  const connection = await connected({ servers: `127.0.0.1:${server.port}` })
  await expect(checkServer(connection)).rejects.toMatchObject({
    code: "no-jetstream",
    cure: expect.stringContaining("-js"),
  })
})

test("an old server is refused with its version", async () => {
  const old = createServer((socket) => {
    socket.on("error", () => {})
    socket.write(
      'INFO {"server_id":"x","version":"2.9.10","jetstream":true,"headers":true,"max_payload":1048576}\r\n',
    )
    socket.on("data", (data) => {
      if (data.includes("PING")) socket.write("PONG\r\n")
    })
  }).listen(0, "127.0.0.1")
  cleanUp.push(() => old.close())
  await once(old, "listening")
  const address = old.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  await expect(checkServer(await connected({ servers: `127.0.0.1:${port}` }))).rejects.toMatchObject({
    code: "server-too-old",
    message: expect.stringContaining("2.9.10"),
  })
})

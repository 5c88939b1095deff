// Every mistake that people make is a clear error with its cure and the right exit code, as text and as JSON.

import { spawn } from "node:child_process"
import { rm } from "node:fs/promises"
import { createServer } from "node:net"
import { afterAll, beforeAll, expect, it } from "vitest"
import { findServer } from "../../src/nats/server/find.js"
import { drydock, newFolder, start, startYard, type Yard } from "./drydock.js"

let yard: Yard
let empty: string

beforeAll(async () => {
  yard = await startYard()
  empty = await newFolder()
})
afterAll(async () => {
  await yard.stop()
  await yard.remove()
  await rm(empty, { recursive: true })
})

const CASES: readonly (readonly [args: string, exit: number, code: string, says: RegExp])[] = [
  ["bogus", 64, "usage", /no command "bogus"/],
  ["leas --type host", 64, "usage", /no command "leas"/],
  ["lease", 64, "usage", /--type/],
  ["lease --type Host", 64, "usage", /not a type/],
  ["lease --type host --attributes {a", 64, "invalid-json", /not a JSON object/],
  ["lease --type host --attributes [1]", 64, "invalid-json", /not a JSON object/],
  ["lease --type host --attributes @nowhere", 64, "file-unreadable", /cannot read nowhere/],
  ["lease --type host --ttl 5x", 64, "invalid-duration", /not a duration: "5x"/],
  ["lease --type host --ttl 9999d", 64, "invalid-duration", /not a duration/],
  ["lease --type host --until tomorrow", 64, "invalid-time", /not a time/],
  ["lease --type host --until 2020-01-01T00:00:00Z", 64, "invalid-time", /has passed already/],
  ["lease host", 64, "usage", /too many arguments/],
  ["lease --type host --count 0", 64, "usage", /--count takes a whole number/],
  ["lease --type host --blueprint a.b", 64, "invalid-id", /not an id of a blueprint/],
  ["run --type host", 64, "usage", /argv/],
  ["run --type host ls -la", 64, "usage", /unknown option '-la'/],
  ["exec nobody -- true", 66, "unknown-actor", /no lease\/nobody/],
  ["show lease/nobody", 66, "unknown-actor", /no lease\/nobody/],
  ["show a.b", 64, "invalid-id", /not an id/],
  ["show leese/x", 64, "usage", /no kind "leese"/],
  ["why nobody", 66, "unknown-actor", /nobody/],
  ["release", 64, "usage", /--all/],
  ["release nobody", 66, "unknown-actor", /nobody/],
  ["renew nobody --ttl 5m", 66, "unknown-actor", /nobody/],
  ["device disable nobody", 66, "unknown-actor", /nobody/],
  ["why resource/r6", 64, "invalid-id", /resource\/r6 is a resource, not a lease/],
  ["service disable nobody", 66, "unknown-actor", /nobody/],
  ["ls things", 64, "usage", /cannot list "things"/],
  ["ls --state foo", 64, "usage", /leases have no state "foo"/],
  ["ls resources --state acquired", 64, "usage", /resources have no state "acquired"/],
  ["ls slots --state active", 64, "usage", /--state does not choose among slots/],
  ["ls devices --type host", 64, "usage", /--type does not choose among devices/],
  ["ls leases --prefix a", 64, "usage", /--prefix does not choose among leases/],
  ["ls --limit many", 64, "usage", /--limit/],
  ["ls --yard NOPE", 64, "invalid", /yard/],
  ["ls --yard nowhere", 69, "no-host", /nowhere/],
  ["ls --server nats://127.0.0.1:1", 69, "no-server", /127\.0\.0\.1:1/],
  ["ls --store ./nowhere", 69, "no-address", /nowhere/],
  ["ls --as system", 64, "invalid", /principal/],
  ["apply nowhere.yaml", 64, "file-unreadable", /nowhere\.yaml/],
  ["annotate lease/nobody x", 64, "usage", /key=text/],
  ["up --port 99999", 64, "usage", /--port/],
  ["up --exit", 64, "usage", /--demo/],
  ["completion tcsh", 64, "usage", /tcsh/],
  ["help nothing-of-this-name", 64, "usage", /no help/],
  ["status --color sometimes", 64, "usage", /--color/],
]

it.each(CASES)("drydock %s: exit %i, %s", async (args, exit, code, says) => {
  const ended = await yard.drydock(["--json", ...args.split(" ")])
  expect(ended.code, ended.stderr).toBe(exit)
  const { error } = JSON.parse(ended.stdout)
  expect(error).toMatchObject({ code, message: expect.stringMatching(says) })
  expect(Object.keys(error)).toEqual(["code", "message", "why", "do"])
  expect(ended.stderr).toMatch(new RegExp(`^error ${code}: `, "m"))
  expect(ended.stderr).toMatch(new RegExp(`^ {2}docs {2}drydock help ${code}$`, "m"))
  expect(ended.stderr + ended.stdout).not.toContain("\u001b")
})

it("without a yard anywhere every command says how to get one", async () => {
  const ended = await drydock(["ls"], { cwd: empty })
  expect(ended.code).toBe(69)
  expect(ended.stderr).toContain("drydock up")
})

it.each([
  ["device disable nobody", "drydock ls devices"],
  ["blueprint enable nobody", "drydock ls blueprints"],
  ["resource reclaim nobody", "drydock ls resources"],
  ["why nobody", "drydock ls leases"],
  ["lease host", "drydock lease --type TYPE"],
  ["ls --server nats://127.0.0.1:1", "drydock --server URL"],
])("drydock %s: the cure is %s", async (args, cure) => {
  expect((await yard.drydock(args.split(" "))).stderr).toMatch(new RegExp(`^ {2}.*${cure}`, "m"))
})

it("a state that does not exist is answered with those that do", async () => {
  const { stderr } = await yard.drydock(["ls", "resources", "--state", "activ"])
  expect(stderr).toContain("their states are pending, active, released, broken, destroyed")
  expect(stderr).toContain("drydock ls resources --state active")
})

it.each(["ls", "status", "show lease/x", "why x", "commands lease/x"])(
  "drydock %s does not wait long for a yard that nobody serves",
  async (args) => {
    const startedMs = performance.now()
    const ended = await yard.drydock([...args.split(" "), "--yard", "nowhere"])
    expect(ended.code).toBe(69)
    expect(ended.stderr).toMatch(/^… waiting for the answer of yard nowhere$/m)
    expect(ended.stderr).toMatch(/^error no-host: /m)
    expect(performance.now() - startedMs).toBeLessThan(9_000)
  },
)

it("a server without JetStream is named as such", async () => {
  const { path } = await findServer()
  const server = spawn(path, ["-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", empty], {
    stdio: ["ignore", "ignore", "pipe"],
  })
  const port = await new Promise<string>((resolve) =>
    server.stderr.on("data", (chunk: Buffer) => {
      const found = /127\.0\.0\.1:(\d+)/.exec(chunk.toString("utf8"))?.[1]
      if (found !== undefined) resolve(found)
    }),
  )
  const url = `nats://127.0.0.1:${port}`
  const [up, host] = await Promise.all([
    drydock(["up", "--json"], { cwd: empty, env: { DRYDOCK_NATS_URL: url } }),
    drydock(["host", "--json", "--server", url], { cwd: empty }),
  ])
  server.kill()
  expect([up.code, host.code]).toEqual([78, 78])
  expect(JSON.parse(up.stdout)).toMatchObject({ error: { code: "no-jetstream" } })
})

it("an old server is named as such", async () => {
  const info = {
    server_id: "old",
    version: "2.9.25",
    proto: 1,
    max_payload: 1_048_576,
    headers: true,
    jetstream: true,
  }
  const old = createServer((socket) => {
    socket.on("error", () => {}) // the client hangs up as it likes
    socket.write(`INFO ${JSON.stringify(info)}\r\n`)
    socket.on("data", (chunk: Buffer) => {
      if (chunk.includes("PING")) socket.write("PONG\r\n")
    })
  })
  const port = await new Promise<number>((resolve) =>
    old.listen(0, "127.0.0.1", () => {
      const address = old.address()
      resolve(typeof address === "object" && address !== null ? address.port : 0)
    }),
  )
  const ended = await drydock(["up", "--json"], {
    cwd: empty,
    env: { DRYDOCK_NATS_URL: `nats://127.0.0.1:${port}` },
  })
  old.close()
  expect(ended.code).toBe(78)
  expect(JSON.parse(ended.stdout)).toMatchObject({
    error: { code: "server-too-old", message: expect.stringContaining("2.9.25") },
  })
})

it("a reader who leaves early is no error to anybody", async () => {
  const help = start(["help", "errors"], { cwd: empty })
  help.child.stdout?.destroy()
  const ended = await help.ended
  expect(ended.stderr).toBe("")
})

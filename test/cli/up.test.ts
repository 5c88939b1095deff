import { existsSync } from "node:fs"
import { readFile, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { afterEach, expect, it } from "vitest"
import { drydock, EXAMPLE, newFolder, start, startYard, type Yard } from "./drydock.js"

const open: Yard[] = []

async function yardIn(folder?: string): Promise<Yard> {
  const yard = await startYard(folder)
  open.push(yard)
  return yard
}

afterEach(async () => {
  for (const yard of open.splice(0)) {
    await yard.stop()
    await yard.remove()
  }
})

it("says in its first JSON line where it is, and leaves the same in up.json for clients", async () => {
  const yard = await yardIn()
  const ready = JSON.parse(await yard.up.line(/./))
  expect(ready).toEqual({ event: "ready", nats: yard.url, yard: "default" })
  const file = JSON.parse(await readFile(join(yard.folder, ".drydock", "up.json"), "utf8"))
  expect(file).toEqual({ nats: yard.url, yard: "default", pid: yard.up.child.pid })
  expect(await yard.json(["status"])).toMatchObject({ yard: "default", role: "active", server: yard.url })
})

it("ends cleanly on Ctrl-C and goes on where it stopped", async () => {
  const first = await yardIn()
  await first.drydock(["apply", EXAMPLE])
  const lease = (await first.drydock(["lease", "--type", "host"])).stdout.trim()
  const ended = await first.stop()
  expect(ended.code).toBe(0)
  expect(existsSync(join(first.folder, ".drydock", "up.json"))).toBe(false)
  open.splice(0)

  const second = await yardIn(first.folder)
  expect(await second.json(["show", `lease/${lease}`])).toMatchObject({ record: { to: "active", id: lease } })
  expect((await second.drydock(["apply", EXAMPLE])).stdout).toContain("0 created, 0 changed, 4 unchanged")
})

it("does not start twice on one store, and says who has it", async () => {
  const yard = await yardIn()
  const again = await yard.drydock(["up", "--port", "0", "--json"])
  expect(again.code).toBe(75)
  expect(JSON.parse(again.stdout)).toMatchObject({ error: { code: "store-in-use" } })
  expect(again.stderr).toContain(String(yard.up.child.pid))
  expect((await yard.drydock(["status"])).code).toBe(0)
})

it("names a port that is in use and the cure", async () => {
  const taken = createServer()
  const port = await new Promise<number>((resolve) =>
    taken.listen(0, "127.0.0.1", () => {
      const address = taken.address()
      resolve(typeof address === "object" && address !== null ? address.port : 0)
    }),
  )
  const folder = await newFolder()
  const ended = await drydock(["up", "--port", String(port)], { cwd: folder })
  taken.close()
  await rm(folder, { recursive: true })
  expect(ended.code).toBe(75)
  expect(ended.stderr).toMatch(/^error port-in-use: .*\n {2}why .*\n {2}do .*--port 0/m)
  expect(ended.stdout).toBe("")
})

it("does the main job in its demonstration: every transition, the program's output, exit 0", async () => {
  const folder = await newFolder()
  const ended = await drydock(["up", "--demo", "--exit", "--port", "0"], { cwd: folder })
  await rm(folder, { recursive: true })
  expect(ended.code, ended.stderr).toBe(0)
  const order = [
    /▸ drydock apply examples\/localhost\.yaml/,
    /blueprint\/localhost +● enabled/,
    /▸ drydock lease --type host/,
    /\d\d:\d\d:\d\d\.\d{3} {2}lease\/\S+ +◌ pending +request/,
    /resource\/\S+ +pending → ● active/,
    /lease\/\S+ +pending → acquired → ● active/,
    /▸ drydock exec \S+ -- uname -a/,
    /▸ drydock release/,
    /active → released → · destroyed/,
    /✓ leased, used and released/,
  ]
  const places = order.map((pattern) => ended.stdout.search(pattern))
  expect(places.every((place) => place >= 0)).toBe(true)
  expect([...places].sort((a, b) => a - b)).toEqual(places)
})

it("shows what others do, as JSON lines", async () => {
  const yard = await yardIn()
  await yard.drydock(["apply", EXAMPLE])
  const line = JSON.parse(await yard.up.line(/"kind":"blueprint"/))
  expect(line).toMatchObject({
    event: "record",
    record: { kind: "blueprint", id: "localhost", to: "enabled" },
  })
})

it("hosts on one server share the work: the second stands by and takes over when the first goes", async () => {
  const server = await yardIn()
  const password = (await readFile(join(server.folder, ".drydock", "host.password"), "utf8")).trim()
  const env = { DRYDOCK_NATS_URL: server.url, DRYDOCK_HOST_USER: "host", DRYDOCK_HOST_PASSWORD: password }
  const hosts = ["one", "two"].map(() =>
    start(["host", "--yard", "other", "--json"], { cwd: server.folder, env }),
  )
  const ready = await Promise.all(hosts.map(async (host) => JSON.parse(await host.line(/"event":"ready"/))))
  const active = ready.findIndex(({ role }) => role === "active")
  expect(ready.map(({ role }) => role).sort()).toEqual(["active", "standby"])
  hosts[active]?.child.kill("SIGINT")
  expect(JSON.parse((await hosts[1 - active]?.line(/"event":"role"/)) ?? "{}")).toMatchObject({
    role: "active",
  })
  expect((await server.drydock(["status", "--yard", "other", "--server", server.url])).code).toBe(0)
  hosts[1 - active]?.child.kill("SIGINT")
  expect((await Promise.all(hosts.map(({ ended }) => ended))).map(({ code }) => code)).toEqual([0, 0])
})

it("says so when a host is given the credentials of a person", async () => {
  const server = await yardIn()
  const ended = await drydock(["host", "--server", server.url, "--json"], { cwd: server.folder })
  expect([77, 78]).toContain(ended.code)
  expect(JSON.parse(ended.stdout)).toMatchObject({ error: { do: [expect.any(String)] } })
})

it("shows its demonstration again without putting back what was changed since, and says what was kept", async () => {
  const folder = await newFolder()
  const demo = ["up", "--demo", "--exit", "--port", "0"]
  await drydock(demo, { cwd: folder })
  const yard = await yardIn(folder)
  await yard.drydock(["service", "disable", "pool", "b"])
  await yard.drydock(["network", "remove", "loopback"])
  await yard.stop()
  const again = await drydock(demo, { cwd: folder })
  expect(again.code, again.stderr).toBe(0)
  expect(again.stdout).toContain(
    "= service/pool  changed here, and kept so\n      bindings.b.disabled  false → true",
  )
  expect(again.stdout).toContain("= network/loopback  removed here, and kept so")
  expect(again.stdout).toContain("= device/this-machine  unchanged")
  expect(again.stderr).toContain("drydock apply examples/localhost.yaml")
  const reopened = await yardIn(folder)
  expect(await reopened.json(["show", "service/pool"])).toMatchObject({
    record: { context: { bindings: { b: { disabled: true } } } },
  })
}, 60_000)

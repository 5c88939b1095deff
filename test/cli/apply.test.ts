import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { readWanted } from "../../src/cli/almanac/wanted.js"
import { startYard, type Yard } from "./drydock.js"

const read = (text: string) => readWanted([{ name: "lab.yaml", text }])
const places = (text: string) =>
  read(text).mistakes.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`)

describe("a file", () => {
  it("may be several documents; networks come first, blueprints last", () => {
    const { wanted, mistakes } = read(
      "services: { pool: { type: drydock.pool, bindings: {} } }\n---\nnetworks: { lab: }\n",
    )
    expect(mistakes).toEqual([])
    expect(wanted.map(({ kind, id }) => `${kind}/${id}`)).toEqual(["network/lab", "service/pool"])
  })

  it("with three errors reports all three at their places", () => {
    const text = `devices:
  h1:
    interfaces:
      eth0: { network: lab, adress: 10.0.0.1, transport: telnet }
services:
  pool: { type: drydock.pool }
`
    expect(places(text)).toEqual([
      expect.stringMatching(/^lab\.yaml:4:13 device\/h1 interfaces\.eth0\.address: is missing$/),
      expect.stringMatching(/^lab\.yaml:4:29 device\/h1 interfaces\.eth0: unknown key "adress"$/),
      expect.stringMatching(/^lab\.yaml:4:58 device\/h1 interfaces\.eth0\.transport: /),
      expect.stringMatching(/^lab\.yaml:6:9 service\/pool bindings: is missing$/),
    ])
  })

  it("with broken YAML is reported with line and column", () => {
    expect(places("networks:\n  a: {\n  b: ]\n")[0]).toMatch(/^lab\.yaml:[23]:\d+ /)
  })

  it("may not say a key twice, nor an object in two places", () => {
    expect(places("networks:\n  a: {}\n  a: {}\n")).toEqual([
      expect.stringMatching(/^lab\.yaml:3:3 .*unique/),
    ])
    expect(places("networks: { a: }\n---\nnetworks: { a: }\n")).toEqual([
      "lab.yaml:3:13 network/a is described twice, first at lab.yaml:1:13",
    ])
  })

  it("with a section misspelled names the right one", () => {
    expect(places("device: {}\n")).toEqual(['lab.yaml:1:1 unknown section "device": did you mean devices?'])
  })

  it("that grows by aliases is refused quickly", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for (let level = 1; level < 10; level++)
      lines.push(
        `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(", ")}]`,
      )
    const startedMs = performance.now()
    expect(places(lines.join("\n"))).toEqual([expect.stringContaining("aliases")])
    expect(performance.now() - startedMs).toBeLessThan(1_000)
  })

  it.each([
    ["a flow of 50,000 levels", `networks: ${"[".repeat(50_000)}`],
    ["a map of 2,000 levels", `networks: { a: ${"{a: ".repeat(2_000)}1${"}".repeat(2_001)}`],
  ])("with %s is refused", (_, text) => {
    expect(places(text)).toHaveLength(1)
  })

  it("may use hostile names: they stay data", () => {
    const { wanted, mistakes } = read(
      "services: { pool: { type: drydock.pool, bindings: { __proto__: { device: h1, interface: constructor } } } }",
    )
    expect(mistakes).toEqual([])
    expect(Object.keys(Object(wanted[0]?.body.bindings))).toEqual(["__proto__"])
  })

  it("that is empty wants nothing", () => {
    expect(read("# nothing yet\n")).toEqual({ wanted: [], mistakes: [] })
  })
})

describe("apply", () => {
  let yard: Yard
  beforeAll(async () => {
    yard = await startYard()
  })
  afterAll(async () => {
    await yard.stop()
    await yard.remove()
  })

  const LAB = (address: string, services = "[pool]") => `
networks: { lab: {} }
devices: { h1: { interfaces: { eth0: { network: lab, address: ${address}, transport: local } } } }
services: { pool: { type: drydock.pool, bindings: { h1: { device: h1, interface: eth0 } } } }
blueprints: { lab: { type: almanac-service-host, config: { services: ${services}, leasesPerHost: 1 } } }
`
  const file = async (name: string, text: string) => {
    await writeFile(join(yard.folder, name), text)
    return name
  }

  it("shows the difference first, does it, and then has nothing left to do", async () => {
    const lab = await file("lab.yaml", LAB("127.0.0.1"))
    expect((await yard.drydock(["apply", lab, "--dry-run"])).stdout).toContain("4 would be created")
    expect(await yard.json(["ls", "devices"])).toMatchObject({ items: [] })
    expect((await yard.drydock(["apply", lab])).stdout).toContain("4 created, 0 changed, 0 unchanged")
    const again = await yard.json(["apply", lab])
    expect(again).toMatchObject({ summary: { created: 0, changed: 0, unchanged: 4 } })
  })

  it("changes only what differs, and says how", async () => {
    const lab = await file("lab.yaml", LAB("127.0.0.9"))
    const { stdout } = await yard.drydock(["apply", lab])
    expect(stdout).toContain('interfaces.eth0.address  "127.0.0.1" → "127.0.0.9"')
    expect(stdout).toContain("0 created, 1 changed, 3 unchanged")
  })

  it("brings back what was removed", async () => {
    await yard.drydock(["network", "remove", "lab"])
    const { stdout } = await yard.drydock(["apply", await file("lab.yaml", LAB("127.0.0.9"))])
    expect(stdout).toContain("+ network/lab  brought back")
  })

  it("applies nothing of several files when one has a mistake, and shows the mistakes of all", async () => {
    const good = await file("good.yaml", "networks: { other: {} }\n")
    const bad = await file("bad.yaml", LAB("127.0.0.1", "[]").replace("leasesPerHost: 1", "leasesPerHost: 0"))
    const worse = await file("worse.yaml", "networks: { 'a b': {} }\n")
    const ended = await yard.drydock(["apply", good, bad, worse, "--json"])
    expect(ended.code).toBe(64)
    const { error } = JSON.parse(ended.stdout)
    expect(error).toMatchObject({
      code: "invalid-file",
      message: "3 mistakes in 3 files; nothing was applied",
    })
    expect(error.why).toEqual([
      expect.stringMatching(
        /^bad\.yaml:5:\d+ {2}blueprint\/lab config\.services: name at least one service$/,
      ),
      expect.stringMatching(/^bad\.yaml:5:\d+ {2}blueprint\/lab config\.leasesPerHost: /),
      expect.stringMatching(/^worse\.yaml:1:13 /),
    ])
    expect(JSON.stringify(await yard.json(["ls", "networks"]))).not.toContain("other")
  })

  it("refuses to change the type of a service, before anything else is done", async () => {
    const changed = LAB("127.0.0.77").replace("drydock.pool", "drydock.other")
    const ended = await yard.drydock(["apply", await file("type.yaml", changed)])
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain("the type of a service is fixed")
    expect(JSON.stringify(await yard.json(["show", "device/h1"]))).not.toContain("127.0.0.77")
  })

  it("reads stdin", async () => {
    const ended = await yard.drydock(["apply", "-"], { input: "networks: { piped: {} }\n" })
    expect(ended.stdout).toContain("+ network/piped  created")
  })
})

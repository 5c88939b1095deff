import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import picocolors from "picocolors"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { applyError, resultLines, summaryLine } from "../../src/cli/almanac/apply-text.js"
import { perform } from "../../src/cli/almanac/perform.js"
import { planStep } from "../../src/cli/almanac/plan.js"
import { readWanted } from "../../src/cli/almanac/wanted.js"
import { installedPolicies } from "../../src/cli/blueprint-types.js"
import { connect } from "../../src/client/index.js"
import { blueprintTerms } from "../../src/machines/blueprint-terms.js"
import { startYard, type Yard } from "./drydock.js"

const colors = picocolors.createColors(false)
const policies = await installedPolicies()
const read = (text: string) => readWanted([{ name: "lab.yaml", text }], policies)
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

  it("with a term that is wrong says which, and where", () => {
    const text = `blueprints:
  lab:
    type: almanac-service-host
    config: { services: [pool] }
    idle: soon
    access: [ada, ada]
    suspendAfter: 0
    work: { attempts: 3, patience: 4s }
`
    expect(places(text)).toEqual([
      expect.stringMatching(/^lab\.yaml:5:11 blueprint\/lab idle: /),
      expect.stringMatching(/^lab\.yaml:6:13 blueprint\/lab access: /),
      expect.stringMatching(/^lab\.yaml:7:19 blueprint\/lab suspendAfter: /),
      expect.stringMatching(/^lab\.yaml:8:26 blueprint\/lab work: unknown key "patience"$/),
    ])
  })

  it("the examples have no mistakes, and one of them says every term", async () => {
    const folder = new URL("../../examples/", import.meta.url)
    for (const name of ["localhost.yaml", "ssh-hosts.yaml", "terms.yaml"]) {
      const { wanted, mistakes } = read(await readFile(new URL(name, folder), "utf8"))
      expect(mistakes).toEqual([])
      if (name !== "terms.yaml") continue
      const said = Object.keys(wanted[0]?.body ?? {}).filter((key) => Object.hasOwn(blueprintTerms, key))
      expect(said.sort()).toEqual(Object.keys(blueprintTerms).sort())
    }
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

  it("with a blueprint type that does not exist is refused at its line, with every other mistake", () => {
    const text = `blueprints:
  a: { type: almanac-service-hots, config: { services: [pool] } }
  b: { type: phones, config: { services: [] } }
  c: { type: almanac-service-host, config: { services: [] } }
`
    expect(places(text)).toEqual([
      'lab.yaml:2:14 blueprint/a type: there is no blueprint type "almanac-service-hots": did you mean almanac-service-host?',
      expect.stringMatching(
        /^lab\.yaml:3:14 blueprint\/b type: there is no blueprint type "phones": known are .*almanac-service-host/,
      ),
      expect.stringMatching(/^lab\.yaml:4:56 blueprint\/c config\.services: name at least one service$/),
    ])
  })

  it("with an object larger than a command may be is refused before anything is sent", () => {
    const bindings = Array.from(
      { length: 900 },
      (_, n) => `b${n}: { device: ${"d".repeat(60)}, interface: eth0 }`,
    )
    const text = `services: { pool: { type: drydock.pool, bindings: { ${bindings.join(", ")} } } }\n`
    expect(places(text)).toEqual([
      expect.stringMatching(
        /^lab\.yaml:1:19 service\/pool: it is [\d,]+ bytes of JSON, at most 65,536 bytes/,
      ),
    ])
  })

  it("knows what each object needs of others", () => {
    const { wanted } = read(`networks: { lab: {} }
devices: { h1: { interfaces: { eth0: { network: lab, address: 10.0.0.1 } } } }
services: { pool: { type: drydock.pool, bindings: { x: { device: h1, interface: eth0 } } } }
blueprints: { b: { type: almanac-service-host, config: { services: [pool, other] } } }
`)
    expect(wanted.map(({ references }) => references)).toEqual([
      [],
      [{ kind: "network", id: "lab", path: ["interfaces", "eth0", "network"] }],
      [{ kind: "device", id: "h1", interface: "eth0", path: ["bindings", "x"] }],
      [
        { kind: "service", id: "pool", path: ["config", "services", "0"] },
        { kind: "service", id: "other", path: ["config", "services", "1"] },
      ],
    ])
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

  it("says the terms of a blueprint, shows how they differ, and takes back what is not said any more", async () => {
    const withTerms = (terms: string) =>
      LAB("127.0.0.9").replace("leasesPerHost: 1 }", `leasesPerHost: 1 }${terms}`)
    const first = await file("terms.yaml", withTerms(", access: [ada, ci], idle: 30m, work: { attempts: 3 }"))
    const dry = await yard.drydock(["apply", first, "--dry-run"])
    expect(dry.stdout).toContain('access  (none) → ["ada","ci"]')
    expect(dry.stdout).toContain('idle  (none) → "30m"')
    expect(dry.stdout).toContain('work  (none) → {"attempts":3}')
    await yard.drydock(["apply", first])
    expect(await yard.json(["apply", first])).toMatchObject({ summary: { changed: 0, unchanged: 4 } })
    const shown = (await yard.drydock(["blueprint", "show", "lab"])).stdout
    expect(shown).toMatch(/access +ada, ci/)
    expect(shown).toMatch(/terms +idle 30m\n +work\.attempts 3/)
    expect((await yard.drydock(["blueprint", "ls"])).stdout).toMatch(/lab\tenabled\t.*\tada, ci\t/)

    const second = await file("terms.yaml", withTerms(", idle: 1h, work: { attempts: 3, silence: 9s }"))
    const changed = (await yard.drydock(["apply", second])).stdout
    expect(changed).toContain('access  ["ada","ci"] → (none)')
    expect(changed).toContain('idle  "30m" → "1h"')
    expect(changed).toContain('work.silence  (none) → "9s"')
    await yard.drydock(["apply", await file("lab.yaml", LAB("127.0.0.9"))])
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

  it("warns on stderr of what is referred to and is nowhere, with the line, and applies it all the same", async () => {
    await yard.drydock(["apply", await file("lab.yaml", LAB("127.0.0.1"))])
    const dangling = await file(
      "dangling.yaml",
      `devices:
  h9: { interfaces: { eth0: { network: nowhere, address: 10.0.0.9 } } }
services:
  p9:
    type: drydock.pool
    bindings:
      fine: { device: h1, interface: eth0 }
      port: { device: h1, interface: eth9 }
      gone: { device: h8, interface: eth0 }
blueprints:
  b9: { type: almanac-service-host, config: { services: [p9, p8] } }
`,
    )
    const dry = await yard.drydock(["apply", dangling, "--dry-run"])
    expect(dry.code).toBe(0)
    expect(dry.stderr.match(/^warning .*$/gm)).toEqual([
      "warning  dangling.yaml:2:40  device/h9: there is no network nowhere",
      "warning  dangling.yaml:9:13  service/p9: there is no device h8",
      "warning  dangling.yaml:8:13  service/p9: device h1 has no interface eth9: it has eth0",
      "warning  dangling.yaml:11:62  blueprint/b9: there is no service p8",
    ])
    const done = await yard.drydock(["apply", dangling, "--json"])
    expect(done.code).toBe(0)
    expect(done.stderr).toBe("")
    expect(JSON.parse(done.stdout)).toMatchObject({
      summary: { created: 3, refused: 0, skipped: 0 },
      warnings: [
        { kind: "device", id: "h9", where: "dangling.yaml:2:40", message: "there is no network nowhere" },
        {},
        {},
        {},
      ],
    })
  })

  it("an object that was removed is as good as none to whoever refers to it", async () => {
    await yard.drydock(["apply", await file("lab.yaml", LAB("127.0.0.1"))])
    await yard.drydock(["device", "remove", "h1"])
    const text =
      "services: { pool: { type: drydock.pool, bindings: { h1: { device: h1, interface: eth0 } } } }\n"
    const ended = await yard.drydock(["apply", await file("pool.yaml", text)])
    expect(ended.stderr).toContain("warning  pool.yaml:1:57  service/pool: there is no device h1")
  })

  describe("when the yard refuses one in spite of everything", () => {
    // Somebody else makes a service of the same id and another type after the plan was made.
    const overtaken = async () => {
      const { wanted } = read(`devices: { d5: { interfaces: {} } }
services:
  p5: { type: drydock.pool, bindings: {} }
  p6: { type: drydock.pool, bindings: {} }
blueprints:
  b5: { type: almanac-service-host, config: { services: [p5] } }
  b6: { type: almanac-service-host, config: { services: [p6] } }
`)
      const steps = wanted.map((one) => planStep(one, undefined))
      await using client = await connect({ url: yard.url, principal: "ada" })
      await client.command("service", "p5", "put", { type: "drydock.other", bindings: {} })
      return await perform(client, steps)
    }

    it("applies what does not depend on it, and says what was applied, refused and skipped", async () => {
      const results = await overtaken()
      expect(results.map(({ step, became }) => [step.wanted.id, became])).toEqual([
        ["d5", "applied"],
        ["p5", "refused"],
        ["p6", "applied"],
        ["b5", "skipped"],
        ["b6", "applied"],
      ])
      expect(results.flatMap((one) => resultLines(one, false, colors))).toEqual([
        "+ device/d5  created",
        "! service/p5  refused: the type of a service is fixed: put another one",
        "+ service/p6  created",
        "- blueprint/b5  skipped: it needs service/p5, which was not applied",
        "+ blueprint/b6  created",
      ])
      expect(summaryLine(results, false)).toBe("3 created, 0 changed, 0 unchanged, 1 refused, 1 skipped")
      expect(applyError(results)).toMatchObject({
        code: "partly-applied",
        exit: 1,
        message: "2 of 5 objects were not applied; 3 were",
        why: [
          "lab.yaml:3:3  service/p5: not-allowed: the type of a service is fixed: put another one",
          "lab.yaml:6:3  blueprint/b5: skipped: it needs service/p5, which was not applied",
        ],
      })
    })

    it("sends nothing further once it is interrupted", async () => {
      const { wanted } = read("networks: { late: {} }\n")
      const steps = wanted.map((one) => planStep(one, undefined))
      await using client = await connect({ url: yard.url, principal: "ada" })
      const results = await perform(client, steps, { signal: AbortSignal.abort() })
      expect(results).toMatchObject([{ became: "skipped", because: "it was interrupted" }])
      expect(await client.get("network", "late")).toBeUndefined()
    })

    it("stops when nobody answers any more: that is not known, the rest was not sent", async () => {
      const { wanted } = read("networks: { n1: {} }\ndevices: { n2: { interfaces: {} } }\n")
      const steps = wanted.map((one) => planStep(one, undefined))
      await using client = await connect({ url: yard.url, principal: "ada", yard: "nobody", timeoutMs: 500 })
      const results = await perform(client, steps)
      expect(results).toMatchObject([
        { became: "unknown" },
        { became: "skipped", because: "the yard does not answer any more" },
      ])
      expect(applyError(results)).toMatchObject({ code: "partly-applied", exit: 66 })
    })
  })
})

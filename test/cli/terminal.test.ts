// What needs a real terminal: `script` of util-linux makes one. A shell with job control puts a job in the background.

import { spawn, spawnSync } from "node:child_process"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { EXAMPLE, MAIN, startYard, type Yard } from "./drydock.js"

const hasScript =
  spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") === true
const REWRITTEN = "\u001b[2K"

let yard: Yard

/** Runs a line of bash on a terminal of its own; `typed` is what the person types. */
async function onTerminal(line: string, typed = ""): Promise<string> {
  const drydock = `'${process.execPath}' '${MAIN}'`
  const script = line.replaceAll("drydock", drydock).replaceAll('"', '\\"')
  const child = spawn("script", ["-qec", `bash -mc "${script}"`, "/dev/null"], {
    cwd: yard.folder,
    env: { ...process.env, NO_COLOR: "1", SHELL: "/bin/bash" },
  })
  let text = ""
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString("utf8")
    if (typed !== "" && text.includes("[y/N]")) child.stdin.end(typed)
  })
  await new Promise((resolve) => child.on("close", resolve))
  return text
}

describe.skipIf(!hasScript)("on a terminal", () => {
  beforeAll(async () => {
    yard = await startYard()
    await yard.drydock(["apply", EXAMPLE])
    await yard.drydock(["lease", "--type", "host", "--count", "2"])
  })
  afterAll(async () => {
    await yard.stop()
    await yard.remove()
  })

  it("a wait in the foreground shows a line that goes on", async () => {
    expect(await onTerminal("drydock run --type host --wait 2s -- true")).toContain(REWRITTEN)
  })

  it("a wait in the background says why once, and paints nothing over the prompt", async () => {
    const text = await onTerminal("drydock run --type host --wait 2s -- true & wait")
    expect(text).toContain("waits: position 1")
    expect(text).toContain("error waited")
    expect(text).not.toContain(REWRITTEN)
  })

  it("releasing a resource with a lease on it asks first, and says what would end", async () => {
    const [resource = ""] = (await yard.drydock(["ls", "resources", "-q"])).stdout.split("\n")
    const no = await onTerminal(`drydock resource release ${resource}`, "n\n")
    expect(no).toMatch(/lease \S+ of \S+ on/)
    expect(no).toContain(`release resource ${resource} and the 1 lease on it? [y/N]`)
    expect(no).toContain("nothing was changed")
    expect((await yard.drydock(["ls", "-q"])).stdout.trim().split("\n")).toHaveLength(2)
    const yes = await onTerminal(`drydock resource release ${resource}`, "y\n")
    expect(yes).toContain(`resource/${resource}`)
    expect((await yard.drydock(["ls", "-q"])).stdout.trim().split("\n")).toHaveLength(1)
  })
})

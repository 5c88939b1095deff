import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { loadBlueprints } from "../../src/blueprints/installed.js"

const EXAMPLE = fileURLToPath(new URL("../../examples/scratch-folder.js", import.meta.url))
const INDEX = new URL("../../src/blueprints/index.ts", import.meta.url).href

let folder: string
let files = 0
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "drydock blueprints ")))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function file(text: string): Promise<string> {
  const path = join(folder, `blueprint-${++files}.mjs`)
  await writeFile(path, text)
  return path
}

const POLICY = `type: "mine", provides: "thing", description: "mine", config: z.strictObject({ n: z.number() }),
  leasesPerResource: () => 1, leaseSlot: (resource, n) => resource + "/" + n,
  activatesLeasesAtOnce: true, cleansUpResources: false, cleansUpLeases: false`

describe("blueprint types", () => {
  it("are those of the installation, by type", async () => {
    const types = (await loadBlueprints()).map(({ policy }) => policy.type)
    expect(types).toContain("almanac-service-host")
    expect(types).toEqual([...types].sort())
  })

  it("may come from files of one's own: what defineBlueprint takes, what it gives, or a function", async () => {
    const forms = [
      `export default ({ z }) => ({ policy: { ${POLICY}, activatesResourcesAtOnce: true } })`,
      `import { defineBlueprint, z } from ${JSON.stringify(INDEX)}
       export default defineBlueprint({ policy: { ${POLICY}, activatesResourcesAtOnce: false }, work: { allocate: async () => {} } })`,
      `import { z } from ${JSON.stringify(INDEX)}
       export default { policy: { ${POLICY}, activatesResourcesAtOnce: false }, work: { allocate: async () => {} } }`,
    ]
    for (const form of forms) {
      const blueprints = await loadBlueprints([await file(form)])
      const mine = blueprints.find(({ policy }) => policy.type === "mine")
      expect(mine?.policy.bind({ n: 1 })).toHaveProperty("policy")
      expect(mine?.policy.bind({ n: "1" })).toMatchObject({ issues: [{ path: "config.n" }] })
    }
    const [, scratch] = await loadBlueprints([EXAMPLE])
    expect(scratch?.work?.tasks).toEqual(["allocate", "destroy", "release"])
  })

  it.each([
    ["is not there", undefined, /there is no file/],
    ["does not parse", "export default {", /cannot be loaded: Unexpected end of input|cannot be loaded/],
    ["throws", "throw new Error('no licence')", /cannot be loaded: no licence/],
    ["exports nothing", "export const x = 1", /exports no blueprint as its default/],
    ["exports something else", "export default 7", /exports no blueprint as its default/],
    [
      "has a function that throws",
      "export default () => { throw new Error('too bad') }",
      /cannot be loaded: too bad/,
    ],
    [
      "has a policy that lacks parts",
      "export default { policy: { type: 'x' } }",
      /policy lacks provides, description, config/,
    ],
    [
      "has no work where there is something to do",
      `export default ({ z }) => ({ policy: { ${POLICY}, activatesResourcesAtOnce: false } })`,
      /something to allocate/,
    ],
    [
      "has work that is none",
      `export default ({ z }) => ({ policy: { ${POLICY}, activatesResourcesAtOnce: true }, work: 7 })`,
      /work is no object/,
    ],
    [
      "has a type outside the alphabet",
      `export default ({ z }) => ({ policy: { ${POLICY.replace('"mine"', '"My_Type"')}, activatesResourcesAtOnce: true } })`,
      /no blueprint type/,
    ],
    [
      "says a type that is there already",
      `export default ({ z }) => ({ policy: { ${POLICY.replace('"mine"', '"almanac-service-host"')}, activatesResourcesAtOnce: true } })`,
      /second one of type almanac-service-host/,
    ],
  ])("are refused with a reason when a file %s", async (_, text, message) => {
    const path = text === undefined ? join(folder, "nowhere.mjs") : await file(text)
    await expect(loadBlueprints([path])).rejects.toMatchObject({
      code: "bad-blueprint",
      message: expect.stringMatching(message),
    })
  })
})

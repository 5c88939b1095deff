// A provider of things for tests: a folder with one file per thing. A thing is made and removed by a child process
// (step.sh), so that it matters whether children are killed.

import { mkdir, mkdtemp, readdir, readFile, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const STEP = fileURLToPath(new URL("./step.sh", import.meta.url))

/** The program that makes or removes a thing. */
export function stepProgram(
  folder: string,
  name: string,
  what: "make" | "remove",
  ms: number,
  who: string,
): readonly string[] {
  return ["/bin/sh", STEP, folder, name, what, String(ms / 1000), who]
}

export interface Provider {
  readonly folder: string
  /** Names of all things that there are, sorted: `resource-r1`, `lease-L1`. */
  inventory(): Promise<readonly string[]>
  /** Steps that were begun, as `pid name what who`. */
  begun(): Promise<readonly string[]>
  ended(): Promise<readonly string[]>
  /** Steps that began while another one on the same thing still ran. Must always be empty. */
  clashes(): Promise<readonly string[]>
  remove(): Promise<void>
}

export async function startProvider(): Promise<Provider> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "drydock stand-in ")))
  for (const name of ["things", "busy"]) await mkdir(join(folder, name))
  const lines = async (name: string) => {
    try {
      return (await readFile(join(folder, name), "utf8")).split("\n").filter((line) => line !== "")
    } catch {
      return [] // Nothing of it has happened yet.
    }
  }
  return {
    folder,
    inventory: async () => (await readdir(join(folder, "things"))).sort(),
    begun: () => lines("begun"),
    ended: () => lines("ended"),
    clashes: () => lines("clashes"),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

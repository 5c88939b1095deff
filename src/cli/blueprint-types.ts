// The blueprint types of this installation: every folder beside this one in blueprints/. A new type is a new folder,
// and nothing else is touched.

import { readdir } from "node:fs/promises"
import { z } from "zod"
import { DrydockError } from "../actors/error.js"
import type { AnyPolicy } from "../blueprints/blueprint.js"

const FOLDER = new URL("../blueprints/", import.meta.url)

const policy = z.custom<AnyPolicy>(
  (value) => typeof value === "object" && value !== null && "type" in value && "bind" in value,
)

/** All of them, by name. Throws DrydockError `bad-blueprint-type` when a folder holds none. */
export async function installedPolicies(): Promise<readonly AnyPolicy[]> {
  const entries = await readdir(FOLDER, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  return Promise.all(names.sort().map(load))
}

async function load(name: string): Promise<AnyPolicy> {
  const module: unknown = await import(new URL(`${name}/index.js`, FOLDER).href)
  const exported =
    typeof module === "object" && module !== null && "default" in module ? module.default : undefined
  const parsed = policy.safeParse(exported)
  if (parsed.success) return parsed.data
  throw new DrydockError(
    "bad-blueprint-type",
    `The folder blueprints/${name} exports no blueprint type.`,
    "Export definePolicy({ … }) as the default of its index file, or remove the folder.",
  )
}

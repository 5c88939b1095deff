// The blueprint types that a host or a worker knows: those of this installation, every folder beside this file, and
// those of files that it is told to load. A new type is a new folder, or a file of somebody's own, and nothing else is
// touched. A file is an ES module whose default export is what `defineBlueprint` takes, what it gives, or a function of
// what "drydock/blueprints" exports (so that a file far from any node_modules can have it).

import { existsSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { DrydockError } from "../actors/error.js"
import { isObject } from "../machines/json.js"
import type { AnyPolicy, Policy } from "./blueprint.js"
import { type AnyWork, type Blueprint, defineBlueprint, neededTasks, type Work } from "./work.js"

const FOLDER = new URL("./", import.meta.url)
const TYPE = /^[a-z0-9][a-z0-9-]{0,24}$/
const CURE =
  "Export as its default { policy: { type, provides, config, … }, work: { … } }; docs/workers.md has an example."

/**
 * All of them, by type; `files` are paths, from the working folder where they are not absolute.
 * Throws DrydockError `bad-blueprint` when one cannot be loaded, is none, or says its type twice.
 */
export async function loadBlueprints(files: readonly string[] = []): Promise<readonly Blueprint[]> {
  const entries = await readdir(FOLDER, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const own = folders.map((name) =>
    load(new URL(`${name}/index.js`, FOLDER), `the folder blueprints/${name}`),
  )
  const others = files.map((file) => loadFile(resolve(file), file))
  const all = await Promise.all([...own, ...others])
  const types = new Set<string>()
  for (const { policy, from } of all) {
    if (types.has(policy.type))
      throw bad(`${from} is the second one of type ${policy.type}`, "Give it another type.")
    types.add(policy.type)
  }
  return all.sort((a, b) => (a.policy.type < b.policy.type ? -1 : 1))
}

async function loadFile(path: string, from: string): Promise<Blueprint & { readonly from: string }> {
  if (!existsSync(path)) throw bad(`there is no file ${from}`, "Name an ES module with a blueprint type.")
  return await load(pathToFileURL(path), from)
}

async function load(url: URL, from: string): Promise<Blueprint & { readonly from: string }> {
  let exported: unknown
  try {
    const module: unknown = await import(url.href)
    exported = isObject(module) ? module.default : undefined
  } catch (cause) {
    throw bad(`${from} cannot be loaded: ${reasonOf(cause)}`, "Correct the file, or leave it out.", cause)
  }
  const blueprint = await blueprintIn(exported, from)
  if (!TYPE.test(blueprint.policy.type))
    throw bad(
      `${from}: ${JSON.stringify(blueprint.policy.type)} is no blueprint type`,
      "A type is lower-case letters, digits and hyphens, at most 25.",
    )
  return { ...blueprint, from }
}

async function blueprintIn(exported: unknown, from: string): Promise<Blueprint> {
  // The edge: whatever it takes and gives, what it gave is looked at below.
  const made = typeof exported === "function" ? await called(exported as Make, from) : exported
  if (isBound(made)) return checked({ policy: made }, from)
  if (!isObject(made) || !isObject(made.policy))
    throw bad(`${from} exports no blueprint as its default`, CURE)
  const { policy, work } = made
  if (work !== undefined && !isObject(work)) throw bad(`${from}: work is no object of functions`, CURE)
  if (isBound(policy)) {
    if (work !== undefined && !isBoundWork(work))
      throw bad(`${from}: its policy is defined by itself, its work is not`, "Give both to defineBlueprint.")
    return checked({ policy, work }, from)
  }
  const missing = ["type", "provides", "description", "config", "leasesPerResource", "leaseSlot"].filter(
    (name) => !(name in policy),
  )
  if (missing.length > 0) throw bad(`${from}: its policy lacks ${missing.join(", ")}`, CURE)
  // The edge: a file of somebody's own, whose functions are known by their names only. What they throw when they are
  // called is a rejection in the yard and a failed attempt in a worker.
  return defineBlueprint({
    policy: policy as unknown as Policy<unknown>,
    work: work as unknown as Work<unknown>,
  })
}

type Make = (given: typeof import("./index.js")) => unknown

async function called(make: Make, from: string): Promise<unknown> {
  try {
    return await make(await import("./index.js"))
  } catch (cause) {
    if (cause instanceof DrydockError) throw cause
    throw bad(`${from} cannot be loaded: ${reasonOf(cause)}`, "Correct the file, or leave it out.", cause)
  }
}

function checked(blueprint: Blueprint, from: string): Blueprint {
  const missing = neededTasks(blueprint.policy).filter(
    (task) => blueprint.work?.tasks.includes(task) !== true,
  )
  if (missing.length === 0) return blueprint
  throw bad(`${from} says that there is something to ${missing.join(" and ")}, but has no such work`, CURE)
}

function isBound(value: unknown): value is AnyPolicy {
  return isObject(value) && typeof value.type === "string" && typeof value.bind === "function"
}

function isBoundWork(value: unknown): value is AnyWork {
  return isObject(value) && Array.isArray(value.tasks) && typeof value.perform === "function"
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split("\n", 1)[0] ?? "") : String(cause)
}

function bad(message: string, cure: string, cause?: unknown): DrydockError {
  return new DrydockError("bad-blueprint", message, cure, cause === undefined ? undefined : { cause })
}

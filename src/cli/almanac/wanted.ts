// What the files of `apply` say, object by object, checked with the same schemas as the yard's. All mistakes of all
// files are found before anything is sent: line and column stand with each.

import { z } from "zod"
import type { AnyPolicy } from "../../blueprints/blueprint.js"
import { blueprintBodies } from "../../machines/blueprint.js"
import { deviceBodies } from "../../machines/device.js"
import { isObject, jsonFault, jsonObject } from "../../machines/json.js"
import { OBJECT_ID } from "../../machines/names.js"
import { networkBodies } from "../../machines/network.js"
import { serviceBodies } from "../../machines/service.js"
import { nearest } from "../text.js"
import { type Mistake, Source } from "./source.js"

/** In the order of applying: what is named comes before what names it. */
export const SECTIONS = ["networks", "devices", "services", "blueprints"] as const
export type Section = (typeof SECTIONS)[number]
export type WantedKind = "network" | "device" | "service" | "blueprint"

export const KIND_OF = {
  networks: "network",
  devices: "device",
  services: "service",
  blueprints: "blueprint",
} as const satisfies { readonly [S in Section]: WantedKind }

const SCHEMA_OF: { readonly [S in Section]: z.ZodType } = {
  networks: networkBodies.put,
  devices: deviceBodies.put,
  services: serviceBodies.put,
  blueprints: blueprintBodies.create,
}

export interface Wanted {
  readonly kind: WantedKind
  readonly id: string
  /** As the yard's schema makes it, defaults filled in. */
  readonly body: Readonly<Record<string, unknown>>
  /** `file:line:column` */
  readonly where: string
}

export interface Reading {
  readonly wanted: readonly Wanted[]
  readonly mistakes: readonly Mistake[]
}

/**
 * Reads several files as one. Never throws: what is wrong is in `mistakes`, in the order of the files. `policies`:
 * blueprint types whose config is checked here; that of others is left to the yard.
 */
export function readWanted(
  files: readonly { readonly name: string; readonly text: string }[],
  policies: readonly AnyPolicy[] = [],
): Reading {
  const wanted = new Map<string, Wanted>()
  const mistakes: Mistake[] = []
  for (const file of files) {
    const source = Source.parse(file.name, file.text)
    mistakes.push(...source.mistakes)
    for (const [index, value] of source.documents.entries())
      readDocument({ source, document: index, wanted, mistakes, policies }, value)
    mistakes.sort((a, b) => (a.file === b.file ? a.line - b.line || a.column - b.column : 0))
  }
  const order = (one: Wanted) => SECTIONS.findIndex((section) => KIND_OF[section] === one.kind)
  return { wanted: [...wanted.values()].sort((a, b) => order(a) - order(b)), mistakes }
}

interface Reader {
  readonly source: Source
  /** Which document of the file. */
  readonly document: number
  readonly wanted: Map<string, Wanted>
  readonly mistakes: Mistake[]
  readonly policies: readonly AnyPolicy[]
}

function readDocument(reader: Reader, value: unknown): void {
  const { source, document, mistakes } = reader
  if (value === null || value === undefined) return
  if (!isObject(value)) {
    mistakes.push(source.mistake(document, [], `expected a map with ${SECTIONS.join(", ")}`))
    return
  }
  for (const name of Object.keys(value)) {
    const section = SECTIONS.find((known) => known === name)
    if (section !== undefined) {
      readSection(reader, section, value[name])
      continue
    }
    const close = nearest(name, SECTIONS)[0]
    const hint = close === undefined ? `known are ${SECTIONS.join(", ")}` : `did you mean ${close}?`
    mistakes.push(source.mistakeAtKey(document, [], name, `unknown section ${JSON.stringify(name)}: ${hint}`))
  }
}

function readSection(reader: Reader, section: Section, value: unknown): void {
  const { source, document, wanted, mistakes } = reader
  if (value === null) return
  if (!isObject(value)) {
    mistakes.push(source.mistake(document, [section], `${section}: expected a map by id`))
    return
  }
  for (const [id, described] of Object.entries(value)) {
    const where = source.at(document, [section], id)
    const known = wanted.get(`${KIND_OF[section]}/${id}`)
    if (known === undefined) readObject(reader, section, id, described)
    else
      mistakes.push({
        ...where,
        message: `${KIND_OF[section]}/${id} is described twice, first at ${known.where}`,
      })
  }
}

function readObject(reader: Reader, section: Section, id: string, described: unknown): void {
  const { source, document, wanted, mistakes, policies } = reader
  const kind = KIND_OF[section]
  const where = source.at(document, [section], id)
  if (!OBJECT_ID.test(id)) {
    const message = `${kind} ${JSON.stringify(id)}: an id has letters, digits, _ and -, begins with a letter or digit, and has at most 64 characters`
    mistakes.push({ ...where, message })
    return
  }
  const fault = jsonFault(described)
  if (fault !== undefined) {
    mistakes.push({ ...where, message: `${kind}/${id} ${fault}` })
    return
  }
  const parsed = SCHEMA_OF[section].safeParse(described ?? {})
  const issues = [
    ...(parsed.success ? [] : parsed.error.issues.map(plainIssue)),
    ...(kind === "blueprint" ? configIssues(policies, described) : []),
  ]
  for (const issue of issues) mistakes.push(...located(reader, section, id, issue))
  if (parsed.success && issues.length === 0 && isObject(parsed.data))
    wanted.set(`${kind}/${id}`, {
      kind,
      id,
      body: parsed.data,
      where: `${where.file}:${where.line}:${where.column}`,
    })
}

const typedConfig = z.looseObject({ type: z.string(), config: jsonObject })

interface PlainIssue {
  readonly path: readonly string[]
  readonly message: string
  /** Keys of the map at `path` that should not be there. */
  readonly keys: readonly string[]
}

function plainIssue(issue: z.core.$ZodIssue): PlainIssue {
  const keys = issue.code === "unrecognized_keys" ? issue.keys : namedKeys(issue.message)
  return { path: issue.path.map(String), message: issue.message, keys }
}

/** What the blueprint's own type says about its config. */
function configIssues(policies: readonly AnyPolicy[], described: unknown): readonly PlainIssue[] {
  const parsed = typedConfig.safeParse(described)
  if (!parsed.success) return []
  const policy = policies.find(({ type }) => type === parsed.data.type)
  const bound = policy?.bind(parsed.data.config)
  if (bound === undefined || "policy" in bound) return []
  return bound.issues.map(({ path, message }) => ({
    path: path.split("."),
    message,
    keys: namedKeys(message),
  }))
}

/** Keys in an issue that has been passed on as text. */
function namedKeys(message: string): readonly string[] {
  const listed = /^Unrecognized keys?: (.+)$/.exec(message)?.[1]
  return listed === undefined ? [] : [...listed.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? "")
}

/** An issue at its place in the file: at the key itself when it is about a key. */
function located(reader: Reader, section: Section, id: string, issue: PlainIssue): readonly Mistake[] {
  const { source, document } = reader
  const path = [section, id, ...issue.path]
  const shown = `${KIND_OF[section]}/${id}${issue.path.length === 0 ? "" : ` ${issue.path.join(".")}`}`
  if (issue.keys.length > 0)
    return issue.keys.map((key) =>
      source.mistakeAtKey(document, path, key, `${shown}: unknown key ${JSON.stringify(key)}`),
    )
  if (!source.has(document, path)) return [source.mistake(document, path, `${shown}: is missing`)]
  return [
    source.mistake(document, path, `${shown}: ${issue.message.replace(/^Invalid (input|option): /, "")}`),
  ]
}

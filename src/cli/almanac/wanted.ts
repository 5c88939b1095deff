// What the files of `apply` say, object by object, checked with the same schemas as the yard's. All mistakes of all
// files are found before anything is sent: line and column stand with each.

import type { z } from "zod"
import { blueprintBodies } from "../../machines/blueprint.js"
import { deviceBodies } from "../../machines/device.js"
import { isObject, jsonFault } from "../../machines/json.js"
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

/** Reads several files as one. Never throws: what is wrong is in `mistakes`, in the order of the files. */
export function readWanted(files: readonly { readonly name: string; readonly text: string }[]): Reading {
  const wanted = new Map<string, Wanted>()
  const mistakes: Mistake[] = []
  for (const file of files) {
    const source = Source.parse(file.name, file.text)
    mistakes.push(...source.mistakes)
    for (const [index, value] of source.documents.entries())
      readDocument(source, index, value, wanted, mistakes)
    mistakes.sort((a, b) => (a.file === b.file ? a.line - b.line || a.column - b.column : 0))
  }
  const order = (one: Wanted) => SECTIONS.findIndex((section) => KIND_OF[section] === one.kind)
  return { wanted: [...wanted.values()].sort((a, b) => order(a) - order(b)), mistakes }
}

function readDocument(
  source: Source,
  document: number,
  value: unknown,
  wanted: Map<string, Wanted>,
  mistakes: Mistake[],
): void {
  if (value === null || value === undefined) return
  if (!isObject(value)) {
    mistakes.push(source.mistake(document, [], `expected a map with ${SECTIONS.join(", ")}`))
    return
  }
  for (const name of Object.keys(value)) {
    const section = SECTIONS.find((known) => known === name)
    if (section === undefined) {
      const close = nearest(name, SECTIONS)[0]
      const hint = close === undefined ? `known are ${SECTIONS.join(", ")}` : `did you mean ${close}?`
      mistakes.push(
        source.mistakeAtKey(document, [], name, `unknown section ${JSON.stringify(name)}: ${hint}`),
      )
      continue
    }
    readSection(source, document, section, value[name], wanted, mistakes)
  }
}

function readSection(
  source: Source,
  document: number,
  section: Section,
  value: unknown,
  wanted: Map<string, Wanted>,
  mistakes: Mistake[],
): void {
  if (value === null) return
  if (!isObject(value)) {
    mistakes.push(source.mistake(document, [section], `${section}: expected a map by id`))
    return
  }
  const kind = KIND_OF[section]
  for (const [id, described] of Object.entries(value)) {
    const path = [section, id]
    const where = source.at(document, [section], id)
    if (!OBJECT_ID.test(id)) {
      const message = `${kind} ${JSON.stringify(id)}: an id has letters, digits, _ and -, begins with a letter or digit, and has at most 64 characters`
      mistakes.push({ ...where, message })
      continue
    }
    const known = wanted.get(`${kind}/${id}`)
    if (known !== undefined) {
      mistakes.push({ ...where, message: `${kind}/${id} is described twice, first at ${known.where}` })
      continue
    }
    const fault = jsonFault(described)
    if (fault !== undefined) {
      mistakes.push({ ...where, message: `${kind}/${id} ${fault}` })
      continue
    }
    const parsed = SCHEMA_OF[section].safeParse(described ?? {})
    if (!parsed.success) {
      for (const issue of parsed.error.issues) mistakes.push(...located(source, document, path, issue))
      continue
    }
    if (isObject(parsed.data))
      wanted.set(`${kind}/${id}`, {
        kind,
        id,
        body: parsed.data,
        where: `${where.file}:${where.line}:${where.column}`,
      })
  }
}

/** A zod issue at its place in the file: at the key itself when it is about a key. */
function located(
  source: Source,
  document: number,
  path: readonly string[],
  issue: z.core.$ZodIssue,
): readonly Mistake[] {
  const inner = [...path, ...issue.path.map(String)]
  const shown = inner.slice(1).join(".")
  const keys = unknownKeys(issue)
  if (keys.length > 0)
    return keys.map((key) =>
      source.mistakeAtKey(document, inner, key, `${shown}: unknown key ${JSON.stringify(key)}`),
    )
  const present = source.has(document, inner)
  if (!present) return [source.mistake(document, inner, `${shown}: is missing`)]
  return [source.mistake(document, inner, `${shown}: ${issue.message.replace(/^Invalid input: /, "")}`)]
}

/** Also out of an issue that a dictionary has passed on as text. */
function unknownKeys(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code === "unrecognized_keys") return issue.keys
  const listed = /^Unrecognized keys?: (.+)$/.exec(issue.message)?.[1]
  if (listed === undefined) return []
  return [...listed.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? "")
}

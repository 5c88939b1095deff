// What the files of `apply` say, object by object, checked with the same schemas as the yard's. All mistakes of all
// files are found before anything is sent: line and column stand with each.

import { z } from "zod"
import type { AnyPolicy } from "../../blueprints/blueprint.js"
import { blueprintBodies } from "../../machines/blueprint.js"
import { deviceBodies } from "../../machines/device.js"
import { isObject, jsonFault, jsonObject } from "../../machines/json.js"
import { LIMITS } from "../../machines/limits.js"
import { OBJECT_ID } from "../../machines/names.js"
import { networkBodies } from "../../machines/network.js"
import { serviceBodies } from "../../machines/service.js"
import { count, nearest } from "../text.js"
import { type Reference, referencesOf } from "./references.js"
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
  /** What it needs of other objects. */
  readonly references: readonly Reference[]
  /** `file:line:column` of the value at a path in it. */
  placeOf(path: readonly string[]): string
}

export interface Reading {
  readonly wanted: readonly Wanted[]
  readonly mistakes: readonly Mistake[]
}

/**
 * Reads several files as one. Never throws: what is wrong is in `mistakes`, in the order of the files. `policies`: the
 * blueprint types that there are.
 */
export function readWanted(
  files: readonly { readonly name: string; readonly text: string }[],
  policies: readonly AnyPolicy[],
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
    ...(parsed.success ? sizeIssues(parsed.data) : parsed.error.issues.map(plainIssue)),
    ...(kind === "blueprint" ? policyIssues(policies, described) : []),
  ]
  for (const issue of issues) mistakes.push(...located(reader, section, id, issue))
  if (parsed.success && issues.length === 0 && isObject(parsed.data))
    wanted.set(`${kind}/${id}`, {
      kind,
      id,
      body: parsed.data,
      where: placeText(where),
      references: referencesOf(kind, parsed.data, policies),
      placeOf: (path) => placeText(source.mistake(document, [section, id, ...path], "")),
    })
}

function placeText({ file, line, column }: Omit<Mistake, "message">): string {
  return `${file}:${line}:${column}`
}

/** A command has a limit: the yard would refuse it, after others had been applied. */
function sizeIssues(body: unknown): readonly PlainIssue[] {
  const bytes = Buffer.byteLength(JSON.stringify(body))
  if (bytes <= LIMITS.commandBodyBytes) return []
  const message = `it is ${count(bytes, "byte")} of JSON, at most ${count(LIMITS.commandBodyBytes, "byte")} are possible: divide it`
  return [{ path: [], message, keys: [] }]
}

const typed = z.looseObject({ type: z.string(), config: z.unknown() })

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

/** What the blueprint's own type says about its config, or that there is no such type. */
function policyIssues(policies: readonly AnyPolicy[], described: unknown): readonly PlainIssue[] {
  const parsed = typed.safeParse(described)
  if (!parsed.success) return []
  const { type, config } = parsed.data
  const policy = policies.find((one) => one.type === type)
  if (policy === undefined) {
    const known = policies.map((one) => one.type)
    const close = nearest(type, known)[0]
    const hint = close === undefined ? `known are ${known.join(", ")}` : `did you mean ${close}?`
    return [
      { path: ["type"], message: `there is no blueprint type ${JSON.stringify(type)}: ${hint}`, keys: [] },
    ]
  }
  const fitting = jsonObject.safeParse(config)
  if (!fitting.success) return []
  const bound = policy.bind(fitting.data)
  if ("policy" in bound) return []
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

// One record as one line: time, object, what changed, why and by whom. The same everywhere: `up`, `watch`, `show`.

import { logEntries, QUIET_LOG_TYPES } from "../client/log/entries.js"
import type { LeaseRecord, ResourceRecord, YardRecord } from "../machines/record.js"
import type { Colors, Output } from "./output.js"
import { brief, clockTime, padEnd, printable } from "./text.js"

const GLYPHS: { readonly [state: string]: string } = {
  pending: "◌",
  acquired: "◐",
  active: "●",
  released: "○",
  broken: "✗",
  destroyed: "·",
  enabled: "●",
  disabled: "○",
  present: "●",
  removed: "·",
  open: "●",
}

/** A state as a glyph and a word, coloured by what it means for people. */
export function stateText(state: string, c: Colors): string {
  const paint =
    state === "broken"
      ? c.red
      : state === "pending" || state === "acquired" || state === "disabled"
        ? c.yellow
        : state === "active" || state === "enabled" || state === "present" || state === "open"
          ? c.green
          : c.dim
  return paint(`${GLYPHS[state] ?? "?"} ${state}`)
}

/** The bare word where a program may read it. */
export function stateCell(state: string, out: Output): string {
  return out.isTerminal ? stateText(state, out.c) : state
}

const USUAL_WIDTH = 28
/** Columns line up under names as long as any before, within reason. */
const MOST_WIDTH = 52
let width = USUAL_WIDTH

/** `10:02:11.331  lease/ada_x7        pending → active  request by ada  on r3f, token 1099511633454` */
export function transitionLine(record: YardRecord, c: Colors): string {
  const name = `${record.kind}/${record.id}`
  width = Math.min(MOST_WIDTH, Math.max(width, name.length))
  const actor = padEnd(name, width)
  return `${c.dim(clockTime(record.at))}  ${actor}  ${padEnd(pathText(record, c), 30)}  ${causeText(record)}${detail(record, c)}`
}

/** Every state entered, the one before first: `pending → acquired → active`. */
function pathText(record: YardRecord, c: Colors): string {
  const states = record.path.length === 0 ? [record.to] : record.path
  const before = record.from === null || record.from === states[0] ? [] : [record.from]
  const words = [...before, ...states]
  return words
    .map((state, index) => (index === words.length - 1 ? stateText(state, c) : c.dim(state)))
    .join(c.dim(" → "))
}

function causeText(record: YardRecord): string {
  return `${record.cause.verb} by ${record.cause.by}`
}

function detail(record: YardRecord, c: Colors): string {
  const text = facts(record)
  return text === "" ? "" : `  ${c.dim(printable(text))}`
}

/** Whether it says only that something goes on. */
export function isQuiet(record: YardRecord): boolean {
  return logEntries({ seq: 0, record }).every(({ type }) => QUIET_LOG_TYPES.has(type))
}

function facts(record: YardRecord): string {
  const { verb } = record.cause
  if (verb === "annotate" && "notes" in record.context) return brief(record.context.notes)
  if (record.kind === "lease" && verb === "renew" && record.to === record.from)
    return record.context.until === null ? "stored" : `until ${record.context.until}`
  // Where no state changed, the log has the words.
  if (record.path.length === 0 && (record.kind === "lease" || record.kind === "resource"))
    return inWords(record)
  switch (record.kind) {
    case "lease": {
      const { context, to } = record
      if (to === "pending") return context.waiting === null ? "" : `waits: ${context.waiting.code}`
      if (to === "active" || to === "acquired")
        return `on ${context.resource ?? "?"}, token ${context.token ?? "?"}`
      return endedText(record)
    }
    case "resource": {
      const { context, to } = record
      if (to === "pending" || to === "active") return placeText(context.attributes)
      return endedText(record)
    }
    case "blueprint":
      return inWords(record)
    case "yard":
      return `host ${record.context.host}, generation ${record.context.generation}`
    default:
      return ""
  }
}

function inWords(record: YardRecord): string {
  return logEntries({ seq: 0, record })
    .map(({ text }) => text)
    .filter((text) => text !== `by ${record.cause.by}`)
    .join("; ")
}

/** Why it ended, unless the verb has said it already. */
function endedText({ context, cause }: LeaseRecord | ResourceRecord): string {
  const message = context.reason?.message ?? ""
  return message === `released by ${cause.by}` || message === `reclaimed by ${cause.by}` ? "" : message
}

/** Where a host is, from what its blueprint pinned: `pool/h1 127.0.0.1 (local)`. */
export function placeText(attributes: { readonly [name: string]: unknown }): string {
  const part = (name: string) => {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined
    return typeof value === "string" || typeof value === "number" ? String(value) : undefined
  }
  const site = [part("service"), part("binding")].filter((text) => text !== undefined).join("/")
  const transport = part("transport")
  const port = part("port")
  const address = part("address")
  const reach =
    address === undefined ? "" : transport === "ssh" && port !== undefined ? `${address}:${port}` : address
  return [site, reach, transport === undefined ? "" : `(${transport})`]
    .filter((text) => text !== "")
    .join(" ")
}

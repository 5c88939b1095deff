import { z } from "zod"
import { dictionary } from "./json.js"
import { LIMITS } from "./limits.js"
import type { Notes } from "./stimulus.js"

/** Body of `annotate`: bookkeeping for holder, operator and the blueprint's worker. */
export const annotateBody = z.strictObject({
  set: dictionary(z.union([z.string(), z.null()]), LIMITS.noteKeys, "notes"),
})
export type AnnotateBody = z.output<typeof annotateBody>

/** The notes after `annotate`. */
export function annotated(notes: Notes, body: AnnotateBody): Notes {
  const kept = Object.entries(notes).filter(([name]) => !Object.hasOwn(body.set, name))
  const added = Object.entries(body.set).filter((entry): entry is [string, string] => entry[1] !== null)
  return Object.fromEntries([...kept, ...added].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Whether notes stay within their limit: 32 keys, 4 KiB of keys and texts. */
export function notesFit(notes: Notes): boolean {
  const entries = Object.entries(notes)
  let bytes = 0
  for (const [name, text] of entries) bytes += utf8Length(name) + utf8Length(text)
  return entries.length <= LIMITS.noteKeys && bytes <= LIMITS.noteBytes
}

export function sameNotes(a: Notes, b: Notes): boolean {
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && a[name] === b[name])
  )
}

/** Bytes of a text in UTF-8, without building them. */
export function utf8Length(text: string): number {
  let bytes = 0
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}

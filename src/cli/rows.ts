// Objects as rows of a table: what people look for first, left to right.

import type { Kind } from "../machines/names.js"
import type { LeaseRecord, YardRecord } from "../machines/record.js"
import { accessText } from "./facts.js"
import { blueprintNote, jobNote, resourceNote } from "./job-text.js"
import type { Column, Output } from "./output.js"
import { brief, relative } from "./text.js"
import { placeText, stateCell } from "./transition.js"

const heads = (...names: readonly string[]): readonly Column[] => names.map((head) => ({ head }))

export const COLUMNS: { readonly [K in Kind]: readonly Column[] } = {
  lease: heads("LEASE", "STATE", "TYPE", "RESOURCE", "BY", "ASKED", "ENDS", "NOTE"),
  resource: heads("RESOURCE", "STATE", "TYPE", "BLUEPRINT", "PLACE", "SINCE", "NOTE"),
  blueprint: heads("BLUEPRINT", "STATE", "TYPE", "LIMIT", "ACCESS", "CONFIG", "NOTE"),
  service: heads("SERVICE", "STATE", "TYPE", "BINDINGS"),
  device: heads("DEVICE", "STATE", "INTERFACES"),
  network: heads("NETWORK", "STATE", "NAME"),
  yard: heads("YARD", "STATE", "GENERATION", "HOST"),
}

/** On a terminal times are relative and states have a glyph; elsewhere they are plain. */
export function rowOf(record: YardRecord, out: Output): readonly string[] {
  const first = [record.id, stateCell(record.to, out)]
  const when = (time: string | null) => (out.isTerminal ? relative(time) : (time ?? "-"))
  switch (record.kind) {
    case "lease": {
      const { type, resource, by, requestedAt, until } = record.context
      const ends = hasEnded(record.to) ? "-" : when(until)
      return [...first, type, resource ?? "-", by, when(requestedAt), ends, leaseNote(record)]
    }
    case "resource": {
      const { type, blueprint, attributes, allocatedAt } = record.context
      const note = resourceNote(record.context, hasEnded(record.to))
      return [...first, type, blueprint, placeText(attributes), when(allocatedAt), note]
    }
    case "blueprint": {
      const { type, limit, terms, config } = record.context
      const most = limit === null ? "-" : String(limit)
      return [...first, type, most, accessText(terms), brief(config), blueprintNote(record.context)]
    }
    case "service":
      return [...first, record.context.type, bindingsText(record.context.bindings)]
    case "device": {
      const shown = Object.entries(record.context.interfaces).map(
        ([name, { address, port, transport, network }]) =>
          `${name} ${transport === "ssh" ? `${address}:${port}` : address} (${network}, ${transport})`,
      )
      return [...first, shown.join(", ")]
    }
    case "network":
      return [...first, record.context.name ?? "-"]
    case "yard":
      return [...first, String(record.context.generation), record.context.host]
  }
}

function hasEnded(state: string): boolean {
  return state === "released" || state === "broken" || state === "destroyed"
}

/** What it waits for, what is done for it, or why it ended. */
function leaseNote({ to, context }: LeaseRecord): string {
  if (context.quarantine !== null) return `quarantined: ${context.quarantine.code}`
  const job = jobNote(context)
  if (job !== "") return job
  return (hasEnded(to) ? context.reason?.code : context.waiting?.code) ?? ""
}

function bindingsText(bindings: { readonly [name: string]: { readonly disabled: boolean } }): string {
  const names = Object.entries(bindings).map(([name, { disabled }]) =>
    disabled ? `${name} (disabled)` : name,
  )
  const shown = names.slice(0, 6).join(", ")
  return names.length > 6 ? `${shown} and ${names.length - 6} more` : shown
}

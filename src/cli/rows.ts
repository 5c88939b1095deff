// Objects as rows of a table: what people look for first, left to right.

import type { Kind } from "../machines/names.js"
import type { YardRecord } from "../machines/record.js"
import type { Column, Output } from "./output.js"
import { brief, relative } from "./text.js"
import { placeText, stateCell } from "./transition.js"

const heads = (...names: readonly string[]): readonly Column[] => names.map((head) => ({ head }))

export const COLUMNS: { readonly [K in Kind]: readonly Column[] } = {
  lease: heads("LEASE", "STATE", "TYPE", "RESOURCE", "BY", "ASKED", "ENDS", "WAITS FOR"),
  resource: heads("RESOURCE", "STATE", "TYPE", "BLUEPRINT", "PLACE", "SINCE"),
  blueprint: heads("BLUEPRINT", "STATE", "TYPE", "LIMIT", "CONFIG"),
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
      const { type, resource, by, requestedAt, until, waiting, reason } = record.context
      const ended = record.to === "released" || record.to === "broken" || record.to === "destroyed"
      const note = ended ? (reason?.code ?? "") : (waiting?.code ?? "")
      return [...first, type, resource ?? "-", by, when(requestedAt), ended ? "-" : when(until), note]
    }
    case "resource": {
      const { type, blueprint, attributes, allocatedAt } = record.context
      return [...first, type, blueprint, placeText(attributes), when(allocatedAt)]
    }
    case "blueprint": {
      const { type, limit, config } = record.context
      return [...first, type, limit === null ? "-" : String(limit), brief(config)]
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

function bindingsText(bindings: { readonly [name: string]: { readonly disabled: boolean } }): string {
  const names = Object.entries(bindings).map(([name, { disabled }]) =>
    disabled ? `${name} (disabled)` : name,
  )
  const shown = names.slice(0, 6).join(", ")
  return names.length > 6 ? `${shown} and ${names.length - 6} more` : shown
}

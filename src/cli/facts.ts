// Everything about one object as labels and lines: what `show` prints above the tables.

import { z } from "zod"
import { type BlueprintTerms, blueprintTerms } from "../machines/blueprint-terms.js"
import type { LogLine } from "../machines/job.js"
import { isObject } from "../machines/json.js"
import type { BlueprintRecord, LeaseRecord, ResourceRecord, YardRecord } from "../machines/record.js"
import { jobLines, quarantineLines } from "./job-text.js"
import { brief, clockTime, relative } from "./text.js"
import { placeText } from "./transition.js"

export type Fact = readonly [label: string, lines: readonly string[]]

/** Without what is empty. */
export function factsOf(record: YardRecord): readonly Fact[] {
  const timers = record.timers.map(({ id, at }) => `${id} fires ${relative(at)}`)
  const known: readonly Fact[] = [...ownFacts(record), ["timers", timers]]
  return known.filter(([, lines]) => lines.some((line) => line !== ""))
}

function ownFacts(record: YardRecord): readonly Fact[] {
  switch (record.kind) {
    case "lease":
      return leaseFacts(record)
    case "resource":
      return resourceFacts(record)
    case "blueprint":
      return blueprintFacts(record)
    case "service": {
      const x = record.context
      const bound = Object.entries(x.bindings).map(
        ([name, { device, interface: port, disabled }]) =>
          `${name} → ${device}/${port}${disabled ? " (disabled)" : ""}`,
      )
      return [
        ["type", [x.type]],
        ["name", [x.name ?? ""]],
        ["bindings", bound],
        ["properties", json(x.properties)],
      ]
    }
    case "device": {
      const x = record.context
      const interfaces = Object.entries(x.interfaces).map(
        ([name, { address, port, transport, network }]) =>
          `${name} ${address}:${port} ${transport} in network ${network}`,
      )
      return [
        ["name", [x.name ?? ""]],
        ["interfaces", interfaces],
        ["properties", json(x.properties)],
      ]
    }
    case "network":
      return [["name", [record.context.name ?? ""]]]
    case "yard":
      return [
        ["host", [record.context.host]],
        ["generation", [String(record.context.generation)]],
        ["taken over", [record.context.takenOverAt]],
      ]
  }
}

function leaseFacts({ context: x }: LeaseRecord): readonly Fact[] {
  return [
    ["type", [x.type]],
    ["attributes", json(x.attributes)],
    ["blueprints", [x.blueprints?.join(", ") ?? "any"]],
    ["holder", [x.by]],
    ["resource", [x.resource ?? ""]],
    ["token", [x.token === null ? "" : String(x.token)]],
    ["slots", x.slots],
    ["asked", [moment(x.requestedAt)]],
    ["active", [moment(x.activatedAt)]],
    ["until", [moment(x.until)]],
    ["waiting", waitingLines(x.waiting)],
    ["goes back", [x.throwBack ?? ""]],
    ["tries again", [x.retryAt === null ? "" : `${moment(x.retryAt)}, after ${x.failed} that failed`]],
    ["details", json(x.details)],
    ["job", jobLines(x)],
    ["quarantine", quarantineLines(x)],
    ["failed on", x.failures.map(({ resource, at, message }) => `${resource} ${relative(at)}: ${message}`)],
    ["ended", [reasonText(x.reason)]],
    ["notes", notes(x.notes)],
    ["output", output(x.log)],
  ]
}

function resourceFacts({ context: x }: ResourceRecord): readonly Fact[] {
  const strikes = x.strikes.map(({ lease, at, message }) => `lease ${lease} ${relative(at)}: ${message}`)
  return [
    ["type", [x.type]],
    ["blueprint", [x.blueprint]],
    ["place", [placeText(x.attributes)]],
    ["attributes", json(x.attributes)],
    ["ordered by", [`lease/${x.by}`]],
    ["slots", x.slots],
    ["allocated", [moment(x.allocatedAt)]],
    ["active", [moment(x.activatedAt)]],
    ["until", [moment(x.until)]],
    ["draining", [x.draining ? "gives nothing new, and ends after its last lease" : ""]],
    ["makes room", [roomText(x.reclaim)]],
    ["details", json(x.details)],
    ["job", jobLines(x)],
    ["quarantine", quarantineLines(x)],
    ["strikes", strikes],
    ["ended", [reasonText(x.reason)]],
    ["notes", notes(x.notes)],
    ["output", output(x.log)],
  ]
}

function blueprintFacts({ context: x }: BlueprintRecord): readonly Fact[] {
  const decisions = Object.entries(x.authorizations).map(
    ([who, { state, by, at }]) =>
      `${who} ${state}${state === "requested" ? "" : ` by ${by}`} ${relative(at)}`,
  )
  const failures = x.failures.map(({ resource, at, message }) => `${resource} ${relative(at)}: ${message}`)
  return [
    ["type", [x.type]],
    ["config", json(x.config)],
    ["limit", [x.limit === null ? "none" : String(x.limit)]],
    ["access", [accessText(x.terms)]],
    ["terms", termLines(x.terms)],
    ["principals", decisions],
    ["suspended", [x.suspended === null ? "" : `since ${relative(x.suspended.at)}: ${x.suspended.message}`]],
    ["builds again", [moment(x.retryAt)]],
    ["failed", failures],
    ["gives up", x.hopeless.map(({ message, at }) => `${relative(at)}: ${message}`)],
    ["created by", [x.by]],
  ]
}

/** `everyone`, `approval`, or the list. */
export function accessText({ access = "everyone" }: BlueprintTerms): string {
  return typeof access === "string" ? access : access.join(", ")
}

/** What was said, as it stands in a file: `idle 30m`, `work.attempts 3`. */
function termLines(terms: BlueprintTerms): readonly string[] {
  const said: Readonly<Record<string, unknown>> = terms
  return Object.keys(blueprintTerms).flatMap((name) => {
    const value = said[name]
    if (value === undefined || name === "access") return []
    if (!isObject(value)) return [`${name} ${String(value)}`]
    return Object.entries(value).map(([key, one]) => `${name}.${key} ${String(one)}`)
  })
}

const blueprintsOf = z.looseObject({
  blueprints: z.array(z.looseObject({ blueprint: z.string(), message: z.string() })),
})

function waitingLines(waiting: LeaseRecord["context"]["waiting"]): readonly string[] {
  if (waiting === null) return []
  const parsed = blueprintsOf.safeParse(waiting.details)
  if (!parsed.success) return [`${waiting.code} ${brief(waiting.details, 200)}`]
  return [waiting.code, ...parsed.data.blueprints.map(({ blueprint, message }) => `${blueprint}: ${message}`)]
}

function roomText(reclaim: ResourceRecord["context"]["reclaim"]): string {
  if (reclaim === null) return ""
  const when = reclaim.due ? "as soon as its leases are gone" : `${relative(reclaim.at)}, unless it is in use`
  return `for lease ${reclaim.lease} ${when}`
}

function reasonText(reason: LeaseRecord["context"]["reason"]): string {
  return reason === null ? "" : `${reason.code}: ${reason.message}`
}

function moment(time: string | null): string {
  return time === null ? "" : `${time} (${relative(time)})`
}

function json(value: object): readonly string[] {
  return Object.keys(value).length === 0 ? [] : [brief(value, 200)]
}

function notes(all: { readonly [name: string]: string }): readonly string[] {
  return Object.entries(all).map(([name, note]) => `${name} = ${note}`)
}

function output(lines: readonly LogLine[]): readonly string[] {
  return lines.map(({ at, line }) => `${clockTime(at)}  ${line}`)
}

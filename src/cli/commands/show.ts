import { z } from "zod"
import type { CommandRow, Difference, Drydock } from "../../client/index.js"
import { ClientError } from "../../client/index.js"
import type { LeaseRecord, YardRecord } from "../../machines/record.js"
import type { Call } from "../call.js"
import { findActor, unknownActor } from "../find.js"
import type { Actor } from "../input.js"
import type { Output } from "../output.js"
import { COLUMNS, rowOf } from "../rows.js"
import { brief, labelled, printable, relative } from "../text.js"
import { placeText, stateText, transitionLine } from "../transition.js"
import { lookAtYard } from "../yard.js"
import { commandTable } from "./commands.js"

interface Shown {
  readonly record: YardRecord
  readonly differences: readonly Difference[]
  readonly leases: readonly LeaseRecord[]
  readonly commands: readonly CommandRow[]
  readonly history: readonly { readonly seq: number; readonly record: YardRecord }[]
}

export async function show(call: Call): Promise<number> {
  return lookAtYard(call, async (yard) => {
    const shown = await read(yard, await findActor(yard, call.operand(0)))
    call.out.document(shown, () => text(shown, call.out))
    return 0
  })
}

async function read(yard: Drydock, actor: Actor): Promise<Shown> {
  const { kind, id } = actor
  const [got, commands, history] = await Promise.all([
    getOrUndefined(yard, actor),
    yard.commands(kind, id),
    yard.history(kind, id),
  ])
  if (got === undefined) throw await unknownActor(yard, actor)
  const leases = kind === "resource" ? (await yard.list("lease", { resource: id, limit: 100 })).items : []
  const live = leases.filter(({ to }) => to !== "destroyed")
  return { record: got.record, differences: got.differences ?? [], leases: live, commands, history }
}

async function getOrUndefined(yard: Drydock, actor: Actor) {
  try {
    return await yard.query("get", actor)
  } catch (error) {
    if (error instanceof ClientError && error.code === "unknown-actor") return undefined
    throw error
  }
}

function text(shown: Shown, out: Output): string {
  const { record } = shown
  const { c } = out
  const title = `${c.bold(`${record.kind}/${record.id}`)}  ${stateText(record.to, c)}  ${c.dim(`rev ${record.rev}, ${relative(record.at)}`)}`
  const differences = shown.differences.map(
    ({ field, pinned, now }) => `${field}: ${brief(pinned)} when allocated, ${brief(now)} now`,
  )
  const section = (name: string, body: string) => (body === "" ? [] : ["", c.dim(name), body])
  return [
    title,
    ...facts(record).map(([label, lines]) => labelled(c.dim(label), lines.map(printable), 13)),
    ...(differences.length === 0 ? [] : [labelled(c.yellow("changed"), differences, 13)]),
    ...section(
      "LEASES ON IT",
      shown.leases.length === 0
        ? ""
        : out.table(
            COLUMNS.lease,
            shown.leases.map((lease) => rowOf(lease, out)),
            "in-text",
          ),
    ),
    ...section("COMMANDS", shown.commands.length === 0 ? "" : commandTable(out, shown.commands, "in-text")),
    ...section("HISTORY", shown.history.map(({ record: past }) => transitionLine(past, c)).join("\n")),
  ].join("\n")
}

type Fact = readonly [label: string, lines: readonly string[]]

function facts(record: YardRecord): readonly Fact[] {
  const all = factsOf(record)
  const timers = record.timers.map(({ id, at }) => `${id} fires ${relative(at)}`)
  const known: readonly Fact[] = [...all, ["timers", timers]]
  return known.filter(([, lines]) => lines.some((line) => line !== ""))
}

function factsOf(record: YardRecord): readonly Fact[] {
  switch (record.kind) {
    case "lease": {
      const x = record.context
      return [
        ["type", [x.type]],
        ["attributes", json(x.attributes)],
        ["blueprints", [x.blueprints?.join(", ") ?? "any"]],
        ["holder", [x.by]],
        ["resource", [x.resource ?? ""]],
        ["token", [x.token === null ? "" : String(x.token)]],
        ["slots", x.slots],
        ["asked", [`${x.requestedAt} (${relative(x.requestedAt)})`]],
        ["active", [x.activatedAt === null ? "" : `${x.activatedAt} (${relative(x.activatedAt)})`]],
        ["until", [x.until === null ? "" : `${x.until} (${relative(x.until)})`]],
        ["waiting", waitingLines(x.waiting)],
        ["ended", [x.reason === null ? "" : `${x.reason.code}: ${x.reason.message}`]],
        ["notes", notes(x.notes)],
      ]
    }
    case "resource": {
      const x = record.context
      return [
        ["type", [x.type]],
        ["blueprint", [x.blueprint]],
        ["place", [placeText(x.attributes)]],
        ["attributes", json(x.attributes)],
        ["ordered by", [`lease/${x.by}`]],
        ["slots", x.slots],
        ["allocated", [`${x.allocatedAt} (${relative(x.allocatedAt)})`]],
        ["until", [x.until === null ? "" : `${x.until} (${relative(x.until)})`]],
        ["ended", [x.reason === null ? "" : `${x.reason.code}: ${x.reason.message}`]],
        ["notes", notes(x.notes)],
      ]
    }
    case "blueprint": {
      const x = record.context
      const decisions = Object.entries(x.authorizations).map(
        ([who, { state, by }]) => `${who} ${state} by ${by}`,
      )
      return [
        ["type", [x.type]],
        ["config", json(x.config)],
        ["limit", [x.limit === null ? "none" : String(x.limit)]],
        ["principals", decisions],
        ["created by", [x.by]],
      ]
    }
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

const blueprintsOf = z.looseObject({
  blueprints: z.array(z.looseObject({ blueprint: z.string(), message: z.string() })),
})

function waitingLines(waiting: LeaseRecord["context"]["waiting"]): readonly string[] {
  if (waiting === null) return []
  const parsed = blueprintsOf.safeParse(waiting.details)
  if (!parsed.success) return [`${waiting.code} ${brief(waiting.details, 200)}`]
  return [waiting.code, ...parsed.data.blueprints.map(({ blueprint, message }) => `${blueprint}: ${message}`)]
}

function json(value: object): readonly string[] {
  return Object.keys(value).length === 0 ? [] : [brief(value, 200)]
}

function notes(all: { readonly [name: string]: string }): readonly string[] {
  return Object.entries(all).map(([name, note]) => `${name} = ${note}`)
}

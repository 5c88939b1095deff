import type { CommandRow, Difference, Drydock } from "../../client/index.js"
import { ClientError } from "../../client/index.js"
import type { LeaseRecord, YardRecord } from "../../machines/record.js"
import type { Call } from "../call.js"
import { factsOf } from "../facts.js"
import { findActor, unknownActor } from "../find.js"
import type { Actor } from "../input.js"
import type { Colors, Output } from "../output.js"
import { COLUMNS, rowOf } from "../rows.js"
import { brief, count, labelled, printable, relative } from "../text.js"
import { isQuiet, stateText, transitionLine } from "../transition.js"
import { lookAtYard } from "../yard.js"
import { commandTable } from "./commands.js"

interface Shown {
  readonly record: YardRecord
  readonly differences: readonly Difference[]
  readonly leases: readonly LeaseRecord[]
  readonly commands: readonly CommandRow[]
  readonly history: readonly { readonly seq: number; readonly record: YardRecord }[]
}

export function show(call: Call): Promise<number> {
  return showActor(call, (yard) => findActor(yard, call.operand(0)))
}

/** One object, however it was named. */
export async function showActor(
  call: Call,
  find: (yard: Drydock) => Actor | Promise<Actor>,
): Promise<number> {
  return lookAtYard(call, async (yard) => {
    const shown = await read(yard, await find(yard))
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
    ...factsOf(record).map(([label, lines]) => labelled(c.dim(label), lines.map(printable), 13)),
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
    ...section("HISTORY", historyLines(shown, c).join("\n")),
  ].join("\n")
}

/** Every record, but for those that say only that something goes on. */
function historyLines({ history, record }: Shown, c: Colors): readonly string[] {
  const told = history.filter(({ record: past }) => !isQuiet(past))
  const left = history.length - told.length
  return [
    ...told.map(({ record: past }) => transitionLine(past, c)),
    ...(left === 0
      ? []
      : [
          c.dim(`${count(left, "heartbeat")} not shown: drydock watch ${record.kind}/${record.id} --after 0`),
        ]),
  ]
}

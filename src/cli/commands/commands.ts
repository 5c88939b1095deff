import type { CommandRow } from "../../client/index.js"
import type { Call } from "../call.js"
import { findActor } from "../find.js"
import type { Colors, Output } from "../output.js"
import { clockTime } from "../text.js"
import { lookAtYard } from "../yard.js"

export async function commands(call: Call): Promise<number> {
  return lookAtYard(call, async (yard) => {
    const { kind, id } = await findActor(yard, call.operand(0))
    const items = await yard.commands(kind, id)
    call.out.document({ kind, id, items }, () =>
      items.length === 0 ? `${kind}/${id} has no recent commands` : commandTable(call.out, items),
    )
    return 0
  })
}

export function commandTable(
  out: Output,
  items: readonly CommandRow[],
  where: "alone" | "in-text" = "alone",
): string {
  return out.table(
    [
      { head: "COMMAND", align: "right" },
      { head: "AT" },
      { head: "VERB" },
      { head: "BY" },
      { head: "OUTCOME" },
    ],
    items.map((row) => [String(row.seq), clockTime(row.at), row.verb, row.by, outcomeText(row, out.c)]),
    where,
  )
}

function outcomeText(row: CommandRow, c: Colors): string {
  const words = [row.state, row.code, row.message].filter(
    (word) => word !== null && word !== undefined && word !== "",
  )
  const text = words.join(": ")
  if (row.state === "rejected") return c.red(text)
  if (row.state === "waiting") return c.yellow(text)
  return row.state === "accepted" ? c.green(text) : c.dim(text)
}

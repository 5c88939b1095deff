import { accepted } from "../bulk.js"
import type { Call } from "../call.js"
import { CliError } from "../failure.js"
import { findActor } from "../find.js"
import { withYard } from "../yard.js"

export async function annotate(call: Call): Promise<number> {
  const set = Object.fromEntries(call.operands.slice(1).map(noteOf))
  return withYard(call, async (yard) => {
    const { kind, id } = await findActor(yard, call.operand(0))
    if (kind !== "lease" && kind !== "resource")
      throw new CliError("usage", `only leases and resources have notes, not ${kind}/${id}`)
    const record = await accepted(kind, await yard.command(kind, id, "annotate", { set }))
    call.out.document({ record }, () => {
      const notes = Object.entries(record.context.notes)
      return notes.length === 0
        ? `${kind}/${id} has no notes`
        : notes.map(([name, text]) => `${kind}/${id}  ${name} = ${text}`).join("\n")
    })
    return 0
  })
}

/** `key=text`; nothing after the sign removes the key. */
function noteOf(word: string): readonly [string, string | null] {
  const at = word.indexOf("=")
  if (at < 1)
    throw new CliError("usage", `a note is key=text, not ${JSON.stringify(word.slice(0, 40))}`, {
      cures: ["drydock annotate lease/ID build=4411", "drydock annotate lease/ID build=     (removes it)"],
    })
  const text = word.slice(at + 1)
  return [word.slice(0, at), text === "" ? null : text]
}

// `retry` and `abandon`: deciding about what is stuck.

import type { Drydock } from "../../client/index.js"
import { forEach } from "../bulk.js"
import { confirm } from "../confirm.js"
import { CliError } from "../failure.js"
import { findActor } from "../find.js"
import { jobNote } from "../job-text.js"
import type { Action } from "../spec.js"
import { count } from "../text.js"
import { stateText } from "../transition.js"
import { withYard } from "../yard.js"

interface Stuck {
  readonly kind: "lease" | "resource"
  readonly id: string
}

export function stuck(verb: "retry" | "abandon"): Action {
  return (call) =>
    withYard(call, async (yard) => {
      const found = await Promise.all(call.operands.map((text) => find(yard, text, verb)))
      const actors = new Map(found.map((one) => [`${one.kind}/${one.id}`, one]))
      const reason = call.text("reason")
      if (verb === "abandon")
        await confirm(call, `abandon ${count(actors.size, "object")}, whatever is left of it`, [
          ...actors.keys(),
        ])
      return forEach(
        call,
        [...actors.keys()],
        (name) => {
          const { kind, id } = actors.get(name) ?? { kind: "lease", id: name }
          return verb === "retry" ? yard.retry(kind, id) : yard.abandon(kind, id, { reason })
        },
        (record, name) => {
          const job = record.kind === "lease" || record.kind === "resource" ? jobNote(record.context) : ""
          return `${name}  ${stateText(record.to, call.out.c)}${job === "" ? "" : `  ${job}`}`
        },
      )
    })
}

async function find(yard: Drydock, text: string, verb: string): Promise<Stuck> {
  const { kind, id } = await findActor(yard, text)
  if (kind === "lease" || kind === "resource") return { kind, id }
  throw new CliError("usage", `only leases and resources can be stuck, not ${kind}/${id}`, {
    why: kind === "blueprint" ? ["a blueprint that is suspended builds again when it is enabled"] : [],
    cures: [kind === "blueprint" ? `drydock blueprint enable ${id}` : `drydock ${verb} resource/ID`],
  })
}

// Commands without a body: enable, disable, authorize, decline, remove.

import { PRINCIPAL } from "../../machines/names.js"
import { accepted, forEach } from "../bulk.js"
import { confirm } from "../confirm.js"
import { CliError } from "../failure.js"
import { idOf } from "../input.js"
import type { Action } from "../spec.js"
import { count } from "../text.js"
import { stateText } from "../transition.js"
import { withYard } from "../yard.js"

export function tell(kind: "blueprint" | "device", verb: "enable" | "disable"): Action {
  return (call) => {
    const ids = call.operands.map((text) => idOf(text, kind))
    return withYard(call, (yard) =>
      forEach(
        call,
        ids,
        async (id) => accepted(kind, await yard.command(kind, id, verb)),
        (record) => `${kind}/${record.id}  ${stateText(record.to, call.out.c)}`,
      ),
    )
  }
}

export function remove(kind: "device" | "service" | "network"): Action {
  return (call) => {
    const ids = call.operands.map((text) => idOf(text, kind))
    return withYard(call, async (yard) => {
      if (ids.length > 1) await confirm(call, `remove ${count(ids.length, kind)}`, ids)
      return forEach(
        call,
        ids,
        async (id) => accepted(kind, await yard.command(kind, id, "remove")),
        (record) => `${kind}/${record.id}  ${stateText(record.to, call.out.c)}`,
      )
    })
  }
}

export function decide(verb: "authorize" | "decline"): Action {
  return (call) => {
    const id = idOf(call.operand(0), "blueprint")
    const principal = call.operand(1)
    if (!PRINCIPAL.test(principal))
      throw new CliError("invalid-id", `not a principal: ${JSON.stringify(principal.slice(0, 40))}`, {
        why: ["a principal has letters, digits and hyphens, at most 32"],
      })
    return withYard(call, (yard) =>
      forEach(
        call,
        [id],
        async () => accepted("blueprint", await yard.command("blueprint", id, verb, { principal })),
        () => `blueprint/${id}  ${principal} ${verb === "authorize" ? "may use it" : "may not use it"}`,
      ),
    )
  }
}

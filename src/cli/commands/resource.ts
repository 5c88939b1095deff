import { accepted, forEach } from "../bulk.js"
import { confirm } from "../confirm.js"
import { idOf } from "../input.js"
import type { Action } from "../spec.js"
import { count } from "../text.js"
import { stateText } from "../transition.js"
import { withYard } from "../yard.js"

export function resource(verb: "release" | "reclaim"): Action {
  return (call) => {
    const ids = call.operands.map((text) => idOf(text, "resource"))
    const reason = call.text("reason")
    return withYard(call, async (yard) => {
      if (verb === "release" && ids.length > 1)
        await confirm(call, `release ${count(ids.length, "resource")} with all leases on them`, ids)
      return forEach(
        call,
        ids,
        async (id) =>
          accepted(
            "resource",
            await yard.command("resource", id, verb, reason === undefined ? {} : { reason }),
          ),
        (record) => `resource/${record.id}  ${stateText(record.to, call.out.c)}`,
      )
    })
  }
}

// Commands without a body: enable, disable, remove.

import { accepted, forEach } from "../bulk.js"
import { confirm } from "../confirm.js"
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

// A service has no state of its own to switch: its bindings have, one by one.

import { accepted, forEach } from "../bulk.js"
import { CliError } from "../failure.js"
import { unknownActor } from "../find.js"
import { idOf } from "../input.js"
import type { Action } from "../spec.js"
import { nearest } from "../text.js"
import { withYard } from "../yard.js"

export function service(verb: "enable" | "disable"): Action {
  return (call) => {
    const id = idOf(call.operand(0), "service")
    const wanted = call.operands.slice(1)
    return withYard(call, async (yard) => {
      const record = await yard.get("service", id)
      if (record === undefined || record.to === "removed")
        throw await unknownActor(yard, { kind: "service", id })
      const bindings = new Map(Object.entries(record.context.bindings))
      const names = wanted.length === 0 ? [...bindings.keys()] : wanted
      for (const name of names)
        if (!bindings.has(name)) {
          const close = nearest(name, [...bindings.keys()])
          throw new CliError("unknown-actor", `service ${id} has no binding ${JSON.stringify(name)}`, {
            why: [
              `it has ${close.length > 0 ? close.join(", ") : [...bindings.keys()].slice(0, 10).join(", ")}`,
            ],
            cures: [`drydock show service/${id}`],
          })
        }
      return forEach(
        call,
        names,
        async (name) => {
          const body = { name, ...bindings.get(name), disabled: verb === "disable" }
          return accepted("service", await yard.command("service", id, "bind", body))
        },
        () => "",
      ).then((exit) => {
        if (exit === 0)
          call.out.say(names.map((name) => `service/${id}  binding ${name} ${verb}d`).join("\n"))
        return exit
      })
    })
  }
}

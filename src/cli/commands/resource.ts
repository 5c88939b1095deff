import type { Drydock } from "../../client/index.js"
import { accepted, forEach } from "../bulk.js"
import type { Call } from "../call.js"
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
      if (verb === "release" && !call.flag("yes")) await confirmRelease(call, yard, ids)
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

/** What ends somebody's lease, or several resources, is asked first. */
async function confirmRelease(call: Call, yard: Drydock, ids: readonly string[]): Promise<void> {
  const held = await Promise.all(ids.map((id) => holders(yard, id)))
  const leases = held.flat()
  if (leases.length === 0 && ids.length < 2) return
  const what = ids.length === 1 ? `resource ${ids[0]}` : count(ids.length, "resource")
  const rest =
    leases.length === 0
      ? ", which nobody uses"
      : ` and the ${count(leases.length, "lease")} on ${ids.length === 1 ? "it" : "them"}`
  await confirm(call, `release ${what}${rest}`, leases.length === 0 ? ids : leases)
}

/** The leases that would end with it, each with its holder. */
async function holders(yard: Drydock, resource: string): Promise<readonly string[]> {
  const live: string[] = []
  for await (const { id, to, context } of yard.each("lease", { resource, limit: 1_000 }))
    if (to === "acquired" || to === "active") live.push(`lease ${id} of ${context.by} on ${resource}`)
  return live
}

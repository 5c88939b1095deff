import type { Drydock } from "../../client/index.js"
import { forEach } from "../bulk.js"
import type { Call } from "../call.js"
import { confirm } from "../confirm.js"
import { CliError } from "../failure.js"
import { idOf } from "../input.js"
import { count } from "../text.js"
import { stateText } from "../transition.js"
import { withYard } from "../yard.js"

export async function release(call: Call): Promise<number> {
  const all = call.flag("all")
  if (all === call.operands.length > 0)
    throw new CliError(
      "usage",
      all ? "--all and ids exclude each other" : "name the leases to release, or --all",
      {
        cures: ["drydock release LEASE…", "drydock release --all", "drydock ls leases"],
      },
    )
  const given = call.operands.map((text) => idOf(text, "lease"))
  const reason = call.text("reason")
  return withYard(call, async (yard) => {
    const ids = all ? await mine(yard) : given
    if (all && ids.length > 0)
      await confirm(call, `release ${count(ids.length, "lease")} of ${yard.principal}`, ids)
    if (ids.length === 0) {
      call.out.document({ items: [] }, () => `${yard.principal} holds and waits for nothing`)
      return 0
    }
    return forEach(
      call,
      ids,
      (id) => yard.release(id, { reason }),
      (record) => `${record.id}  ${stateText(record.to, call.out.c)}`,
    )
  })
}

/** Leases of this principal that are not over. */
async function mine(yard: Drydock): Promise<readonly string[]> {
  const ids: string[] = []
  for (const state of ["pending", "acquired", "active"])
    for await (const { id, context } of yard.each("lease", { state, limit: 1_000 }))
      if (context.by === yard.principal) ids.push(id)
  return ids.sort()
}

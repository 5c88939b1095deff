import { forEach } from "../bulk.js"
import type { Call } from "../call.js"
import { durationOf, idOf, timeOf } from "../input.js"
import { relative } from "../text.js"
import { withYard } from "../yard.js"

export async function renew(call: Call): Promise<number> {
  const term = { ttl: durationOf("ttl", call.text("ttl")), until: timeOf("until", call.text("until")) }
  const ids = call.operands.map((text) => idOf(text, "lease"))
  return withYard(call, (yard) =>
    forEach(
      call,
      ids,
      (id) => yard.renew(id, term),
      (record) => {
        const until = record.kind === "lease" ? record.context.until : null
        return until === null
          ? `${record.id}  renewed; its time counts from when it is yours`
          : `${record.id}  until ${until} (${relative(until)})`
      },
    ),
  )
}

import { isClientError } from "../../client/index.js"
import { forEach } from "../bulk.js"
import type { Call } from "../call.js"
import { CliError } from "../failure.js"
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
      async (id) => {
        try {
          return await yard.renew(id, term)
        } catch (error) {
          const isTermless = term.ttl === undefined && term.until === undefined
          if (!isTermless || !isClientError(error) || error.code !== "invalid") throw error
          throw new CliError(
            "usage",
            `lease ${id} was asked for without a time: say how long it should last`,
            {
              cures: [`drydock renew ${id} --ttl 1h`],
              cause: error,
            },
          )
        }
      },
      (record) => {
        const until = record.kind === "lease" ? record.context.until : null
        return until === null
          ? `${record.id}  renewed; its time counts from when it is yours`
          : `${record.id}  until ${until} (${relative(until)})`
      },
    ),
  )
}

// What a record of a blueprint says.

import type { BlueprintRecord } from "../../machines/record.js"
import { bodyOf, type Said, said, textOf } from "./entry.js"

export function blueprintSaid(record: BlueprintRecord): readonly Said[] {
  const { event, context, cause } = record
  const body = bodyOf(record)
  const who = textOf(body.principal)
  switch (event.type) {
    case "create":
      return [said("blueprint.created", `of type ${context.type} by ${cause.by}`)]
    case "configure":
      return [said("blueprint.configured", `by ${cause.by}`)]
    case "enable":
      return [said("blueprint.enabled", `by ${cause.by}`)]
    case "disable":
      return [said("blueprint.disabled", `by ${cause.by}: it gives nothing new`)]
    case "authorize":
      return [said("blueprint.authorized", `${cause.by} lets ${who} use it`)]
    case "decline":
      return [said("blueprint.declined", `${cause.by} keeps ${who} from it`)]
    case "ask":
      return [
        said("blueprint.authorization-requested", `${who} asks to use it, with lease ${textOf(body.lease)}`),
      ]
    case "failed": {
      const failed = `resource ${textOf(body.resource)} could not be built: ${textOf(body.message)}`
      const given = context.hopeless.find(({ at }) => at === record.at)
      if (given !== undefined) return [said("blueprint.hopeless", given.message)]
      return context.suspended === null
        ? [said("blueprint.paused", `${failed}; it builds again at ${context.retryAt ?? "?"}`)]
        : [said("blueprint.suspended", context.suspended.message)]
    }
    case "built":
      return [
        said(
          "blueprint.recovered",
          `resource ${textOf(body.resource)} was built: its failures are forgotten`,
        ),
      ]
    case "expire":
      return [said("blueprint.resumed", "it builds again")]
    default:
      return []
  }
}

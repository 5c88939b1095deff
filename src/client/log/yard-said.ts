// What a record of the yard itself says.

import type { RecordOf } from "../../machines/record.js"
import { type Said, said } from "./entry.js"

export function yardSaid({ event, context, cause }: RecordOf<"yard">): readonly Said[] {
  switch (event.type) {
    case "take-over":
      return [said("yard.take-over", `host ${context.host} serves it, generation ${context.generation}`)]
    case "configure":
      return [
        said("yard.configured", `by ${cause.by}: what has ended is remembered for ${context.retention}`),
      ]
    case "expire":
      return [said("yard.sweep", `${context.forgets.length} objects that ended long ago are forgotten`)]
    default:
      return []
  }
}

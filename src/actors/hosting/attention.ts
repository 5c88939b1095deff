// What somebody should look after: counted for the query `status`.

import type { Yard } from "../kernel/index.js"

export interface Attention {
  /** Leases and resources that are stuck until `retry` or `abandon`. */
  readonly quarantined: number
  /** Blueprints that build nothing, or nothing for some demand, until somebody enables or configures them. */
  readonly suspended: number
  /** Blueprints that build nothing for a while, because a build failed. */
  readonly pausing: number
  /** Principals that asked to use a blueprint and have no answer. */
  readonly requested: number
}

/** One look at every actor. */
export function attention(yard: Yard): Attention {
  let [quarantined, suspended, pausing, requested] = [0, 0, 0, 0]
  for (const { record } of yard.actors.values()) {
    if (record.kind === "lease" || record.kind === "resource") {
      if (record.context.quarantine !== null && record.to !== "destroyed") quarantined++
    } else if (record.kind === "blueprint") {
      const { context } = record
      if (context.suspended !== null || context.hopeless.length > 0) suspended++
      if (context.retryAt !== null) pausing++
      for (const { state } of Object.values(context.authorizations)) if (state === "requested") requested++
    }
  }
  return { quarantined, suspended, pausing, requested }
}

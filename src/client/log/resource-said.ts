// What a record of a resource says.

import type { ResourceRecord } from "../../machines/record.js"
import { bodyOf, outputSaid, type Said, said, textOf } from "./entry.js"
import { jobSaid } from "./job-said.js"
import { notesText } from "./lease-said.js"

export function resourceSaid(record: ResourceRecord): readonly Said[] {
  return [
    ...outputSaid("resource", record),
    ...spoken(record),
    ...record.path.map((state) => entered(record, state)),
    ...jobSaid(record),
  ]
}

/** What somebody asked for without its state changing. */
function spoken(record: ResourceRecord): readonly Said[] {
  const { event, context, cause, path, to } = record
  const body = bodyOf(record)
  if (path.length > 0 && event.type !== "abandon") return []
  switch (event.type) {
    case "annotate":
      return [said("resource.annotated", `by ${cause.by}: ${notesText(body.set)}`)]
    case "drain":
      return [said("resource.draining", `by ${cause.by}: gives nothing new, and ends after its last lease`)]
    case "yield":
      return [
        said(
          "resource.reclaim",
          `lease ${context.reclaim?.lease ?? "?"} needs its room: it ends at ${context.reclaim?.at ?? "?"} unless it is used`,
        ),
      ]
    case "keep":
      return [said("resource.kept", "its room is needed no more")]
    case "strike":
      return [
        said(
          "resource.strike",
          `lease ${textOf(body.lease)} could not be activated on it: ${textOf(body.message)}`,
        ),
      ]
    case "retry":
      return to === "active"
        ? [said("resource.forgiven", `${cause.by} lets it serve again`)]
        : [said("resource.retried", `${cause.by} has it taken down again`)]
    case "abandon":
      return [said("resource.abandoned", context.reason?.message ?? `abandoned by ${cause.by}`)]
    case "rest":
      return [
        said("resource.resting", `nobody uses it: it ends at ${context.idleAt ?? "?"} unless somebody comes`),
      ]
    case "based":
      return [said("resource.based", `lease ${textOf(body.lease)}, which it stands on, is active`)]
    case "expire":
      return expired(record)
    default:
      return []
  }
}

function expired(record: ResourceRecord): readonly Said[] {
  const { context } = record
  switch (bodyOf(record).timer) {
    case "reclaim":
      return context.reclaim === null
        ? [said("resource.kept", "its room is needed no more")]
        : [said("resource.reclaim", "still in use: it gives nothing new, and ends with that")]
    case "idle":
      return [
        said(
          "resource.idle-check",
          context.idleAt === null ? "it is in use" : `used since; looked at again at ${context.idleAt}`,
        ),
      ]
    default:
      return []
  }
}

function entered(record: ResourceRecord, state: string): Said {
  const { context, cause, event } = record
  const reason = context.reason?.message ?? ""
  switch (state) {
    case "pending": {
      const base = context.base === null ? "" : `; it is to stand on lease ${context.base.lease}`
      return said(
        "resource.allocated",
        `by blueprint ${context.blueprint} for lease ${context.by}, at ${context.site}${base}`,
      )
    }
    case "active":
      return said("resource.activated", `usable${context.until === null ? "" : ` until ${context.until}`}`)
    case "released":
      return context.reason?.code === "reclaimed" && record.from !== "broken"
        ? said("resource.reclaim", reason)
        : said(
            "resource.released",
            reason === "" ? `by ${cause.by}` : `${context.reason?.code ?? ""}: ${reason}`,
          )
    case "broken":
      return broken(context.reason?.code ?? "", reason, event.type)
    case "destroyed":
      return said("resource.destroyed", "over; its slots are free")
    default:
      return said(`resource.${state}`, `is ${state}`)
  }
}

function broken(code: string, message: string, verb: string): Said {
  if (verb === "unbased") return said("resource.base-lost", message)
  if (code === "lost") return said("resource.lost", message)
  if (code === "allocation-failed" && / is held by /.test(message))
    return said("resource.slot-lock.failure", message)
  if (verb === "allocate") return said("resource.allocation-failure", message)
  return said("resource.activation-failure", message)
}

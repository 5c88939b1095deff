// What a record of a lease says.

import type { Waiting } from "../../machines/lease-context.js"
import type { LeaseRecord } from "../../machines/record.js"
import { bodyOf, outputSaid, type Said, said, textOf } from "./entry.js"
import { jobSaid } from "./job-said.js"

export function leaseSaid(record: LeaseRecord): readonly Said[] {
  return [
    ...outputSaid("lease", record),
    ...spoken(record),
    ...record.path.map((state) => entered(record, state)),
    ...waits(record),
    ...jobSaid(record),
  ]
}

/** What somebody asked for without its state changing. */
function spoken(record: LeaseRecord): readonly Said[] {
  const { event, context, cause } = record
  const body = bodyOf(record)
  switch (event.type) {
    case "renew":
      return [
        said(
          "lease.renewed",
          context.activatedAt === null
            ? `by ${cause.by}; counts from when it is active`
            : `by ${cause.by}, until ${context.until ?? "it is released"}`,
        ),
      ]
    case "annotate":
      return [said("lease.annotated", `by ${cause.by}: ${notesText(body.set)}`)]
    case "retry":
      return [said("lease.retried", `${cause.by} has it cleaned up after again`)]
    case "abandon":
      return [said("lease.abandoned", context.reason?.message ?? `abandoned by ${cause.by}`)]
    case "unbuilt":
      return [said("lease.allocation-failure", `resource ${textOf(body.resource)} came to nothing`)]
    case "expire":
      if (body.timer === "again") return [said("lease.again", "it takes a resource again")]
      return body.timer === "warn"
        ? [said("lease.warning", `ends at ${context.until ?? "?"}: renew it, or finish`)]
        : []
    case "throw-back":
      return record.path.length === 0
        ? [
            said(
              "lease.reacquire",
              `goes back to the queue when ${context.job?.task ?? "its job"} is over: ${context.throwBack ?? ""}`,
            ),
          ]
        : []
    case "failed":
    case "stopped":
      return record.path.length === 0 && context.throwBack !== null && context.job?.task === "release"
        ? [
            said(
              "lease.reacquire",
              `goes back to the queue when it is cleaned up after: ${context.throwBack}`,
            ),
          ]
        : []
    default:
      return []
  }
}

function entered(record: LeaseRecord, state: string): Said {
  const { context, cause, from } = record
  const { reason, resource, token, until } = context
  switch (state) {
    case "pending": {
      const only = context.blueprints === null ? "" : ` of ${context.blueprints.join(", ")}`
      return from === null
        ? said("lease.queued", `${context.by} asks for ${context.type}${only}`)
        : said("lease.reacquire", `thrown back to its old place in the queue: ${messageOf(context.waiting)}`)
    }
    case "acquired":
      return said("lease.acquired", `on resource ${resource ?? "?"} with token ${token ?? "?"}`)
    case "active":
      return said("lease.activated", `on resource ${resource ?? "?"}, until ${until ?? "it is released"}`)
    case "released":
      return said("lease.released", reason === null ? `by ${cause.by}` : `${reason.code}: ${reason.message}`)
    case "broken":
      return reason?.code === "unsatisfiable"
        ? said("lease.no-blueprints", reason.message)
        : said("lease.activation-failure", reason?.message ?? "it could not be activated")
    case "destroyed":
      return said("lease.destroyed", "over; its slots are free")
    default:
      return said(`lease.${state}`, `is ${state}`)
  }
}

/** The words that a lease which waits may have just changed. */
const LOOKS: ReadonlySet<string> = new Set(["request", "wake", "unbuilt"])

function waits({ to, context, event }: LeaseRecord): readonly Said[] {
  const { waiting } = context
  if (to !== "pending" || waiting === null || !LOOKS.has(event.type)) return []
  const details: { readonly [name: string]: unknown } = waiting.details
  const resource = textOf(details.resource)
  switch (waiting.code) {
    case "allocating":
      return [
        said(
          "lease.waiting-for-activation",
          `blueprint ${textOf(details.blueprint)} builds resource ${resource} for it`,
        ),
      ]
    case "reclaiming":
      return [said("lease.waiting-for-reclamation", `resource ${resource} is to make room for it`)]
    case "unauthorized":
      return [said("lease.no-authorizations", answersIn(waiting))]
    default:
      return [said("lease.waiting-for-resources", `${waiting.code}: ${answersIn(waiting)}`)]
  }
}

/** What each blueprint answered. */
function answersIn({ details }: Waiting): string {
  const answers = Array.isArray(details.blueprints) ? details.blueprints : []
  const texts = answers.flatMap((answer) => {
    if (typeof answer !== "object" || answer === null || Array.isArray(answer)) return []
    const { blueprint, message }: { readonly [name: string]: unknown } = answer
    return [`${textOf(blueprint)}: ${textOf(message)}`]
  })
  return texts.length === 0 ? "nothing serves it now" : texts.join("; ")
}

function messageOf(waiting: Waiting | null): string {
  const details: { readonly [name: string]: unknown } = waiting?.details ?? {}
  return textOf(details.message)
}

export function notesText(set: unknown): string {
  if (typeof set !== "object" || set === null) return ""
  return Object.entries(set)
    .map(([name, text]) => (text === null ? `${name} removed` : `${name} = ${String(text)}`))
    .join(", ")
}

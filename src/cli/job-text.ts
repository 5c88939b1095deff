// What goes on for an object, and what is wrong with it, in words: its job, its quarantine, the pause of a blueprint.

import type { BlueprintContext } from "../machines/blueprint.js"
import type { Job } from "../machines/job.js"
import type { YardRecord } from "../machines/record.js"
import type { ResourceContext } from "../machines/resource-context.js"
import type { Working } from "../machines/working.js"
import { relative } from "./text.js"

type At = Pick<Working, "job" | "work">

/** `activate, attempt 2 of 5: running on h1-4711 since 3 s ago, has to be over in 14 min`, a fact a line. */
export function jobLines({ job, work }: At): readonly string[] {
  if (job === null) return []
  const number = `${job.task}, attempt ${job.attempt}${work === null ? "" : ` of ${work.attempts}`}`
  return [
    `${number}: ${stateOf(job, work)}`,
    ...(job.cancelled ? ["told to stop, because its object ends or goes back"] : []),
    ...(job.error === null ? [] : [`the attempt before: ${job.error}`]),
    `job ${job.id}`,
  ]
}

function stateOf(job: Job, work: Working["work"]): string {
  switch (job.state) {
    case "ordered":
      return `waits for a worker of ${job.type} since ${relative(job.orderedAt)}`
    case "running": {
      const deadline = job.deadline ?? ""
      const since =
        work === null ? "" : ` since ${relative(new Date(Date.parse(deadline) - work.limitMs).toISOString())}`
      return `running on ${job.worker ?? "?"}${since}; heard of again ${relative(job.beatBy)} at the latest, over ${relative(deadline)}`
    }
    case "backing-off":
      return `tried again ${relative(job.retryAt)}`
  }
}

/** For a cell of a table: `activate 2/5 running`; empty when there is nothing. */
export function jobNote({ job, work }: At): string {
  if (job === null) return ""
  const state = job.cancelled ? "stopping" : job.state === "ordered" ? "waits for a worker" : job.state
  return `${job.task} ${job.attempt}${work === null ? "" : `/${work.attempts}`} ${state}`
}

export function quarantineLines({ quarantine }: Pick<Working, "quarantine">): readonly string[] {
  if (quarantine === null) return []
  return [`${quarantine.code} since ${relative(quarantine.at)}: ${quarantine.message}`]
}

/** For a cell of a table: what an operator should know of a resource. */
export function resourceNote(context: ResourceContext, hasEnded: boolean): string {
  if (context.quarantine !== null) return `quarantined: ${context.quarantine.code}`
  const job = jobNote(context)
  if (job !== "") return job
  if (hasEnded) return context.reason?.code ?? ""
  if (context.draining) return "draining"
  if (context.reclaim !== null) return `makes room for ${context.reclaim.lease}`
  return ""
}

/** What keeps a blueprint from building, and who waits to be let in. */
export function blueprintNote(context: BlueprintContext): string {
  const asked = requestsOf(context).length
  return [
    ...(context.suspended === null ? [] : [`suspended: ${context.suspended.message}`]),
    ...(context.hopeless.length === 0
      ? []
      : [`builds nothing for ${context.hopeless.length} of its demands`]),
    ...(context.retryAt === null ? [] : [`pausing, builds again ${relative(context.retryAt)}`]),
    ...(asked === 0 ? [] : [`${asked} asked to use it`]),
  ].join("; ")
}

/** Who asked to use a blueprint and has no answer yet. */
function requestsOf(context: BlueprintContext): readonly string[] {
  return Object.entries(context.authorizations).flatMap(([who, { state }]) =>
    state === "requested" ? [who] : [],
  )
}

/** Whether it waits for somebody to look after it: quarantined, suspended, or asked for. */
export function isStuck(record: YardRecord): boolean {
  if (record.kind === "lease" || record.kind === "resource")
    return record.context.quarantine !== null && record.to !== "destroyed"
  if (record.kind !== "blueprint") return false
  const { suspended, hopeless } = record.context
  return suspended !== null || hopeless.length > 0 || requestsOf(record.context).length > 0
}

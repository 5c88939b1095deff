// Jobs that wait for a worker, by state (rule 11: what is outstanding is state, not history). A host that takes over
// orders them all again: one that lies in WORK still is done by that, one that was lost with its stream is there again.

import type { JobOrder } from "../../machines/job.js"
import type { YardRecord } from "../../machines/record.js"

/** The order that an object waits for a worker to begin; undefined when it waits for none. */
export function waitingJob({ kind, id, context }: YardRecord): JobOrder | undefined {
  if ((kind !== "lease" && kind !== "resource") || !("job" in context)) return undefined
  const { job, work } = context
  if (job?.state !== "ordered" || work === null) return undefined
  return {
    job: job.id,
    kind,
    id,
    rev: Number(job.id.split("/").at(-1)),
    task: job.task,
    type: job.type,
    attempt: job.attempt,
    token: "token" in context ? context.token : null,
    limitMs: work.limitMs,
    silenceMs: work.silenceMs,
  }
}

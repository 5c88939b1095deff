// What a record says about the job of its object: ordered, begun, failed and tried again, stuck.

import type { LeaseRecord, ResourceRecord } from "../../machines/record.js"
import { bodyOf, type Said, said, textOf } from "./entry.js"

/** Entries about the attempt that this record orders, begins or ends. */
export function jobSaid(record: LeaseRecord | ResourceRecord): readonly Said[] {
  const { kind, context, event } = record
  const { job, work, quarantine } = context
  const of =
    job === null ? "" : `${job.task}, attempt ${job.attempt}${work === null ? "" : ` of ${work.attempts}`}`
  const isBeat = event.type === "expire" && bodyOf(record).timer === "beat"
  const entries: Said[] = []
  if (event.type === "started")
    entries.push(said(`${kind}.job-started`, `${of} begins on ${job?.worker ?? "?"}`))
  if (event.type === "heartbeat") entries.push(said(`${kind}.job-heartbeat`, `${of} goes on`))
  if (job?.state === "backing-off" && isEndOfAttempt(record)) {
    const text = `${of} failed: ${job.error ?? ""}; tried again at ${job.retryAt ?? "?"}`
    entries.push(said(yieldOf(record), text))
  }
  if (isBeat && job?.state === "ordered" && job.error !== null)
    entries.push(said(yieldOf(record), `${job.task}, attempt ${job.attempt - 1} failed: ${job.error}`))
  if (quarantine !== null && quarantine.at === record.at)
    entries.push(said(`${kind}.quarantined`, `${quarantine.code}: ${quarantine.message}`))
  if (job?.state === "ordered" && job.id === `${kind}/${record.id}/${record.rev}`)
    entries.push(said(`${kind}.job-ordered`, `${of} waits for a worker of ${job.type}`))
  if (job?.cancelled === true && (event.type === "release" || event.type === "throw-back" || isUntil(record)))
    entries.push(said(`${kind}.job-cancelled`, `${of} on ${job.worker ?? "?"} is told to stop`))
  if (entries.length === 0 && record.path.length === 0 && (isBeat || ENDS.has(event.type)))
    entries.push(
      said(
        `${kind}.job-ended`,
        `what was under way is over: ${textOf(bodyOf(record).message) || event.type}`,
      ),
    )
  return entries
}

/** Words with which a worker ends an attempt. */
const ENDS: ReadonlySet<string> = new Set(["activated", "cleaned", "destroyed", "failed", "stopped"])

function isEndOfAttempt({ event }: LeaseRecord | ResourceRecord): boolean {
  return event.type === "failed" || event.type === "stopped"
}

function isUntil(record: LeaseRecord | ResourceRecord): boolean {
  return record.event.type === "expire" && textOf(bodyOf(record).timer) === "until"
}

/** Waiting for the next attempt of what brings it up, or of what takes it down. */
function yieldOf({ kind, context }: LeaseRecord | ResourceRecord): string {
  const isClearing = context.job?.task === "release" || context.job?.task === "destroy"
  return isClearing ? `${kind}.clean-up-failure` : `${kind}.activation-yield`
}

// What the blueprint's work gets to see of its job: records, read when the attempt begins, and what it can do.

import { RetryableError } from "../../blueprints/failure.js"
import type { Base, LeaseTask, ResourceTask } from "../../blueprints/work.js"
import type { JobOrder } from "../../machines/job.js"
import type { JsonObject } from "../../machines/json.js"
import type { LeaseRecord, ResourceRecord, YardRecord } from "../../machines/record.js"
import type { Clock } from "../hosting/clock.js"
import type { WorkLink } from "../log/work-link.js"
import type { Group } from "./groups.js"
import type { JobLog } from "./job-log.js"
import { runProgram } from "./program.js"
import { type RecordReader, readRecord } from "./read-record.js"
import type { Speech } from "./speech.js"

export interface TaskParts {
  readonly order: JobOrder
  readonly yard: string
  readonly link: WorkLink
  readonly clock: Clock
  readonly speech: Speech
  readonly group: Group
  readonly log: JobLog
  readonly signal: AbortSignal
  readonly deadline: Date
  readonly patienceMs: number
}

interface Prepared {
  readonly task: Omit<ResourceTask, "config"> | Omit<LeaseTask, "config">
  readonly config: JsonObject
}

/** Throws RetryableError when a record that it needs is not there. */
export async function taskOf(record: YardRecord, parts: TaskParts): Promise<Prepared> {
  const { order, link, clock, yard, signal } = parts
  const reader = { link, clock, yard, signal, type: order.type }
  const lease = record.kind === "lease" ? record : undefined
  const resource =
    record.kind === "resource" ? record : await readRecord(reader, "resource", lease?.context.resource ?? "")
  const blueprint = await readRecord(reader, "blueprint", resource.context.blueprint)
  const base = await baseOf(reader, resource)
  const env = environment(parts, resource, lease)
  const log = (line: string) => parts.log.add(line)
  const shared = {
    yard,
    job: order.job,
    attempt: order.attempt,
    token: order.token,
    blueprint,
    resource,
    base,
    signal,
    deadline: parts.deadline,
    log,
    run: (argv: readonly string[], options = {}) =>
      runProgram(argv, options, { group: parts.group, signal, env, log }),
    annotate: (set: Readonly<Record<string, string | null>>) => annotate(parts, set),
  }
  const { config } = blueprint.context
  const { task } = order
  if (task === "allocate" || task === "destroy") return { task: { ...shared, task }, config }
  if (lease === undefined) throw new RetryableError(`${order.job} is about no lease`)
  return { task: { ...shared, task, lease }, config }
}

async function baseOf(reader: RecordReader, { context }: ResourceRecord): Promise<Base | null> {
  if (context.base === null) return null
  const lease = await readRecord(reader, "lease", context.base.lease)
  const id = lease.context.resource
  return { lease, resource: id === null ? null : await readRecord(reader, "resource", id) }
}

async function annotate(parts: TaskParts, set: Readonly<Record<string, string | null>>): Promise<void> {
  const { order, speech, signal, patienceMs } = parts
  signal.throwIfAborted()
  const heard = await speech.say(order, "annotate", { set }, { patienceMs, signal })
  signal.throwIfAborted()
  if (heard?.outcome.outcome === "rejected")
    throw new RetryableError(`the yard refused a note: ${heard.outcome.message}`)
}

/** What a program may want to know about the job that it runs for. */
function environment(
  { yard, order }: TaskParts,
  resource: ResourceRecord,
  lease: LeaseRecord | undefined,
): Readonly<Record<string, string>> {
  return {
    DRYDOCK_YARD: yard,
    DRYDOCK_JOB: order.job,
    DRYDOCK_TASK: order.task,
    DRYDOCK_ATTEMPT: String(order.attempt),
    DRYDOCK_RESOURCE: resource.id,
    ...(lease === undefined ? {} : { DRYDOCK_LEASE: lease.id }),
    ...(order.token === null ? {} : { DRYDOCK_TOKEN: String(order.token) }),
  }
}

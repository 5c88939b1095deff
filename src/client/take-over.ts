// From an active lease to its handle. Whoever had to wait for it, or adopts it, does not know exactly when its time began:
// it is renewed first, so that its end is known by the holder's own clock.

import type { LeaseRecord, ResourceRecord } from "../machines/record.js"
import type { Channel } from "./channel.js"
import { send } from "./commands.js"
import type { Duration, Lease, LeaseOptions } from "./drydock.js"
import { ClientError, RejectedError } from "./errors.js"
import type { Follower } from "./follower.js"
import { HeldLease } from "./held-lease.js"
import { isAtLongest } from "./longest.js"
import { ask } from "./queries.js"
import { termBody } from "./term.js"
import type { YardTime } from "./yard-time.js"

const MOST_GRACE_MS = 2_000

export interface TakeOver {
  readonly record: LeaseRecord
  readonly token: number
  readonly resourceId: string
  readonly renewBy: { readonly ttl: Duration; readonly until?: string | undefined } | undefined
  /** Whether its end is known by the holder's clock already. */
  readonly isExact: boolean
  readonly yardTime: YardTime
  readonly follower: Follower
  readonly options: Pick<LeaseOptions, "graceMs" | "onRecord" | "onWarning" | "onReleaseError" | "signal">
}

/** Makes the handle of an active lease: reads its resource, and renews it first if its end is not surely known. */
export async function takeOver(channel: Channel, what: TakeOver): Promise<Lease> {
  const { renewBy, yardTime, options, token } = what
  let { record } = what
  // What lasts as long as it may cannot be renewed; its end is known as well as its request was.
  if (!what.isExact && renewBy !== undefined && !isAtLongest(record)) {
    const { outcome, sentMs } = await send(channel, "lease", record.id, "renew", termBody(renewBy), {
      signal: options.signal,
    })
    if (outcome.outcome === "rejected") throw new RejectedError(outcome)
    yardTime.learn(outcome, sentMs)
    if (outcome.record.kind === "lease" && outcome.record.rev > record.rev) {
      record = outcome.record
      options.onRecord?.(record)
    }
  }
  const resource = await readResource(channel, what.resourceId, options.signal)
  return new HeldLease(channel, {
    record,
    resource,
    token,
    follower: what.follower,
    yardTime,
    renewBy,
    graceMs: options.graceMs ?? defaultGraceMs(channel, record, yardTime),
    onRecord: options.onRecord,
    onWarning: options.onWarning,
    onReleaseError: options.onReleaseError,
  })
}

function defaultGraceMs(channel: Channel, record: LeaseRecord, yardTime: YardTime): number {
  const { until } = record.context
  if (until === null) return 0
  return Math.max(0, Math.min(MOST_GRACE_MS, (yardTime.toHolderMs(until) - channel.clock.nowMs()) / 10))
}

async function readResource(
  channel: Channel,
  id: string,
  signal: AbortSignal | undefined,
): Promise<ResourceRecord> {
  const { record } = await ask(channel, "get", { kind: "resource", id }, { signal })
  if (record.kind === "resource") return record
  throw new ClientError("bug", "bad-answer", `asked for resource ${id}, got a ${record.kind}`, "report it")
}

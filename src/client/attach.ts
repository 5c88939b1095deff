// Adopts a lease that somebody else asked for: a step before, or this program before it was started again.

import { parseDuration } from "../machines/duration.js"
import type { LeaseRecord } from "../machines/record.js"
import type { Channel } from "./channel.js"
import type { AttachOptions, Duration, Lease } from "./drydock.js"
import { ClientError } from "./errors.js"
import { Follower } from "./follower.js"
import { ask } from "./queries.js"
import { takeOver } from "./take-over.js"
import { asDuration } from "./term.js"
import { YardTime } from "./yard-time.js"

/** Throws ClientError `unknown-actor`, or `not-active` (kind `conflict`). */
export async function attachLease(channel: Channel, id: string, options: AttachOptions = {}): Promise<Lease> {
  const { record, journal } = await ask(channel, "get", { kind: "lease", id }, { signal: options.signal })
  if (record.kind !== "lease")
    throw new ClientError("bug", "bad-answer", `asked for lease ${id}, got a ${record.kind}`, "report it")
  const { token, resource } = record.context
  if (record.to !== "active" || token === null || resource === null)
    throw new ClientError(
      "conflict",
      "not-active",
      `lease ${id} is ${record.to}, so there is nothing to hold`,
      record.to === "pending" ? `wait for it: \`drydock why ${id}\`` : "lease again",
    )
  const ttl = renewalTtl(record, options)
  const until = record.context.asked.until ?? undefined
  const follower = new Follower(channel, { kind: "lease", id, after: journal })
  try {
    return await takeOver(channel, {
      record,
      token,
      resourceId: resource,
      renewBy: ttl === undefined ? undefined : { ttl, until },
      isExact: false,
      yardTime: new YardTime(channel.clock),
      follower,
      options,
    })
  } catch (error) {
    await follower.return()
    throw error
  }
}

function renewalTtl(record: LeaseRecord, options: AttachOptions): Duration | undefined {
  if (options.autoRenew === false) return undefined
  if (options.ttl !== undefined) return asDuration(options.ttl)
  const { ttl } = record.context.asked
  return ttl === null || parseDuration(ttl) === undefined ? undefined : asDuration(ttl)
}

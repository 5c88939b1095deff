// Lease, use, release, in one call. The release never hides what the use threw; a loss is thrown whatever the use
// returned, because somebody else may have had the resource by then.

import type { CommandResult, ConnectOptions as HostConnectOptions, RunOptions } from "../interfaces/index.js"
import { asError, type Channel } from "./channel.js"
import type { Lease, LeaseOptions } from "./drydock.js"
import { LeaseLostError } from "./errors.js"
import { DEFAULT_TTL, requestLease } from "./request.js"
import { toMs } from "./term.js"

export type Use<Result> = (lease: Lease) => Promise<Result> | Result

/** How the command is run on the leased host; see `RunOptions` of the interfaces for each. */
export interface RunCommandOptions extends Omit<RunOptions, "signal"> {
  /** Stops the command; what came out so far is the result, `aborted`. The lease is released. */
  readonly signal?: AbortSignal | undefined
  /** Until logged in, milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined
  /** What to do with a host whose key is not known. Default `strict`. */
  readonly knownHosts?: HostConnectOptions["knownHosts"] | undefined
}

export interface RunResult extends CommandResult {
  readonly lease: string
  readonly resource: string
}

/** Waits for the function to end, also when the lease is lost: it is told by `lease.lost`. */
export async function runFunction<Result>(
  channel: Channel,
  options: LeaseOptions,
  use: Use<Result>,
): Promise<Result> {
  await using lease = await requestLease(channel, options)
  let result: Result
  try {
    result = await use(lease)
  } catch (error) {
    const why: unknown = lease.lost.reason
    if (why instanceof LeaseLostError && why !== error)
      throw new LeaseLostError(why.lease, why.reason, why.record, { cause: error })
    throw error
  }
  lease.lost.throwIfAborted()
  return result
}

/** An unrenewed lease counts as lost this part of its ttl before its end, so that the command is gone by then. */
const GRACE_PART = 0.2
const MOST_GRACE_MS = 10_000
/** Part of the grace that the command has from SIGTERM to SIGKILL. */
const KILL_PART = 0.6

/** The command is stopped when the lease is lost; then LeaseLostError is thrown, whatever it returned. */
export async function runCommand(
  channel: Channel,
  options: LeaseOptions,
  argv: readonly string[],
  how: RunCommandOptions,
): Promise<RunResult> {
  const { connectTimeoutMs, knownHosts, signal, ...rest } = how
  const ttlMs = toMs(options.ttl ?? DEFAULT_TTL)
  const graceMs = options.graceMs ?? Math.min(MOST_GRACE_MS, ttlMs * GRACE_PART)
  return runFunction(channel, { ...options, graceMs }, async (lease) => {
    // Loaded when needed: an SSH client is large, and most programs of this library never run a command.
    const { connectHost, hostTarget } = await import("../interfaces/index.js")
    const stop = AbortSignal.any([lease.lost, ...(signal === undefined ? [] : [signal])])
    await using host = await connectHost(hostTarget(lease.resource.context.attributes), {
      signal: stop,
      ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
      ...(knownHosts === undefined ? {} : { knownHosts }),
    })
    const running = host.run(argv, { killAfterMs: graceMs * KILL_PART, ...rest, signal: stop })
    // The yard gave it to somebody else, or may at any moment: no time for a farewell.
    const kill = () => {
      if (!isOwnVerdict(lease))
        running.kill("SIGKILL").catch((error: unknown) => channel.trouble(asError(error)))
    }
    lease.lost.addEventListener("abort", kill, { once: true })
    try {
      return { ...(await running.result), lease: lease.id, resource: lease.resource.id }
    } finally {
      lease.lost.removeEventListener("abort", kill)
    }
  })
}

/** Whether it was lost by the holder's clock: the yard still keeps it for the time of the grace. */
function isOwnVerdict(lease: Lease): boolean {
  const why: unknown = lease.lost.reason
  return why instanceof LeaseLostError && why.record === undefined
}

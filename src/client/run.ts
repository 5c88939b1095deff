// Lease, use, release, in one call. The release never hides what the use threw; a loss is thrown whatever the use
// returned, because somebody else may have had the resource by then.

import type { Writable } from "node:stream"
import type { Channel } from "./channel.js"
import type { Lease, LeaseOptions } from "./drydock.js"
import { requestLease } from "./request.js"

export type Use<Result> = (lease: Lease) => Promise<Result> | Result

/** How the command is run on the leased host. */
export interface RunCommandOptions {
  readonly cwd?: string | undefined
  readonly env?: { readonly [name: string]: string } | undefined
  readonly timeoutMs?: number | undefined
  readonly stdin?: string | Uint8Array | NodeJS.ReadableStream | undefined
  /** Where output goes as it comes. Without it, it is collected in the result. */
  readonly stdout?: Writable | undefined
  readonly stderr?: Writable | undefined
}

export interface RunResult {
  readonly lease: string
  readonly resource: string
  /** null when a signal ended it. */
  readonly exitCode: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
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
    const { lost } = lease
    if (lost.aborted && error !== lost.reason) lost.reason.cause ??= error
    lost.throwIfAborted()
    throw error
  }
  lease.lost.throwIfAborted()
  return result
}

export async function runCommand(
  channel: Channel,
  options: LeaseOptions,
  argv: readonly string[],
  _how: RunCommandOptions,
): Promise<RunResult> {
  return runFunction(channel, options, (lease) => {
    throw new Error(`not yet: ${argv[0]} on ${lease.id}`)
  })
}

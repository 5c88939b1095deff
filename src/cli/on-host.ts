// Running a program on the host of a lease as if it ran here: its input, output and exit code are the caller's.

import type { Readable } from "node:stream"
import type { LeaseRecord, ResourceRecord } from "../client/index.js"
import {
  type CommandResult,
  connectHost,
  hostTarget,
  type OutputSink,
  type Running,
  shellExitCode,
} from "../interfaces/index.js"
import { foreground } from "./foreground.js"
import type { Output } from "./output.js"

export interface OnHostOptions {
  readonly out: Output
  readonly yard: string
  readonly lease: LeaseRecord
  readonly resource: ResourceRecord
  readonly argv: readonly string[]
  readonly cwd?: string | undefined
  readonly env?: { readonly [name: string]: string }
  readonly timeoutMs?: number | undefined
  /** From TERM to KILL when it is stopped, milliseconds. */
  readonly killAfterMs?: number
  /** Stops the program and everything that it started. */
  readonly signal?: AbortSignal
  /** Told as soon as the program can be signalled. */
  readonly started?: (running: Running) => void
  /** `stdin` is passed on by default; the demonstration has none. */
  readonly stdin?: "caller" | "none"
}

export interface Ran {
  /** As a shell would show it. */
  readonly exit: number
  readonly result: CommandResult
}

/** Throws HostError when the host cannot be reached or the program cannot be started. */
export async function onHost(options: OnHostOptions): Promise<Ran> {
  const { out, argv } = options
  const progress = out.progress("connecting to the host")
  const target = hostTarget(options.resource.context.attributes)
  const host = await connectHost(
    target,
    options.signal === undefined ? {} : { signal: options.signal },
  ).finally(() => progress.done())
  try {
    const stdin = options.stdin === "none" ? undefined : callersInput()
    const running = host.run(argv, {
      env: { ...leaseEnvironment(options), ...options.env },
      stdout: sink(out, "stdout"),
      stderr: sink(out, "stderr"),
      ...(stdin === undefined ? {} : { stdin }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
      ...(options.killAfterMs === undefined ? {} : { killAfterMs: options.killAfterMs }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    options.started?.(running)
    const result = await running.result
    return { exit: shellExitCode(result), result }
  } finally {
    await host.close()
    process.stdin.pause()
  }
}

/** What a program may want to know about the lease that it runs under. */
function leaseEnvironment({ lease, resource, yard }: OnHostOptions): { readonly [name: string]: string } {
  const token = lease.context.token === null ? {} : { DRYDOCK_TOKEN: String(lease.context.token) }
  return {
    DRYDOCK_YARD: yard,
    DRYDOCK_LEASE: lease.id,
    DRYDOCK_RESOURCE: resource.id,
    ...token,
    ...(lease.context.token === null ? {} : { DRYDOCK_FENCE: String(lease.context.token) }),
    ...(lease.context.until === null ? {} : { DRYDOCK_UNTIL: lease.context.until }),
  }
}

/** A program in the background of a terminal must not touch its input: the kernel would stop us. */
function callersInput(): Readable | undefined {
  return process.stdin.isTTY === true && !foreground() ? undefined : process.stdin
}

/** Untouched to the caller's own stream; as JSON lines under `--json`. */
function sink(out: Output, stream: "stdout" | "stderr"): OutputSink {
  if (!out.json) return stream === "stdout" ? process.stdout : process.stderr
  return (chunk) => out.event({ event: stream, ...chunkJson(chunk) }, () => undefined)
}

/** Text when it is text; what is not valid UTF-8 as base64, so that nothing is lost. */
function chunkJson(chunk: Buffer): { readonly text: string } | { readonly base64: string } {
  const text = chunk.toString("utf8")
  return Buffer.from(text, "utf8").equals(chunk) ? { text } : { base64: chunk.toString("base64") }
}

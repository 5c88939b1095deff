// A leased host as a program sees it: run commands, move files. One connection, many commands.

import type { Running, RunOptions } from "./command.js"
import { abortedError, HostError } from "./errors.js"
import { HostFiles } from "./files.js"
import { Guard } from "./guard.js"
import { type GuardPatience, guardTimes as readTimes } from "./guard-times.js"
import type { KnownHostsPolicy } from "./host-keys.js"
import { LocalTransport } from "./local.js"
import { Command } from "./run.js"
import { connectSsh } from "./ssh-connect.js"
import { type HostTarget, hostLabel } from "./target.js"
import type { Transport } from "./transport.js"

const CONNECT_TIMEOUT_MS = 10_000

export interface ConnectOptions extends GuardPatience {
  /** Ends the attempt to connect. Once connected it has no effect: use `close`. */
  readonly signal?: AbortSignal
  /** Until logged in, milliseconds; and until the first command's guard answers. Default 10,000. */
  readonly connectTimeoutMs?: number
  /** Default `strict`. */
  readonly knownHosts?: KnownHostsPolicy
  /** Where HOME and SSH_AUTH_SOCK are from, and what local commands inherit. Default: this process's environment. */
  readonly env?: NodeJS.ProcessEnv
}

export class Host implements AsyncDisposable {
  readonly files: HostFiles
  private readonly running = new Set<Running>()
  private guard: Promise<Guard> | null = null
  private closing: Promise<void> | null = null

  /** Use `connectHost`. */
  constructor(
    private readonly transport: Transport,
    private readonly guardTimeoutMs: number,
    private readonly guardTimes: ReturnType<typeof readTimes>,
  ) {
    this.files = new HostFiles(() => this.open().files())
  }

  /** How messages call it: `user@address:port`, or `this machine`. */
  get label(): string {
    return this.transport.label
  }

  /** Aborted, with a HostError as reason, when the connection has ended. */
  get ended(): AbortSignal {
    return this.transport.ended
  }

  /** Starts a command. `argv` reaches the program exactly; no shell looks at it. See RunOptions for limits. */
  run(argv: readonly string[], options: RunOptions = {}): Running {
    const running = new Command(this.transport, () => this.openGuard(), argv, options)
    this.running.add(running)
    const forget = (): void => void this.running.delete(running)
    running.result.then(forget, forget)
    return running
  }

  /** Stops what runs, waits until it is gone, and ends the connection. Never rejects; again does nothing. */
  close(): Promise<void> {
    this.closing ??= this.shut()
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async shut(): Promise<void> {
    const results = [...this.running].map((running) => {
      running.stop()
      return running.result
    })
    await Promise.allSettled(results) // each caller has its own result
    if (this.guard !== null) {
      const [opened] = await Promise.allSettled([this.guard])
      if (opened?.status === "fulfilled") await opened.value.close()
    }
    await this.transport.close()
  }

  private open(): Transport {
    if (this.closing !== null) {
      throw new HostError("host-closed", `the connection to ${this.label} was closed`, "connect again")
    }
    return this.transport
  }

  /** One guard for all commands; the next command opens another when there is none any more. */
  private async openGuard(): Promise<Guard> {
    this.open()
    this.guard ??= this.newGuard()
    return this.guard
  }

  private newGuard(): Promise<Guard> {
    const opening = Guard.open(this.transport, this.guardTimeoutMs, this.guardTimes)
    const forget = (): void => {
      if (this.guard === opening) this.guard = null
    }
    opening.then((guard) => guard.onLost(forget), forget)
    return opening
  }
}

/**
 * Connects to a host. Close it (`await using`, or `close()`), or its connection keeps the process alive.
 * Throws HostError; `retryable` says whether to try again.
 */
export async function connectHost(target: HostTarget, options: ConnectOptions = {}): Promise<Host> {
  const { signal, connectTimeoutMs = CONNECT_TIMEOUT_MS, knownHosts = "strict", env = process.env } = options
  const times = readTimes(options)
  if (signal?.aborted) throw abortedError(`connecting to ${hostLabel(target)}`, signal)
  const transport =
    target.transport === "local"
      ? new LocalTransport(env)
      : await connectSsh(target, { signal, connectTimeoutMs, knownHosts, env })
  return new Host(transport, connectTimeoutMs, times)
}

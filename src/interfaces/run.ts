// One command from its start to its end, the same on every transport.
//
// Invariants:
// - A command that was stopped (time-out, abort, a stream of the caller that failed, `close`) leaves no process of its
//   group when `result` settles.
// - What is stopped before it starts never starts.
// - `result` resolves only after all output has gone to its sink.
// A process that leaves its group (a daemon) is not ended; docs/interfaces.md says so.

import type { CommandResult, Running, RunOptions } from "./command.js"
import { endGroup } from "./end-group.js"
import { HostError, reasonOf } from "./errors.js"
import type { Guard } from "./guard.js"
import { feed } from "./input.js"
import { launchProgram, NOT_LAUNCHED } from "./launch.js"
import { Capture, type Pump, pump } from "./output.js"
import type { ExitStatus, HostProcess, Terminal, Transport } from "./transport.js"
import { within } from "./within.js"

const KILL_AFTER_MS = 10_000
const CAPTURE_BYTES = 8 * 1024 * 1024
/** When the group has ended: so long for the report of its end, and for output that somebody outside holds open. */
const LAST_REPORT_MS = 5_000
const LAST_OUTPUT_MS = 1_000
/** setTimeout fires at once above this. */
const LONGEST_DELAY_MS = 2_000_000_000

const NO_STATUS: ExitStatus = { exitCode: null, signal: null }

type StopReason = "timeout" | "abort" | HostError

export class Command implements Running {
  readonly result: Promise<CommandResult>
  private readonly stopping: Promise<null>
  private readonly request: (reason: StopReason) => void
  private reason: StopReason | null = null
  private started: { readonly guard: Guard; readonly id: number } | null = null
  private readonly captured: { readonly stdout: Capture; readonly stderr: Capture }

  /** `openGuard` gives the guard of the connection, the same one for every command. */
  constructor(
    private readonly transport: Transport,
    private readonly openGuard: () => Promise<Guard>,
    private readonly argv: readonly string[],
    private readonly options: RunOptions,
  ) {
    const limitBytes = options.captureBytes ?? CAPTURE_BYTES
    this.captured = { stdout: new Capture(limitBytes), stderr: new Capture(limitBytes) }
    let requested = (): void => undefined
    this.stopping = new Promise((resolve) => {
      requested = () => resolve(null)
    })
    this.request = (reason) => {
      this.reason ??= reason
      requested()
    }
    this.result = this.run()
  }

  stop(): void {
    this.request("abort")
  }

  async kill(signal: string): Promise<void> {
    const name = signal.replace(/^SIG/, "")
    if (!/^[A-Z][A-Z0-9]{1,9}$/.test(name)) {
      throw new HostError("bad-command", `not a signal: ${signal}`, "name it like SIGINT or SIGTERM")
    }
    if (this.started !== null) await this.started.guard.signal(this.started.id, name)
  }

  private async run(): Promise<CommandResult> {
    const { timeoutMs, signal } = this.options
    const onAbort = (): void => this.request("abort")
    signal?.addEventListener("abort", onAbort, { once: true })
    if (signal?.aborted) onAbort()
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => this.request("timeout"), Math.min(Math.max(0, timeoutMs), LONGEST_DELAY_MS))
    try {
      return await this.live()
    } finally {
      this.started = null
      clearTimeout(timer)
      signal?.removeEventListener("abort", onAbort)
    }
  }

  private async live(): Promise<CommandResult> {
    const { argv, options, transport } = this

    // 1. What cannot be launched is refused before the host hears of it.
    const launch = { argv, cwd: options.cwd, env: options.env }
    launchProgram(launch, "")

    // 2. The guard first: nothing runs that could not be stopped.
    const guard = await Promise.race([this.openGuard(), this.stopping])
    if (guard === null || this.reason !== null) return this.outcome(NO_STATUS, this.reason)
    const entry = guard.entry()
    this.started = { guard, id: entry.id }
    const process = await transport.start(launchProgram(launch, entry.path), terminalOf(options.pty))

    // 3. Streams. One that fails on the caller's side stops the command, and is what `result` rejects with.
    const outputs = [
      pump(process.stdout, options.stdout ?? this.captured.stdout.take),
      pump(process.stderr, options.stderr ?? this.captured.stderr.take),
    ]
    const delivered = Promise.all(outputs.map(({ done }) => done)).then(
      () => undefined,
      (error: unknown) => this.request(streamFailed("output-failed", error)),
    )
    const unwatch = guard.onLost(this.request) // nothing goes on that could not be stopped
    const disconnect = feed(process.stdin, options.stdin, (error) =>
      this.request(streamFailed("input-failed", error)),
    )

    try {
      // 4. Its own end, or the stop.
      const ended = Promise.all([process.exited, delivered]).then(([status]) => status)
      const own = await Promise.race([ended, this.stopping])
      if (own === null) return await this.endStopped(guard, entry.id, process, outputs, ended)

      // 5. Its entry in the guard's folder goes; what the launch script says about itself counts.
      const why = this.forget(guard, entry.id)
      if (own.exitCode === NOT_LAUNCHED && (await why) === "cwd") throw this.noFolder()
      this.throwFailure()
      return this.outcome(own, null)
    } finally {
      unwatch()
      disconnect()
    }
  }

  /** Steps 4 and 5 for a command that must end now. */
  private async endStopped(
    guard: Guard,
    id: number,
    process: HostProcess,
    outputs: readonly Pump[],
    ended: Promise<ExitStatus>,
  ): Promise<CommandResult> {
    const { killAfterMs = KILL_AFTER_MS } = this.options
    try {
      await endGroup(guard, id, killAfterMs, this.transport.label)
      const status = await within(LAST_REPORT_MS, process.exited)
      const whole = await within(LAST_OUTPUT_MS, ended)
      // Without a report of its end the entry stays: it is what keeps a late launch script from starting.
      const why = status === null ? "" : await this.forget(guard, id)
      this.throwFailure()
      const launched = status !== null && !(status.exitCode === NOT_LAUNCHED && why === "stopped")
      return this.outcome(launched ? status : NO_STATUS, this.reason, whole === null)
    } catch (error) {
      process.forceEnd()
      throw error
    } finally {
      for (const output of outputs) output.cut()
      process.abandon()
    }
  }

  /** A stream that failed is what the caller must hear of, however the command ended. */
  private throwFailure(): void {
    if (this.reason instanceof HostError) throw this.reason
  }

  private forget(guard: Guard, id: number): Promise<string> {
    const told = guard.done(id)
    told.catch(() => undefined) // the command's end is known; a lost guard shows at the next command
    return told
  }

  private outcome(status: ExitStatus, reason: StopReason | null, cut = false): CommandResult {
    const { stdout, stderr } = this.captured
    return {
      ...status,
      timedOut: reason === "timeout",
      aborted: reason === "abort",
      stdout: stdout.content(),
      stderr: stderr.content(),
      truncated: cut || stdout.truncated || stderr.truncated,
    }
  }

  private noFolder(): HostError {
    return new HostError(
      "working-directory",
      `${this.transport.label} has no folder ${this.options.cwd} that this login may enter`,
      "create it first (host.files.mkdir), or name another as `cwd`",
    )
  }
}

function terminalOf(pty: RunOptions["pty"]): Terminal | undefined {
  if (pty === undefined || pty === false) return undefined
  return pty === true ? {} : pty
}

function streamFailed(code: "input-failed" | "output-failed", cause: unknown): HostError {
  const which = code === "input-failed" ? "the stream given as stdin" : "what takes the output"
  return new HostError(code, `${which} failed: ${reasonOf(cause)}`, "mend it; the command was stopped", {
    cause,
  })
}

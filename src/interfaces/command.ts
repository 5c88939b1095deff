// What a caller says and gets about one command. The work is in run.ts.

import { constants } from "node:os"
import type { Readable, Writable } from "node:stream"
import type { Terminal } from "./transport.js"

/**
 * Where output goes. A function is called with each chunk in order; when it returns a promise, no more is read until
 * that is done. A Writable is written with back-pressure and is not ended; `result` waits until it took everything.
 */
export type OutputSink = ((chunk: Buffer) => void | Promise<void>) | Writable

export interface RunOptions {
  /** Folder to run in; relative to the login's folder (local: to this process's). Default: there. */
  readonly cwd?: string
  /** Variables on top of what the host sets. They are visible in the host's list of processes for a moment. */
  readonly env?: Readonly<Record<string, string>>
  /** Default: none, the command reads an end of file at once. A stream is not destroyed when the command ends first. */
  readonly stdin?: Readable | string | Uint8Array
  /** Default: captured up to `captureBytes`. */
  readonly stdout?: OutputSink
  readonly stderr?: OutputSink
  /** How much of each captured output is kept, from its beginning, bytes. Default 8 MiB. The command is never held up by it. */
  readonly captureBytes?: number
  /** The command is stopped after so long, milliseconds, from the call of `run`. Default: never. */
  readonly timeoutMs?: number
  /** Stops the command when aborted. */
  readonly signal?: AbortSignal
  /** From SIGTERM to SIGKILL when it is stopped, milliseconds. Default 10,000. */
  readonly killAfterMs?: number
  /** Gives the command a terminal (ssh only). stdout and stderr are one then, and closing the terminal sends SIGHUP. */
  readonly pty?: boolean | Terminal
}

export interface CommandResult {
  /** The command's exit code, 126 (not executable) and 127 (not found) included; null when a signal ended it. */
  readonly exitCode: number | null
  /** Like `SIGKILL`; null when it exited. */
  readonly signal: string | null
  /** It was stopped since `timeoutMs` had passed. */
  readonly timedOut: boolean
  /** It was stopped since the signal was aborted or `stop` was called. */
  readonly aborted: boolean
  /** What was captured; empty when a sink was given. */
  readonly stdout: Buffer
  readonly stderr: Buffer
  /** More came than `captureBytes`, or output was still open when the command had been stopped. */
  readonly truncated: boolean
}

export interface Running {
  /**
   * When the command has ended and all its output has arrived. A command that was stopped leaves no process of its
   * group behind. Rejects with HostError when it could not be started or its end is unknown; never for an exit code.
   */
  readonly result: Promise<CommandResult>
  /** Sends a signal (`SIGINT`) to its process group; nothing happens when it has not started or has ended. */
  kill(signal: string): Promise<void>
  /** Stops it as an aborted signal would: SIGTERM, then SIGKILL. */
  stop(): void
}

/** The exit code that a shell would show: 128 + n for signal n; 128 for a signal unknown on this machine. */
export function shellExitCode({ exitCode, signal }: Pick<CommandResult, "exitCode" | "signal">): number {
  if (exitCode !== null) return exitCode
  const numbers: Readonly<Record<string, number | undefined>> = constants.signals
  return 128 + (signal === null ? 0 : (numbers[signal] ?? 0))
}

// The port between what a host can do (run.ts, files.ts) and how it is reached (local.ts, ssh.ts).

import type { Readable, Writable } from "node:stream"
import type { FileDriver } from "./file-driver.js"
import type { ShellProgram } from "./shell-program.js"

export interface ExitStatus {
  /** Exit code, or null when a signal ended it. */
  readonly exitCode: number | null
  /** Like `SIGTERM`, or null when it exited. */
  readonly signal: string | null
}

export interface Terminal {
  readonly term?: string
  readonly rows?: number
  readonly columns?: number
}

export interface HostProcess {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** When the process itself has ended; its output may still be on the way. Rejects with HostError `connection-lost`. */
  readonly exited: Promise<ExitStatus>
  /** Closes all streams without waiting for anything. */
  abandon(): void
  /** Last resort without a guard: SIGKILL, as far as the transport can (local: the group; ssh: the server's kindness). */
  forceEnd(): void
}

export interface Transport {
  /** How messages call the host. */
  readonly label: string
  /** Aborted, with a HostError as its reason, when nothing can be done here any more. */
  readonly ended: AbortSignal
  start(program: ShellProgram, terminal?: Terminal): Promise<HostProcess>
  files(): Promise<FileDriver>
  close(): Promise<void>
}

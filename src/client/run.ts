import type { Writable } from "node:stream"

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

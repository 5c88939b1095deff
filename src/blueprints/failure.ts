// How work on the world fails, as types. Whatever else is thrown counts as retryable: a mistake that repeats itself
// ends with the attempts anyway, and a network that was away for a moment must not break anything for good.

import type { JsonObject } from "../machines/json.js"

export interface FailureOptions extends ErrorOptions {
  /** What a program may want to know of it: with the object as `details.failure`, at most 16 KiB. */
  readonly details?: JsonObject | undefined
}

/** The same again cannot succeed: the job is given up at once. */
export class TerminalError extends Error {
  override readonly name: string = "TerminalError"
  readonly details: JsonObject | undefined
  constructor(message: string, options?: FailureOptions) {
    super(message, options)
    this.details = options?.details
  }
}

/** The same again may succeed: it is tried again after a while, as often as the blueprint allows. */
export class RetryableError extends Error {
  override readonly name: string = "RetryableError"
  readonly details: JsonObject | undefined
  constructor(message: string, options?: FailureOptions) {
    super(message, options)
    this.details = options?.details
  }
}

/**
 * The resource is gone, whatever the lease wants of it: the yard breaks it, and the lease is served by another one.
 * Only while a lease is activated or released.
 */
export class ResourceLostError extends RetryableError {
  override readonly name = "ResourceLostError"
}

const COMMAND_CHARS = 1_000
const OUTPUT_CHARS = 2_000

/** A program that `run` started did not exit with 0. Retryable; throw a TerminalError of your own where it is not. */
export class ProgramError extends RetryableError {
  override readonly name = "ProgramError"
  constructor(
    message: string,
    readonly argv: readonly string[],
    /** Null when a signal ended it. */
    readonly exitCode: number | null,
    /** The signal's name or null. */
    readonly endedBy: string | null,
    readonly stdout: string,
    readonly stderr: string,
  ) {
    const output = `${stdout}${stderr}`.slice(-OUTPUT_CHARS)
    super(message, {
      details: { command: argv.join(" ").slice(0, COMMAND_CHARS), exit: exitCode, signal: endedBy, output },
    })
  }
}

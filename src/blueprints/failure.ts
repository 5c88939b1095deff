// How work on the world fails, as types. Whatever else is thrown counts as retryable: a mistake that repeats itself
// ends with the attempts anyway, and a network that was away for a moment must not break anything for good.

/** The same again cannot succeed: the job is given up at once. */
export class TerminalError extends Error {
  override readonly name: string = "TerminalError"
}

/** The same again may succeed: it is tried again after a while, as often as the blueprint allows. */
export class RetryableError extends Error {
  override readonly name: string = "RetryableError"
}

/**
 * The resource is gone, whatever the lease wants of it: the yard breaks it, and the lease is served by another one.
 * Only while a lease is activated or released.
 */
export class ResourceLostError extends RetryableError {
  override readonly name = "ResourceLostError"
}

/** A program that `run` started did not exit with 0. Retryable; throw a TerminalError of your own where it is not. */
export class ProgramError extends RetryableError {
  override readonly name = "ProgramError"
  constructor(
    message: string,
    /** Null when a signal ended it. */
    readonly exitCode: number | null,
    /** The signal's name or null. */
    readonly endedBy: string | null,
    readonly stdout: string,
    readonly stderr: string,
  ) {
    super(message)
  }
}

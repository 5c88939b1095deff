/**
 * Base of every error that Drydock throws at people and programs. `code` is stable, the message names what happened
 * and `cure` what to do; the cause is kept.
 */
export class DrydockError extends Error {
  override readonly name: string = "DrydockError"
  constructor(
    readonly code: string,
    message: string,
    readonly cure: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

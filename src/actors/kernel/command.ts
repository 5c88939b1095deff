// What the step is given: a message as it lies in COMMANDS. Nothing of it is trusted.

export interface Command {
  /** Sequence in COMMANDS. */
  readonly seq: number
  /** When the stream stored it, milliseconds since 1970. */
  readonly timestampMs: number
  readonly subject: string
  readonly headers: { readonly [name: string]: string } | undefined
  readonly data: Uint8Array
}

export const COMMAND_ID_HEADER = "Drydock-Id"
/** On follow-ups: which send of which record this is, `<journal sequence>.<index>` (rule 11). */
export const CAUSE_HEADER = "Drydock-Cause"

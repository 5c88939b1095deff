/** Why a command was refused. The set is part of the public contract. */
export const REJECTION_CODES = [
  "invalid",
  "unknown-actor",
  "already-exists",
  "not-allowed",
  "forbidden",
  "over-limit",
  "stale",
  "internal",
] as const
export type RejectionCode = (typeof REJECTION_CODES)[number]

export interface Issue {
  readonly path: string
  readonly message: string
}

/** A refusal as a value: the kernel never throws one. The message names the cure. */
export interface Rejection {
  readonly code: RejectionCode
  readonly message: string
  readonly issues?: readonly Issue[]
}

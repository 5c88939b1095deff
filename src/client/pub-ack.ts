// The stream's answer to a published command: whether it is in the queue. It never says what became of it.

import { errors } from "nats"
import { z } from "zod"
import { ClientError } from "./errors.js"

export type Ack =
  | { readonly is: "queued"; readonly seq: number }
  /** It may be in the queue or not. */
  | { readonly is: "unknown" }
  /** Not taken now. */
  | { readonly is: "full"; readonly text: string }
  /** Nobody takes it: there is no such yard here. */
  | { readonly is: "nowhere" }

const pubAck = z.union([
  z.object({ error: z.object({ err_code: z.number().optional(), description: z.string().optional() }) }),
  z.object({ seq: z.number().int(), duplicate: z.boolean().optional() }),
])

const QUEUE_FULL = 10_077
const TOO_LARGE = 10_054

/** Throws ClientError for what no repetition can change. */
export function ackOf(text: string): Ack {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    // Not a PubAck. Whether it was queued is as unknown as without any.
    return { is: "unknown" }
  }
  const parsed = pubAck.safeParse(body)
  if (!parsed.success) return { is: "unknown" }
  const ack = parsed.data
  if ("seq" in ack) return ack.duplicate === true ? { is: "unknown" } : { is: "queued", seq: ack.seq }
  const description = ack.error.description ?? "no reason given"
  if (ack.error.err_code === QUEUE_FULL) return { is: "full", text: description }
  if (ack.error.err_code === TOO_LARGE) throw overLimit(description)
  return { is: "full", text: description }
}

/** What it means that no PubAck came. Throws ClientError for what no repetition can change. */
export function ackOfFailure(error: unknown, principal: string): Ack {
  if (error instanceof ClientError) throw error
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (cause instanceof errors.NoRespondersError) return { is: "nowhere" }
  if (cause instanceof errors.PermissionViolationError)
    throw new ClientError(
      "denied",
      "no-access",
      `the NATS server does not let ${principal} publish ${cause.subject}`,
      "connect as the principal that the credentials belong to, or ask the operator",
      { cause },
    )
  if (cause instanceof errors.InvalidArgumentError) throw overLimit(cause.message)
  return { is: "unknown" }
}

export function busy(text: string): ClientError {
  return new ClientError(
    "unavailable",
    "busy",
    `the yard's queue takes no more: ${text}`,
    "try again in a moment; if it stays, see that a host is serving the yard",
  )
}

function overLimit(text: string): ClientError {
  return new ClientError(
    "impossible",
    "over-limit",
    `the command is too large: ${text}`,
    "a body may have 64 KiB: docs/limits.md lists every limit",
  )
}

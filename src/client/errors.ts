// What the client throws. A program tells errors apart by `kind` (what to do now) or by `code` (what exactly
// happened), never by the text. The brand is a registered symbol, so that it also holds between two copies of the
// package in one process.

import { DrydockError } from "../actors/error.js"
import type { LeaseRecord } from "../machines/record.js"
import type { RejectionCode } from "../machines/rejection.js"
import type { EndReason } from "../machines/stimulus.js"
import type { WhyAnswer } from "./answers.js"
import type { Outcome } from "./outcomes.js"

/**
 * - `unavailable`: not now; the server, the host or the resource is not there. Try again later.
 * - `timeout`: it was waited for, for as long as was asked.
 * - `impossible`: never, as asked. Ask for something else.
 * - `denied`: this principal may not.
 * - `lost`: the lease ended while it was held.
 * - `conflict`: the object's state does not take it.
 * - `bug`: somebody's program is wrong, ours included.
 */
export type ErrorKind = "unavailable" | "timeout" | "impossible" | "denied" | "lost" | "conflict" | "bug"

const BRAND = Symbol.for("drydock.client.error")

export class ClientError extends DrydockError {
  override readonly name: string = "ClientError"
  readonly [BRAND] = true
  constructor(
    readonly kind: ErrorKind,
    code: string,
    message: string,
    cure: string,
    options?: ErrorOptions & { readonly explain?: WhyAnswer | undefined },
  ) {
    super(code, message, cure, options)
    this.explain = options?.explain
  }
  /** Why the lease was waiting when it was given up, as far as the yard could say. */
  readonly explain: WhyAnswer | undefined
  /** Whether the same call can succeed later without any change to it. */
  get retryable(): boolean {
    return this.kind === "unavailable" || this.kind === "timeout"
  }
}

/** True for every error of this library, also of another copy of it. */
export function isClientError(error: unknown): error is ClientError {
  return typeof error === "object" && error !== null && BRAND in error
}

type Rejected = Extract<Outcome, { outcome: "rejected" }>

const KIND_OF: { readonly [Code in RejectionCode]: ErrorKind } = {
  invalid: "impossible",
  "unknown-actor": "impossible",
  "already-exists": "conflict",
  "not-allowed": "conflict",
  forbidden: "denied",
  "over-limit": "impossible",
  stale: "conflict",
  internal: "bug",
}

const CURE_OF: { readonly [Code in RejectionCode]: string } = {
  invalid: "correct what the issues name",
  "unknown-actor": "check the kind and the id: `drydock ls` shows what there is",
  "already-exists": "choose another id",
  "not-allowed": "look at its state: `drydock show` tells it and its history",
  forbidden: "ask the operator to authorize this principal",
  "over-limit": "make it smaller: docs/limits.md lists every limit",
  stale: "read the object again and repeat with what holds now",
  internal: "report it with the command's number; the yard goes on",
}

/** The yard refused a command. `outcome` is its whole answer. */
export class RejectedError extends ClientError {
  override readonly name: string = "RejectedError"
  constructor(readonly outcome: Rejected) {
    const issues = (outcome.issues ?? []).map(({ path, message }) =>
      path === "" ? message : `${path}: ${message}`,
    )
    const text = issues.length === 0 ? outcome.message : `${outcome.message} (${issues.join("; ")})`
    super(KIND_OF[outcome.code], outcome.code, `${outcome.actor}: ${text}`, CURE_OF[outcome.code])
  }
}

/** Nobody has decided the command yet. It may still take effect: repeat it, or look. */
export class UndecidedError extends ClientError {
  override readonly name: string = "UndecidedError"
  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    cure: string,
    /** Its sequence in the queue: it surely will be decided. Undefined: not even that is known. */
    readonly queuedAs: number | undefined,
  ) {
    super(
      kind,
      code,
      queuedAs === undefined ? message : `${message}; it is queued as command ${queuedAs}`,
      cure,
    )
  }
}

/** The lease ended while it was held: stop what you do with the resource. It is the reason of `lease.lost`. */
export class LeaseLostError extends ClientError {
  override readonly name: string = "LeaseLostError"
  constructor(
    readonly lease: string,
    /** `released`, `expired`, `resource-broken` … as the yard said, or `not-renewed`: the holder could not prove it. */
    readonly reason: EndReason,
    /** The last record known; undefined when it was the holder's own clock that decided. */
    readonly record: LeaseRecord | undefined,
    options?: ErrorOptions,
  ) {
    super(
      "lost",
      "lease-lost",
      `lease ${lease} is lost: ${reason.message}`,
      "stop using the resource, then lease again",
      options,
    )
  }
}

// Every error of every command in one form: what happened, why, what to do, where to read more. Under `--json` it is
// one document on stdout as well, so that a program never has to read prose.

import { DrydockError } from "../actors/error.js"
import { isKind } from "../machines/names.js"
import { aboutError } from "./error-catalogue.js"
import { EXIT } from "./exit-codes.js"

export interface FailureParts {
  /** What lies behind it, one fact a line. */
  readonly why?: readonly string[]
  /** What to do: commands that can be pasted, with what they do. */
  readonly cures?: readonly string[]
  /** Wins over the catalogue's exit code. */
  readonly exit?: number
  readonly cause?: unknown
}

/** An error of the command line, with all four parts. */
export class CliError extends DrydockError {
  override readonly name = "CliError"
  readonly why: readonly string[]
  readonly cures: readonly string[]
  readonly exit: number
  constructor(code: string, message: string, parts: FailureParts = {}) {
    const cures = parts.cures ?? []
    super(code, message, cures.join("; "), parts.cause === undefined ? undefined : { cause: parts.cause })
    this.why = parts.why ?? []
    this.cures = cures
    this.exit = parts.exit ?? aboutError(code)?.exit ?? EXIT.negative
  }
}

export interface Failure {
  readonly code: string
  readonly message: string
  readonly why: readonly string[]
  readonly do: readonly string[]
  readonly exit: number
}

/** Turns whatever was thrown into the four parts. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CliError) return parts(error.code, error.message, error.why, error.cures, error.exit)
  if (isCoded(error)) {
    const about = aboutError(error.code)
    const why = [...reasonsOf(error), ...(about === undefined ? [] : [about.why])]
    const cures = curesOf(error) ?? about?.cures ?? []
    return parts(error.code, error.message, why, cures, about?.exit ?? exitOfKind(error.kind))
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const about = aboutError("internal")
  const trace = process.env.DRYDOCK_TRACE === undefined ? [] : [stackOf(error)]
  return parts("internal", message, [...trace, about?.why ?? ""], about?.cures ?? [], EXIT.bug)
}

/** What helps here; undefined where the catalogue says it best. */
function curesOf({ code, message, cure }: Coded): readonly string[] | undefined {
  if (code === "no-server" || cure === "") return undefined
  const kind = /^([a-z]+)\/|there is no ([a-z]+) /.exec(message)
  const named = kind?.[1] ?? kind?.[2] ?? ""
  return code === "unknown-actor" && isKind(named) ? [`drydock ls ${named}s`] : [cure]
}

/** Of an error of the client library whose code is not in the catalogue. */
function exitOfKind(kind: string | undefined): number {
  const exits: { readonly [kind: string]: number } = {
    unavailable: EXIT.unreachable,
    timeout: EXIT.tryLater,
    impossible: EXIT.never,
    denied: EXIT.denied,
    lost: EXIT.leaseLost,
    bug: EXIT.bug,
  }
  return exits[kind ?? ""] ?? EXIT.negative
}

interface Coded extends Error {
  readonly kind?: string
  readonly code: string
  readonly cure: string
  readonly issues?: readonly { readonly path: string; readonly message: string }[]
}

/** Any DrydockError, also of another copy of the package. */
function isCoded(error: unknown): error is Coded {
  return error instanceof Error && "cure" in error && "code" in error && typeof error.code === "string"
}

function reasonsOf(error: Coded): readonly string[] {
  const issues = error.issues
  if (issues !== undefined && issues.length > 0)
    return issues.map((issue) => (issue.path === "" ? issue.message : `${issue.path}: ${issue.message}`))
  return error.cause instanceof Error ? [firstLine(error.cause.message)] : []
}

function parts(
  code: string,
  message: string,
  why: readonly string[],
  cures: readonly string[],
  exit: number,
): Failure {
  return { code, message, why: why.filter((line) => line !== ""), do: cures, exit }
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? ""
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? "") : ""
}

// What people type, checked before anything is sent.

import { readFile } from "node:fs/promises"
import { text as readAll } from "node:stream/consumers"
import type { Duration } from "../client/index.js"
import { parseDuration } from "../machines/duration.js"
import { isObject, jsonFault } from "../machines/json.js"
import { isKind, KINDS, type Kind, OBJECT_ID, YARD_NAME } from "../machines/names.js"
import { CliError } from "./failure.js"
import { nearest } from "./text.js"

/** Throws CliError `invalid-duration`. */
export function durationOf(option: string, text: string | undefined): Duration | undefined {
  if (text === undefined) return undefined
  if (isDuration(text)) return text
  throw new CliError(
    "invalid-duration",
    `--${option}: not a duration: ${JSON.stringify(text.slice(0, 40))}`,
    {
      why: ["a duration is a number above 0 and a unit: ms, s, m, h or d, at most 366d"],
      cures: [`--${option} 90s, 30m, 2h or 1d`],
    },
  )
}

/** Milliseconds of a duration. Throws CliError `invalid-duration`. */
export function durationMsOf(option: string, text: string | undefined): number | undefined {
  const duration = durationOf(option, text)
  return duration === undefined ? undefined : parseDuration(duration)
}

function isDuration(text: string): text is Duration {
  return parseDuration(text) !== undefined
}

/** The yard's clock is what counts, and may be behind this one. */
const CLOCKS_MS = 60_000

/** An ISO 8601 time with its zone, in UTC, and not long past. Throws CliError `invalid-time`. */
export function timeOf(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const ms = isZoned(text) ? Date.parse(text) : Number.NaN
  if (ms < Date.now() - CLOCKS_MS)
    throw new CliError("invalid-time", `--${option}: ${text} has passed already`, {
      cures: [`--${option} ${new Date(Date.now() + 3_600_000).toISOString().slice(0, 16)}Z`],
    })
  if (!Number.isNaN(ms)) return new Date(ms).toISOString()
  throw new CliError("invalid-time", `--${option}: not a time: ${JSON.stringify(text.slice(0, 40))}`, {
    why: ["a time is ISO 8601 with its zone"],
    cures: [`--${option} ${new Date(Date.now() + 3_600_000).toISOString().slice(0, 16)}Z`],
  })
}

/** A time in the past: so long ago, or ISO 8601 with its zone. Throws CliError `invalid-time`. */
export function momentOf(option: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const ago = parseDuration(text)
  if (ago !== undefined) return new Date(Date.now() - ago)
  const ms = isZoned(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(ms)) return new Date(ms)
  throw new CliError("invalid-time", `--${option}: not a time: ${JSON.stringify(text.slice(0, 40))}`, {
    why: ["it is a duration ago, such as 1h, or a time in ISO 8601 with its zone"],
    cures: [`--${option} 1h`, `--${option} ${new Date(Date.now() - 3_600_000).toISOString().slice(0, 16)}Z`],
  })
}

function isZoned(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/.test(text)
}

/** A whole number in a range, or undefined when nothing was given. Throws CliError `usage`. */
export function numberOf(
  option: string,
  text: string | undefined,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) return undefined
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (number >= least && number <= most) return number
  throw new CliError(
    "usage",
    `--${option} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`,
  )
}

/** An id of the protocol's alphabet. Throws CliError `invalid-id`. */
export function idOf(text: string, kind = "id"): string {
  const bare = text.startsWith(`${kind}/`) ? text.slice(kind.length + 1) : text
  if (OBJECT_ID.test(bare)) return bare
  const [other = ""] = text.split("/")
  if (isKind(kind) && isKind(other) && other !== kind)
    throw new CliError("invalid-id", `${text.slice(0, 80)} is a ${other}, not a ${kind}`, {
      why: [`this command takes ids of ${kind}s`],
      cures: [`drydock ls ${kind}s`],
    })
  throw new CliError(
    "invalid-id",
    `not an id${isKind(kind) ? ` of a ${kind}` : ""}: ${JSON.stringify(text.slice(0, 80))}`,
    {
      why: [
        "an id has letters, digits, _ and -, begins with a letter or digit, and has at most 64 characters",
      ],
      cures: [`drydock ls ${isKind(kind) ? `${kind}s` : "leases"}`],
    },
  )
}

export interface Actor {
  readonly kind: Kind
  readonly id: string
}

/** `lease/L1`; a bare id gives its kind as undefined. Throws CliError `usage` or `invalid-id`. */
export function actorOf(text: string): Actor | { readonly kind: undefined; readonly id: string } {
  const slash = text.indexOf("/")
  if (slash === -1) return { kind: undefined, id: idOf(text) }
  return { kind: kindOf(text.slice(0, slash)), id: idOf(text.slice(slash + 1)) }
}

/** Throws CliError `usage`. */
export function kindOf(text: string): Kind {
  const singular = text.endsWith("s") ? text.slice(0, -1) : text
  if (isKind(singular)) return singular
  const close = nearest(singular, KINDS)
  throw new CliError("usage", `there is no kind ${JSON.stringify(text.slice(0, 40))}`, {
    why: [close.length > 0 ? `close to it: ${close.join(", ")}` : `kinds are ${KINDS.join(", ")}`],
    cures: ["write KIND/ID, for example lease/ada_x7"],
  })
}

/** The JSON object of `--attributes`: text, @file, or - for stdin. Throws CliError `invalid-json`, `file-unreadable`. */
export async function attributesOf(
  text: string | undefined,
): Promise<{ readonly [name: string]: unknown } | undefined> {
  if (text === undefined) return undefined
  const from = text === "-" ? "stdin" : text.startsWith("@") ? text.slice(1) : "--attributes"
  const json =
    text === "-" ? await readAll(process.stdin) : text.startsWith("@") ? await readText(text.slice(1)) : text
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw invalidJson(from, cause instanceof Error ? cause.message : "it does not parse", cause)
  }
  if (!isObject(value)) throw invalidJson(from, "it is JSON, but no object: { } is needed around it")
  const fault = jsonFault(value)
  if (fault !== undefined) throw invalidJson(from, `it ${fault}`)
  return value
}

function invalidJson(from: string, why: string, cause?: unknown): CliError {
  return new CliError("invalid-json", `${from} is not a JSON object`, {
    why: [why],
    cures: [`--attributes '{"arch":"arm64"}'`, "or put it into a file: --attributes @file.json"],
    cause,
  })
}

/** Throws CliError `file-unreadable`. */
export async function readText(path: string): Promise<string> {
  try {
    return path === "-" ? await readAll(process.stdin) : await readFile(path, "utf8")
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
    const why = {
      ENOENT: "there is no such file",
      EISDIR: "it is a folder",
      EACCES: "its permissions forbid it",
    }[code]
    throw new CliError("file-unreadable", `cannot read ${path === "" ? "a file without a name" : path}`, {
      why: [why ?? (cause instanceof Error ? cause.message : "")],
      cures: ["check the path and its permissions"],
      cause,
    })
  }
}

/** `NAME=value` pairs of `--env`. Throws CliError `usage`. */
export function environmentOf(pairs: readonly string[]): { readonly [name: string]: string } {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=")
      const name = pair.slice(0, at)
      if (at < 1 || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
        throw new CliError("usage", `--env takes NAME=value, not ${JSON.stringify(pair.slice(0, 40))}`)
      return [name, pair.slice(at + 1)] as const
    }),
  )
}

/** The name of a yard; `default` when none is given. Throws CliError `usage`. */
export function yardNameOf(text: string | undefined): string {
  if (text === undefined) return "default"
  if (YARD_NAME.test(text)) return text
  throw new CliError("usage", `--yard: not a yard's name: ${JSON.stringify(text.slice(0, 40))}`, {
    why: [
      "a name has lower-case letters, digits and -, begins with a letter or digit, and has at most 32 characters",
    ],
  })
}

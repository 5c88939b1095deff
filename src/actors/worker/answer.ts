// What an attempt's end is in the words of the protocol (machines/job.ts).

import type { JobOrder, Task } from "../../machines/job.js"
import { isObject, type JsonObject, jsonObject } from "../../machines/json.js"
import { LIMITS } from "../../machines/limits.js"
import type { Ending } from "./reports.js"

const DETAIL_BYTES = 16 * 1024

const DONE: { readonly [T in Task]: string } = {
  allocate: "activated",
  activate: "activated",
  destroy: "destroyed",
  release: "cleaned",
}

export interface Answer {
  readonly verb: string
  /** Beside `job`, `attempt` and `log`. */
  readonly body: object
  readonly ending: Ending
  readonly message: string
}

/** As it will arrive: what JSON leaves out is left out. Undefined when it is no JSON object, or too large. */
function detailsIn(returned: unknown): JsonObject | undefined {
  if (!isObject(returned)) return undefined
  try {
    const text = JSON.stringify(returned)
    if (new TextEncoder().encode(text).length > DETAIL_BYTES) return undefined
    return jsonObject.safeParse(JSON.parse(text)).data
  } catch {
    return undefined // It points to itself, holds numbers that JSON has not, or throws when it is read.
  }
}

/** `before`: the object's details as the attempt found them. A failure that is mended is not told any more. */
export function done({ task }: JobOrder, returned: unknown, before: JsonObject): Answer {
  const answer = { verb: DONE[task], ending: "done", message: "" } as const
  if (task === "destroy" || task === "release") return { ...answer, body: {} }
  const mended = (before.failure ?? null) === null ? {} : { failure: null }
  const details = detailsIn(returned ?? {})
  if (details === undefined) {
    const kib = DETAIL_BYTES / 1024
    return failed(`${task} returned something else than a JSON object of at most ${kib} KiB`, false)
  }
  const all = { ...mended, ...details }
  return { ...answer, body: Object.keys(all).length === 0 ? {} : { details: all } }
}

export function failed(message: string, retryable: boolean, failure?: JsonObject): Answer {
  const text = message.slice(0, LIMITS.reasonChars)
  const details = failure === undefined ? {} : { details: { failure } }
  return { verb: "failed", body: { message: text, retryable, ...details }, ending: "failed", message: text }
}

export function stopped(message: string): Answer {
  return { verb: "stopped", body: {}, ending: "stopped", message }
}

/** Whether blueprint code says that the resource is gone. */
export function isLoss(error: unknown): error is Error {
  return error instanceof Error && error.name === "ResourceLostError"
}

/**
 * What blueprint code threw: its message, and in pieces, as `details.failure`: the phase, and what the error knows (of a
 * program: command, exit, signal, output). A class of another copy of the package is told by its name.
 */
export function failedBy({ task }: JobOrder, error: unknown): Answer {
  const isTerminal = error instanceof Error && error.name === "TerminalError"
  const message = error instanceof Error ? error.message || error.name : String(error)
  const told = error instanceof Error && "details" in error ? (detailsIn(error.details) ?? {}) : {}
  return failed(message, !isTerminal, { phase: task, ...told })
}

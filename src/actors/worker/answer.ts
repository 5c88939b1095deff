// What an attempt's end is in the words of the protocol (machines/job.ts).

import type { JobOrder, Task } from "../../machines/job.js"
import { type JsonObject, jsonObject } from "../../machines/json.js"
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

/** As it will arrive: nothing that JSON leaves out. Undefined when it is no JSON object or too large. */
function detailsIn(returned: unknown): JsonObject | undefined {
  const parsed = jsonObject.safeParse(returned)
  if (!parsed.success) return undefined
  const text = JSON.stringify(parsed.data)
  return new TextEncoder().encode(text).length > DETAIL_BYTES ? undefined : jsonObject.parse(JSON.parse(text))
}

export function done({ task }: JobOrder, returned: unknown): Answer {
  const answer = { verb: DONE[task], ending: "done", message: "" } as const
  if (returned === undefined || task === "destroy" || task === "release") return { ...answer, body: {} }
  const details = detailsIn(returned)
  if (details !== undefined) return { ...answer, body: { details } }
  return failed(
    `${task} returned something else than a JSON object of at most ${DETAIL_BYTES / 1024} KiB`,
    false,
  )
}

export function failed(message: string, retryable: boolean): Answer {
  const text = message.slice(0, LIMITS.reasonChars)
  return { verb: "failed", body: { message: text, retryable }, ending: "failed", message: text }
}

export function stopped(message: string): Answer {
  return { verb: "stopped", body: {}, ending: "stopped", message }
}

/** Whether blueprint code says that the resource is gone. */
export function isLoss(error: unknown): error is Error {
  return error instanceof Error && error.name === "ResourceLostError"
}

/** What blueprint code threw. A class of another copy of the package is told by its name. */
export function failedBy(error: unknown): Answer {
  const isTerminal = error instanceof Error && error.name === "TerminalError"
  const message = error instanceof Error ? error.message || error.name : String(error)
  return failed(message, !isTerminal)
}

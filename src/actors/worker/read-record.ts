// Reading a record of the yard, as a worker may: the query `get`, asked again until a host answers.

import { z } from "zod"
import { RetryableError } from "../../blueprints/failure.js"
import type { Kind } from "../../machines/names.js"
import { type RecordOf, recordSchema } from "../../machines/record.js"
import { querySubject } from "../../machines/subjects.js"
import type { Clock } from "../hosting/clock.js"
import { LogError } from "../log/log.js"
import type { WorkLink } from "../log/work-link.js"

const PAUSE_MS = 250

const answerSchema = z.union([
  z.object({ record: recordSchema }),
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
])

export interface RecordReader {
  readonly link: WorkLink
  readonly clock: Clock
  readonly yard: string
  /** Blueprint type: who asks. */
  readonly type: string
  readonly signal: AbortSignal
}

/** Throws RetryableError when there is no such object, the signal's reason when it is aborted before. */
export async function readRecord<K extends Kind>(
  from: RecordReader,
  kind: K,
  id: string,
): Promise<RecordOf<K>> {
  const { link, clock, yard, type, signal } = from
  const subject = querySubject(yard, "get", `worker-${type}`)
  const data = new TextEncoder().encode(JSON.stringify({ kind, id }))
  const aborted = new Promise<undefined>((resolve) =>
    signal.addEventListener("abort", () => resolve(undefined), { once: true }),
  )
  for (;;) {
    signal.throwIfAborted()
    const answer = await Promise.race([ask(link, subject, data), aborted])
    if (answer !== undefined && "record" in answer) {
      const { record } = answer
      // Sound: a record's kind tells its type, and no other was asked for.
      if (record.kind === kind) return record as RecordOf<K>
    } else if (answer?.error.code === "unknown-actor") throw new RetryableError(answer.error.message)
    await Promise.race([new Promise<void>((resolve) => clock.after(PAUSE_MS, resolve)), aborted])
  }
}

/** Undefined when nobody answers just now, or with something that cannot be read. */
async function ask(link: WorkLink, subject: string, data: Uint8Array) {
  try {
    const parsed = answerSchema.safeParse(JSON.parse(new TextDecoder().decode(await link.ask(subject, data))))
    return parsed.success ? parsed.data : undefined
  } catch (error) {
    if (error instanceof LogError || error instanceof SyntaxError) return undefined
    throw error
  }
}

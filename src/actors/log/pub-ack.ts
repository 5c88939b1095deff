// What the server said to a publish. An error in a PubAck always means that nothing was stored.

import type { Msg } from "nats"
import { z } from "zod"
import { LogError, type LogFault } from "./log.js"

const pubAck = z.union([
  z.object({ error: z.object({ err_code: z.number().optional(), description: z.string().optional() }) }),
  z.object({ stream: z.string(), seq: z.number().int().positive(), count: z.number().optional() }),
])

const WRONG_LAST_SEQUENCE = new Set([10071, 10164])
const MESSAGE_TOO_LARGE = new Set([10054])
/** Insufficient storage, insufficient resources, memory exceeded, account or server limits. */
const NO_SPACE = new Set([10047, 10023, 10028, 10002, 10025])
const STORE_FAILED = 10077
const NO_STREAM = new Set([10059, 10039, 10076])

/**
 * Sequence of the stored message, of the last one for a batch. Throws LogError; `full` is what a stream at a limit of
 * its own means for the caller.
 */
export function storedSequence(answer: Msg, full: "queue-full" | "storage-full"): number {
  const parsed = pubAck.safeParse(json(answer.data))
  if (!parsed.success) throw new LogError("uncertain", `the server's answer is no PubAck: ${answer.string()}`)
  if (!("error" in parsed.data)) return parsed.data.seq
  const { err_code: code = 0, description = "no description" } = parsed.data.error
  const fault = faultOf(code, description)
  throw new LogError(fault === "queue-full" ? full : fault, `${description} (${code})`)
}

/**
 * A refusal without a fault of its own (a batch that lost messages on its way, 10176, for instance) is called
 * uncertain: the caller then reads back and goes on, which is always right.
 */
export function faultOf(code: number, description: string): LogFault {
  if (WRONG_LAST_SEQUENCE.has(code)) return "fenced"
  if (MESSAGE_TOO_LARGE.has(code)) return "too-large"
  if (NO_SPACE.has(code)) return "storage-full"
  // 10077 carries whatever the store said: a limit of the stream, or trouble with the disk.
  if (code === STORE_FAILED) return description.startsWith("maximum") ? "queue-full" : "storage-full"
  if (NO_STREAM.has(code)) return "unavailable"
  return "uncertain"
}

export function json(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

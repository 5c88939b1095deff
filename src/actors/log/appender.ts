// The fenced append (rule 9). One message is a plain publish; more are one atomic batch, of which only the first
// carries the expectation. On the wire a batch of n is n messages out, one answer back, one round trip: only the last
// message asks for an answer, and any refusal of an earlier one shows there.
//
// Written over raw headers, because the batch of the client library drops `expect` and hides the server's error.

import { randomBytes } from "node:crypto"
import { type JournalEntry, LogError } from "./log.js"
import { storedSequence } from "./pub-ack.js"
import type { Replies } from "./replies.js"

/** The server's limit of one atomic batch, messages. */
export const BATCH_LIMIT = 1_000
/** Room for the headers that are added here, bytes. */
const ADDED_HEADER_BYTES = 256

export async function append(
  replies: Replies,
  after: number,
  entries: readonly JournalEntry[],
): Promise<void> {
  const last = entries.at(-1)
  if (last === undefined) return
  if (entries.length > BATCH_LIMIT) {
    throw new RangeError(`${entries.length} records in one append, but the server takes ${BATCH_LIMIT}`)
  }
  refuseTooLarge(entries, replies.link.nats.info?.max_payload)
  const expected = { "Nats-Expected-Last-Sequence": String(after) }
  const answer =
    entries.length === 1
      ? await replies.ask(last.subject, last.data, last.headers, expected)
      : await askBatch(replies, expected, entries)
  const seq = storedSequence(answer, "storage-full")
  if (seq !== after + entries.length) {
    throw new LogError("uncertain", `stored up to ${seq}, expected ${after + entries.length}`)
  }
}

function askBatch(
  replies: Replies,
  expected: { readonly [name: string]: string },
  entries: readonly JournalEntry[],
): ReturnType<Replies["ask"]> {
  const id = randomBytes(12).toString("base64url")
  for (const [index, entry] of entries.entries()) {
    const batch = { "Nats-Batch-Id": id, "Nats-Batch-Sequence": String(index + 1) }
    if (index === entries.length - 1) {
      return replies.ask(entry.subject, entry.data, entry.headers, { ...batch, "Nats-Batch-Commit": "1" })
    }
    replies.send(entry.subject, entry.data, entry.headers, index === 0 ? { ...batch, ...expected } : batch)
  }
  throw new RangeError("an empty batch")
}

/**
 * Before anything is sent: one message that is too large, in the middle of a batch, would leave the others behind in
 * the server until it gives the batch up.
 */
function refuseTooLarge(entries: readonly JournalEntry[], maxPayload: number | undefined): void {
  if (maxPayload === undefined) return
  for (const entry of entries) {
    let bytes = entry.data.length + ADDED_HEADER_BYTES
    for (const name in entry.headers) bytes += name.length + (entry.headers[name]?.length ?? 0) * 3 + 4
    if (bytes > maxPayload) {
      throw new LogError("too-large", `${entry.subject}: ${bytes} bytes, but the server takes ${maxPayload}`)
    }
  }
}

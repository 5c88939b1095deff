// The same command for several objects: all are tried, each is answered for, the exit code is that of the first that
// failed.

import type { RecordOf } from "../client/index.js"
import type { Outcome } from "../client/outcomes.js"
import type { Kind } from "../machines/names.js"
import type { YardRecord } from "../machines/record.js"
import type { Call } from "./call.js"
import { type Failure, failureOf } from "./failure.js"
import { failureJson } from "./output.js"

const AT_ONCE = 32

/** Does it for every id, some at a time, and shows what became of each. Resolves to the exit code. */
export async function forEach(
  call: Call,
  ids: readonly string[],
  act: (id: string) => Promise<YardRecord>,
  text: (record: YardRecord, id: string) => string,
): Promise<number> {
  const results: { readonly id: string; readonly record?: YardRecord; readonly failure?: Failure }[] = []
  const progress = call.out.progress(`0 of ${ids.length}`)
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = await Promise.all(
      ids.slice(from, from + AT_ONCE).map(async (id) => {
        try {
          return { id, record: await act(id) }
        } catch (error) {
          return { id, failure: failureOf(error) }
        }
      }),
    )
    results.push(...some)
    progress.update(`${results.length} of ${ids.length}`)
  }
  progress.done()
  const failures = results.flatMap(({ id, failure }) => (failure === undefined ? [] : [{ id, failure }]))
  const done = results.flatMap(({ id, record }) => (record === undefined ? [] : [{ id, record }]))
  const [first] = failures
  call.out.document(
    {
      ...(first === undefined ? {} : { error: failureJson(first.failure) }),
      items: done.map(({ record }) => record),
      ...(first === undefined
        ? {}
        : { errors: failures.map(({ id, failure }) => ({ id, error: failureJson(failure) })) }),
    },
    () => done.map(({ id, record }) => text(record, id)).join("\n"),
  )
  for (const { failure } of failures) call.out.failureNote(failure)
  return first?.failure.exit ?? 0
}

/** The record of an accepted command. Throws RejectedError. */
export async function accepted<K extends Kind>(kind: K, outcome: Outcome): Promise<RecordOf<K>> {
  if (outcome.outcome === "accepted" && isOf(kind, outcome.record)) return outcome.record
  const { RejectedError, ClientError } = await import("../client/index.js")
  if (outcome.outcome === "rejected") throw new RejectedError(outcome)
  throw new ClientError(
    "bug",
    "internal",
    `the answer is about a ${outcome.record.kind}, not a ${kind}`,
    "report it",
  )
}

function isOf<K extends Kind>(kind: K, record: YardRecord): record is RecordOf<K> {
  return record.kind === kind
}

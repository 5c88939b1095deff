// A command has one outcome, however often its host changes. This is the one of a command that was settled already.

import type { ActorKey } from "../../machines/names.js"
import { decide, type Verdict, type Yard } from "../kernel/index.js"
import type { CommandMessage } from "../log/log.js"
import type { Unsent } from "./recovery.js"
import { wasRepeated } from "./repeated.js"

/**
 * The outcome of a command at or below the cursor, to be told once more; undefined when nobody asked for one. `next` is
 * the first record at or after it. Without a record of its own, and unless its writer says that it was accepted, it is
 * refused, for ever: because its effect holds by now it must not hear `accepted`, since it may have heard of the refusal.
 */
export function settledVerdict(
  yard: Yard,
  command: CommandMessage,
  next: Unsent | undefined,
): Verdict | undefined {
  const verdict = decide(yard, command)
  const { command: seq, actor, reply } = verdict
  if (next?.record.cause.command === seq)
    return { kind: "repeated", command: seq, actor, reply, record: next.record }
  // The record between them is purged: a host forgets only after everything before it was told.
  if (reply === undefined || (next?.cursor !== undefined && seq <= next.cursor)) return undefined
  const wasAccepted = wasRepeated(next?.repeated, seq)
  if (wasAccepted === undefined) return undefined
  if (wasAccepted) {
    // Sound: `decide` made the key of a command that was accepted from its subject.
    const record = yard.actors.get(actor as ActorKey)?.record
    return record === undefined ? undefined : { kind: "repeated", command: seq, actor, reply, record }
  }
  if (verdict.kind === "rejected") return verdict
  const message = "the yard went past this command while its host changed: publish it again under a new id"
  return { kind: "rejected", command: seq, actor, reply, rejection: { code: "stale", message } }
}

// The heart: one command in, one verdict out. Pure but for taking its own record into the yard: no clock, no
// randomness, no I/O. Total: what throws is a rejection `internal`, never a stopped queue (rule 2).
//
//   1. receive   subject, speaker, verb and body are checked
//   2. facts     what the statechart cannot know: entitlement, plan, occupancy
//   3. move      the statechart decides
//   4. record    state, context, cause, timers
//   5. evolve    the yard takes it in; what is newly due becomes its sends

import type { JobOrder } from "../../machines/job.js"
import type { Fate } from "../../machines/lease-context.js"
import type { LeaseRequest } from "../../machines/lease-messages.js"
import { LIMITS } from "../../machines/limits.js"
import { type ActorKey, actorKey, isWorker, type Kind } from "../../machines/names.js"
import { keyOf, type Send, type YardRecord } from "../../machines/record.js"
import { registry, timersOf } from "../../machines/registry.js"
import type { Rejection } from "../../machines/rejection.js"
import { isoTime } from "../../machines/stimulus.js"
import type { ReplyAddress } from "../../machines/subjects.js"
import type { Working } from "../../machines/working.js"
import type { Command } from "./command.js"
import { evolve } from "./evolve.js"
import { factsFor, requestOf } from "./facts.js"
import { type Received, receive } from "./receive.js"
import { move, verbsIn } from "./statechart.js"
import { askingOf, isNewDemand, lookAtPool } from "./waiting.js"
import type { Yard } from "./yard.js"

interface About {
  /** Sequence of the command. */
  readonly command: number
  /** `lease/L1`; tokens outside their alphabet are shown as they came. */
  readonly actor: string
  /** Where the outcome goes; undefined when nobody asked for one. */
  readonly reply: ReplyAddress | undefined
}

export type Verdict =
  /** One record, now part of the yard; `seq` is the sequence that the journal must give it. */
  | ({ readonly kind: "recorded"; readonly record: YardRecord; readonly seq: number } & About)
  /** The effect holds already: accepted, with the record that is. */
  | ({ readonly kind: "repeated"; readonly record: YardRecord } & About)
  | ({ readonly kind: "rejected"; readonly rejection: Rejection; readonly fault?: unknown } & About)
  /** Internal, and no longer needed. */
  | ({ readonly kind: "nothing"; readonly why: string } & About)

/** Decides one command and takes its record, if there is one, into the yard. */
export function step(yard: Yard, command: Command): Verdict {
  const decided = decide(yard, command)
  if (decided.kind !== "recorded") return decided
  const sends = evolve(yard, decided.record, decided.seq)
  if (sends.length === 0) return decided
  const record = { ...decided.record, sends }
  yard.actors.set(keyOf(record), { record, seq: decided.seq })
  return { ...decided, record }
}

/** The verdict on one command, without taking it in. */
export function decide(yard: Yard, command: Command): Verdict {
  let about: About = { command: command.seq, actor: "_/_", reply: undefined }
  try {
    const reception = receive(yard.name, command)
    if (!reception.ok) {
      const { actor, reply, rejection } = reception
      return { kind: "rejected", command: command.seq, actor, reply, rejection }
    }
    const { received } = reception
    about = { ...about, actor: actorKey(received.kind, received.id), reply: received.reply }
    return decideReceived(yard, command, received, about)
  } catch (fault) {
    const message = "the yard could not decide this: report it with the command's sequence"
    return { kind: "rejected", ...about, rejection: { code: "internal", message }, fault }
  }
}

function decideReceived(yard: Yard, command: Command, received: Received, about: About): Verdict {
  const rejected = (rejection: Rejection): Verdict => ({ kind: "rejected", ...about, rejection })
  const { kind, id, verb } = received
  if (kind === "yard" && id !== yard.name)
    return rejected({ code: "unknown-actor", message: `this yard is ${yard.name}` })
  const key: ActorKey = actorKey(kind, id)
  const entry = yard.actors.get(key)
  const before = entry?.record
  const misfit = configFault(yard, received)
  if (misfit !== undefined) return rejected(misfit)

  const now = Math.max(command.timestampMs, yard.lastAtMs)
  const facts = factsFor(yard, received, command)
  const excess = before === undefined ? overLimit(yard, received, facts) : undefined
  if (excess !== undefined) return rejected(excess)
  const rev = (before?.rev ?? 0) + 1
  const event = {
    type: verb,
    body: received.body,
    by: received.by,
    command: command.seq,
    actor: key,
    rev,
    now,
    facts,
  }
  const moved = move(kind, before, event)
  switch (moved.kind) {
    case "repeated":
      return before === undefined
        ? rejected(unexpected(received, undefined))
        : { kind: "repeated", record: before, ...about }
    case "refused":
      return rejected(moved.rejection)
    case "ignored":
      return { kind: "nothing", why: moved.why, ...about }
    case "unexpected":
      // A worker waits for an answer; the host's own follow-ups may come too late.
      return received.internal && !isWorker(received.by)
        ? { kind: "nothing", why: `${key} does not take ${verb} now`, ...about }
        : rejected(received.internal ? late(received, before?.to) : unexpected(received, before?.to))
    case "moved":
      break
  }
  const state = { kind, to: moved.to, context: moved.context }
  // Sound: the statechart of a kind writes the states and the context of that kind (test/machines holds the two together).
  const record = {
    v: 1,
    yard: yard.name,
    kind,
    id,
    rev,
    from: before?.to ?? null,
    to: moved.to,
    path: moved.path,
    event: { type: verb, body: received.body },
    context: moved.context,
    cause: { command: command.seq, id: received.commandId, verb, by: received.by },
    at: isoTime(now),
    machine: { id: kind, version: registry[kind].machine.version ?? "1", hash: yard.hashes[kind] },
    jobs: jobsOf({ kind, id, rev, context: moved.context }),
    timers: timersOf(state as YardRecord),
    sends: [] as Send[],
  } as unknown as YardRecord
  if (isTooLarge(record, command)) {
    const message = `the record would be over ${LIMITS.recordBytes / 1024} KiB: say it in less`
    return rejected({ code: "over-limit", message })
  }
  return { kind: "recorded", record, seq: yard.journal + 1, ...about }
}

/** A blueprint's config must fit its type's policy before it can stand in a record. */
function configFault(yard: Yard, received: Received): Rejection | undefined {
  if (received.kind !== "blueprint" || (received.verb !== "create" && received.verb !== "configure"))
    return undefined
  // The parser's edge: `receive` has parsed the body by the schema of this verb.
  const { type, config } = received.body as { type: string; config: Parameters<Installed["bind"]>[0] }
  const policy = yard.policies.get(type)
  if (policy === undefined) {
    const known = [...yard.policies.keys()].sort().join(", ")
    const message = `there is no blueprint type ${type}: this host has ${known}`
    return { code: "invalid", message, issues: [{ path: "type", message }] }
  }
  const bound = policy.bind(config)
  if ("policy" in bound) return undefined
  const [first] = bound.issues
  return { code: "invalid", message: `${first?.path}: ${first?.message}`, issues: bound.issues }
}
type Installed = NonNullable<ReturnType<Yard["policies"]["get"]>>

/** Limits on those who wait. Whoever is served at once, or never, adds nothing to them. */
function overLimit(yard: Yard, received: Received, facts: unknown): Rejection | undefined {
  if (received.kind !== "lease" || received.verb !== "request") return undefined
  // The parser's edge, as above; and `factsFor` gives this verb a fate.
  const body = received.body as LeaseRequest
  const { type } = body
  const fate = facts as Fate
  if (fate.kind !== "wait" && fate.kind !== "build") return undefined
  if (yard.pendingLeases >= LIMITS.pendingLeases)
    return { code: "over-limit", message: "too many leases wait in this yard: try again later" }
  const pool = lookAtPool(yard, type)
  if (pool.classes.size < LIMITS.classesPerPool) return undefined
  if (isNewDemand(pool, askingOf(yard, requestOf(received.by, body), fate.kind === "build")))
    return { code: "over-limit", message: `too many different demands wait for ${type}: try again later` }
  return undefined
}

/** The attempt that this record orders, if it does. */
function jobsOf({
  kind,
  id,
  rev,
  context,
}: {
  kind: Kind
  id: string
  rev: number
  context: object
}): JobOrder[] {
  if (kind !== "lease" && kind !== "resource") return []
  // Sound: the statecharts of these two kinds write such contexts.
  const { job, work, token = null } = context as Working & { token?: number | null }
  if (job?.state !== "ordered" || work === null || job.id !== `${kind}/${id}/${rev}`) return []
  const { task, type, attempt } = job
  const { limitMs, silenceMs } = work
  return [{ job: job.id, kind, id, rev, task, type, attempt, token, limitMs, silenceMs }]
}

/** What a worker says about what is no more. */
function late({ kind, id }: Received, state: string | undefined): Rejection {
  const is = state === undefined ? "is not there" : `is ${state}`
  return { code: "stale", message: `${kind} ${id} ${is}: drop the job` }
}

function unexpected(received: Received, state: string | undefined): Rejection {
  const { kind, id, verb } = received
  if (state === undefined) return { code: "unknown-actor", message: `there is no ${kind} ${id}` }
  const verbs = verbsIn(kind, state)
  const takes = verbs.length === 0 ? "it takes no commands any more" : `it takes ${verbs.join(", ")}`
  return { code: "not-allowed", message: `${kind} ${id} is ${state} and does not take ${verb}: ${takes}` }
}

const SENDS_ALLOWED = LIMITS.recordBytes - LIMITS.recordSendsBytes
/** Leases and resources repeat their command at most four times, so that a small command makes a small record. */
const SURELY_SMALL_BYTES = 8 * 1024

function isTooLarge(record: YardRecord, command: Command): boolean {
  const isBounded = record.kind === "lease" || record.kind === "resource"
  if (isBounded && command.data.length <= SURELY_SMALL_BYTES) return false
  return new TextEncoder().encode(JSON.stringify(record)).length > SENDS_ALLOWED
}

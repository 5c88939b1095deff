// The four streams of a yard, exactly as rules 9-17 of the architecture say. Every setting that matters is written
// down, also where it is the server's default, because a default that a later server changes would change the yard:
// `allow_msg_schedules` on COMMANDS, for instance, would let anybody forge principals.

import type { StreamConfig } from "@nats-io/jetstream"
import { DiscardPolicy, RetentionPolicy, StorageType, StoreCompression } from "@nats-io/jetstream"
import { LIMITS } from "../machines/limits.js"
import { streamName } from "../machines/subjects.js"

/** Commands that may wait or be kept; the host purges so that half of it is always free (rule 17). */
export const COMMAND_LIMIT = 200_000
/** How far the host may raise `COMMAND_LIMIT` for its own follow-ups. */
export const COMMAND_LIMIT_MOST = 2 * COMMAND_LIMIT
/** How long the mark of a claim that ran out stays, nanoseconds (1 hour). */
const CLAIM_MARK_NANOS = 3_600_000_000_000
/** The server's default window for `Nats-Msg-Id`, nanoseconds (2 minutes). */
const DUPLICATE_WINDOW_NANOS = 120_000_000_000

export type YardStream = "COMMANDS" | "JOURNAL" | "WORK" | "CLAIM"
/** A stream's settings as Drydock wants them; whatever is not named is not Drydock's business. */
export type WantedStream = Pick<StreamConfig, "name" | "subjects" | "retention" | "storage"> &
  Partial<StreamConfig>

/** Where the host writes that it owns the yard. */
export function claimSubject(yard: string): string {
  return `drydock.${yard}.claim`
}

/** Where the server repeats it; only the account of hosts can listen there. */
export function claimedSubject(yard: string): string {
  return `drydock.${yard}.claimed`
}

/**
 * The settings of all streams of a yard. `replicas`: 1, or 3 in a cluster; undefined leaves it as it is, and a new
 * stream gets one.
 */
export function yardStreams(yard: string, replicas?: number): Readonly<Record<YardStream, WantedStream>> {
  return {
    COMMANDS: {
      ...plain(replicas),
      name: streamName(yard, "COMMANDS"),
      description: "Drydock: the command queues of all actors",
      subjects: [`drydock.${yard}.command.*.*.*.*`, `drydock.${yard}.internal.*.*.*.*`],
      max_msgs: COMMAND_LIMIT,
      max_msg_size: LIMITS.commandBodyBytes + LIMITS.commandHeaderBytes,
    },
    JOURNAL: {
      ...plain(replicas),
      name: streamName(yard, "JOURNAL"),
      description: "Drydock: one record per accepted command; only the host writes here",
      subjects: [`drydock.${yard}.journal.*.*`],
      allow_atomic: true,
      // Forgetting purges by subject up to a sequence; removing a single message has no use but harm.
      deny_delete: true,
      republish: { src: `drydock.${yard}.journal.>`, dest: `drydock.${yard}.event.>` },
    },
    WORK: {
      ...plain(replicas),
      name: streamName(yard, "WORK"),
      description: "Drydock: jobs that wait for a worker",
      subjects: [`drydock.${yard}.work.*.*`],
      retention: RetentionPolicy.Workqueue,
      max_msgs_per_subject: 1,
      discard_new_per_subject: true,
    },
    CLAIM: {
      ...plain(replicas),
      name: streamName(yard, "CLAIM"),
      description: "Drydock: which host is active; losing it only means a new race",
      subjects: [claimSubject(yard)],
      storage: StorageType.Memory,
      discard: DiscardPolicy.Old,
      max_msgs_per_subject: 1,
      allow_msg_ttl: true,
      subject_delete_marker_ttl: CLAIM_MARK_NANOS,
      // The server switches this on by itself with delete markers: a marker is a roll-up.
      allow_rollup_hdrs: true,
      republish: { src: claimSubject(yard), dest: claimedSubject(yard) },
    },
  }
}

/** What all have in common: kept on disk, refusing instead of forgetting, and every way round the rules closed. */
function plain(
  replicas: number | undefined,
): Partial<StreamConfig> & Pick<StreamConfig, "retention" | "storage"> {
  return {
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    ...(replicas === undefined ? {} : { num_replicas: replicas }),
    compression: StoreCompression.None,
    max_msgs: -1,
    max_bytes: -1,
    max_age: 0,
    max_msgs_per_subject: -1,
    max_msg_size: -1,
    max_consumers: -1,
    duplicate_window: DUPLICATE_WINDOW_NANOS,
    no_ack: false,
    sealed: false,
    deny_delete: false,
    deny_purge: false,
    discard_new_per_subject: false,
    allow_direct: false,
    mirror_direct: false,
    allow_rollup_hdrs: false,
    allow_msg_ttl: false,
    allow_msg_schedules: false,
    allow_msg_counter: false,
    allow_atomic: false,
    allow_batched: false,
  }
}

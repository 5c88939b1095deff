// The port that a worker talks to: jobs in, words to the yard out, questions, and what it listens to. It has no right
// to anything else of the log (rule 12). Specs that hold for nats-server and for the log in memory: test/actors/log.

import type { Reading } from "./log.js"

/** One job as it came out of WORK. Who does none of the four gets it again after `ACK_WAIT_MS`, or somebody else does. */
export interface JobDelivery {
  readonly subject: string
  readonly data: Uint8Array
  /** 1 the first time that anybody gets it. */
  readonly deliveries: number
  /** It is taken: nobody gets it again. */
  done(): void
  /** Somebody may have it after so long, milliseconds. */
  giveBack(afterMs: number): void
  /** Still looked at here: the time until it is delivered again begins anew. */
  hold(): void
}

/** Jobs of one blueprint type. */
export interface JobIntake extends Reading {
  /** How many more jobs may come: it is asked for so many, less what is asked for already. */
  want(count: number): void
}

export interface WorkLink {
  /** Asks for nothing until `want`. Trouble is mended inside. `deliver` is called synchronously per job. */
  takeJobs(type: string, deliver: (delivery: JobDelivery) => void): JobIntake

  /** Publishes a word to the yard and waits for its PubAck. Throws LogError. */
  send(subject: string, data: Uint8Array, headers: { readonly [name: string]: string }): Promise<void>
  /** Asks a query. Throws LogError `unavailable` (no host, no connection) or `uncertain` (no answer in time). */
  ask(subject: string, data: Uint8Array): Promise<Uint8Array>
  /** Hears a subject or pattern from the next `send` on. Returns what ends it. */
  listen(pattern: string, hear: (subject: string, data: Uint8Array) => void): () => void

  connected(): boolean
  /** Resolves when everything said so far has left. Throws LogError `unavailable`. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** After so long without a word the server delivers a job again, milliseconds: what a worker that is stopped costs. */
export const ACK_WAIT_MS = 3_000

/** `drydock.<yard>.work.<blueprint type>.<job id>`: a job id's slashes are part of one token. */
export function workSubject(yard: string, type: string, job: string): string {
  return `drydock.${yard}.work.${type}.${job}`
}

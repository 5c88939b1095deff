// The first of the two ports that the hosting talks to (rule 18): what the yard needs of a log server. One suite of
// specs (test/actors/log) runs against nats-server and against the in-memory log.
//
// Every method that writes tells exactly one of: done, refused for a named reason, or *uncertain*. Uncertain means
// that the write may or may not have happened; the caller drops its memory and reads back (rule 9).

/** A message of the COMMANDS stream. */
export interface CommandMessage {
  readonly seq: number
  /** The stream's clock, milliseconds since 1970. */
  readonly timestampMs: number
  readonly subject: string
  /** Header names as sent; undefined when there are none. */
  readonly headers: { readonly [name: string]: string } | undefined
  readonly data: Uint8Array
}

/** A message of the JOURNAL stream, of ours or of anybody who could write there. */
export interface JournalMessage {
  readonly seq: number
  readonly timestampMs: number
  readonly subject: string
  readonly headers: { readonly [name: string]: string } | undefined
  readonly data: Uint8Array
}

/** A record on its way into the journal. */
export interface JournalEntry {
  readonly subject: string
  readonly data: Uint8Array
  readonly headers: { readonly [name: string]: string }
}

export interface StreamFacts {
  readonly firstSeq: number
  /** Sequence of the last message; the next one gets this + 1. Also right when the stream is empty. */
  readonly lastSeq: number
  readonly messages: number
  /** Most messages it may hold; -1 = no limit. */
  readonly maxMessages: number
}

export type LogFault =
  /** Somebody else wrote in between: the expectation failed (10071, 10164). Nothing was stored. */
  | "fenced"
  /** No answer, or the connection broke: it may have been stored. */
  | "uncertain"
  /** Larger than the server or the stream takes. Nothing was stored. */
  | "too-large"
  /** No space left: on the disk, or in the account. Nothing was stored. */
  | "storage-full"
  /** The stream is full (10077). Nothing was stored. */
  | "queue-full"
  /** The connection is closed or the stream does not exist. */
  | "unavailable"

export class LogError extends Error {
  override readonly name = "LogError"
  constructor(
    readonly fault: LogFault,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

export interface Reading {
  /** Ends the reading; nothing is delivered afterwards. */
  stop(): Promise<void>
}

/** What the holder of the claim stream's subject said last. */
export interface ClaimState {
  /** Sequence of the last message on the subject, a marker of its end included; 0 when there was none. */
  readonly seq: number
  /** The host that holds the claim; undefined when it ran out or nobody ever held it. */
  readonly holder: string | undefined
}

export interface ClaimWatching extends Reading {
  /** The state as the stream says it now; undefined while it cannot say. Makes a lost stream again. Never throws. */
  look(): Promise<ClaimState | undefined>
}

export interface Question {
  /** `get`, `list` … */
  readonly name: string
  readonly principal: string
  readonly data: Uint8Array
  /** At most once, never waits. Throws LogError `too-large`. */
  answer(body: Uint8Array): void
}

export interface Log {
  /**
   * Makes or checks the yard's streams exactly as rule 17 says, and the server: JetStream is on, new enough, and how
   * it syncs. Throws a DrydockError that names the cure, LogError `unavailable` when the connection is down.
   */
  setUp(): Promise<{ readonly serverVersion: string; readonly syncsAlways: boolean | undefined }>

  commandFacts(): Promise<StreamFacts>
  journalFacts(): Promise<StreamFacts>

  /**
   * Appends to JOURNAL, all or nothing, only if its last sequence is `after`. The caller has no other append under
   * way. One message goes as a plain publish, several as one atomic batch (at most 1,000).
   * Throws LogError `fenced`, `uncertain`, `too-large`, `storage-full`, `unavailable`.
   */
  append(after: number, entries: readonly JournalEntry[]): Promise<void>

  /** The last message of every journal subject, by ascending sequence. */
  lastPerSubject(): AsyncIterable<JournalMessage>
  /** Journal messages from a sequence on, ascending, up to the end at the time of the call. */
  journal(
    from: number,
    options?: { readonly subject?: string; readonly limit?: number },
  ): AsyncIterable<JournalMessage>
  /** The last message of one journal subject at or below a sequence. */
  lastOf(subject: string, upTo?: number): Promise<JournalMessage | undefined>

  /**
   * Reads COMMANDS in stream order from a sequence on, for ever. A gap or a lost connection is mended inside; what is
   * delivered is gapless but for what the stream no longer holds. `deliver` is called synchronously per message.
   * `pause` asks the server for no more until `resume`; what is on its way (at most 1,000) is still delivered.
   * The first delivery comes after this call has resolved. What `deliver` throws ends the process.
   */
  readCommands(
    from: number,
    deliver: (message: CommandMessage) => void,
  ): Promise<Reading & { pause(): void; resume(): void }>
  /**
   * The last `limit` commands that the stream still holds for one actor, ascending; for the query `commands`. Subjects
   * may have wildcards. Reads all of them to find the last, so it costs as much as there are.
   */
  commandsOf(subjects: readonly string[], limit: number): Promise<readonly CommandMessage[]>
  /** Commands from a sequence on up to the end at the time of the call; subjects may have wildcards. */
  commands(from: number, options?: { readonly subjects?: readonly string[] }): AsyncIterable<CommandMessage>

  /** Publishes an internal command and waits for its PubAck. Throws LogError. */
  send(subject: string, data: Uint8Array, headers: { readonly [name: string]: string }): Promise<void>
  /** Makes sure that workers of these blueprint types can take jobs out of WORK, each type its own. Throws LogError. */
  workFor(types: readonly string[]): Promise<void>
  /**
   * Puts a job into WORK and waits for its PubAck. One that lies there already is done. Throws LogError `uncertain`,
   * `unavailable`, `too-large`, `storage-full`.
   */
  order(subject: string, data: Uint8Array, headers: { readonly [name: string]: string }): Promise<void>
  /** Removes every job from WORK, those that a worker has included. Throws LogError. */
  dropJobs(): Promise<void>
  /**
   * Removes the journal messages of one subject up to and with a sequence. The journal counts on as if they were there.
   * The caller never takes away the journal's last message. Throws LogError.
   */
  forget(subject: string, upTo: number): Promise<void>
  /** Removes every command below a sequence. */
  purgeCommands(below: number): Promise<void>
  /** Makes COMMANDS able to hold this many messages. */
  setCommandLimit(maxMessages: number): Promise<void>

  /** Tells subscribers; at most once, never waits. */
  tell(subject: string, data: Uint8Array): void
  /** Resolves when everything told so far has left. */
  flush(): Promise<void>

  /** Answers queries until it is stopped; those that are on their way then are delivered before `stop` resolves. */
  serveQueries(ask: (question: Question) => void): Promise<Reading>

  /**
   * Writes the claim if the last message on its subject has sequence `expect`. Resolves to its own sequence, or to
   * undefined when somebody else was faster. Throws LogError `uncertain` or `unavailable`.
   * It runs out `ttlMs` after it was stored.
   */
  claim(expect: number, holder: string, ttlMs: number): Promise<number | undefined>
  /** Ends the own claim at once, so that a standby need not wait for it to run out. */
  dropClaim(seq: number): Promise<void>
  /**
   * Calls back with the state now and at every change, renewals and the running out included. Re-creates a lost stream;
   * its sequences begin at 1 again.
   */
  watchClaim(changed: (state: ClaimState) => void): Promise<ClaimWatching>

  /** True while the connection to the server stands. */
  connected(): boolean
  /** Called at every loss of the connection, not at `close`. */
  onDisconnect(lost: () => void): void
  close(): Promise<void>
}

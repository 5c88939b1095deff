// What the specs of a log need around it: a server, and everything that others than the host do to it.

import {
  type CommandMessage,
  type JournalEntry,
  type JournalMessage,
  type Log,
  LogError,
  type LogFault,
} from "../../../src/actors/log/log.js"
import type { WorkLink } from "../../../src/actors/log/work-link.js"

/** What a plain subscriber heard. */
export interface Heard {
  readonly subject: string
  readonly headers: { readonly [name: string]: string }
  readonly text: string
}

/** A log server under test, and everything that others than the host do to it. */
export interface Bench {
  /** A new yard without streams; what was opened before is closed. Returns its name. */
  fresh(): Promise<string>
  /** One more host's connection to that yard. */
  open(): Promise<Log>
  /** A worker's connection to that yard. */
  openWork(): Promise<WorkLink>
  /** Publishes with full rights, as a client or an intruder. Resolves to the sequence or the server's error code. */
  publish(
    subject: string,
    text: string,
    headers?: { readonly [name: string]: string },
  ): Promise<{ readonly seq?: number; readonly errCode?: number }>
  /** Collects what a plain subscriber hears from now on. */
  subscribe(pattern: string): Promise<readonly Heard[]>
  ask(subject: string, text: string): Promise<string>
  /** The connections break (with a real server: it is killed). */
  crash(): Promise<void>
  /** … and the server is back with what it had stored. */
  comeBack(): Promise<void>
  loseClaims(): Promise<void>
  purgeJournal(below: number): Promise<void>
  /** Waits until the condition holds; throws after `limitMs`. */
  until(what: string, condition: () => boolean, limitMs?: number): Promise<void>
  /** Milliseconds of the bench's clock. */
  nowMs(): number
  close(): Promise<void>
}

/** A fresh yard and one connection to it, with the names that its specs use. */
export class UnderTest {
  constructor(
    readonly bench: Bench,
    readonly yard: string,
    readonly log: Log,
  ) {}

  journal(id: string): string {
    return `drydock.${this.yard}.journal.lease.${id}`
  }

  command(id: string, verb = "request"): string {
    return `drydock.${this.yard}.command.lease.${id}.${verb}.alice`
  }

  internal(id: string): string {
    return `drydock.${this.yard}.internal.lease.${id}.wake.allocator`
  }

  record(id: string, body = id): JournalEntry {
    return { subject: this.journal(id), data: bytes(body), headers: { "Drydock-Sent": "7" } }
  }
}

export const bytes = (text: string) => new TextEncoder().encode(text)
export const text = (data: Uint8Array) => new TextDecoder().decode(data)

/** `<sequence>:<body>` of each. */
export const bodies = (messages: readonly (JournalMessage | CommandMessage)[]) =>
  messages.map(({ seq, data }) => `${seq}:${text(data)}`)

export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of source) list.push(item)
  return list
}

export async function faultOf(work: Promise<unknown>): Promise<LogFault | "none"> {
  try {
    await work
    return "none"
  } catch (error) {
    if (error instanceof LogError) return error.fault
    throw error
  }
}

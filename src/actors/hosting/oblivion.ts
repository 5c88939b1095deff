// Purges on their way (rules 7 and 11): what a stored sweep lists leaves the journal, at least once. One sweep after the
// other, and the yard's own old records last: the record of a sweep stays until everything that it lists is gone, since
// a successor learns from it what to leave out. Only a stored fact gets here, so a purge is right however late it comes.

import type { YardRecord } from "../../machines/record.js"
import { journalSubject } from "../../machines/subjects.js"
import { forgettingOf } from "../kernel/index.js"

/** Purges that are asked for at once: each costs the server a look at the blocks where its subject lies. */
const AT_ONCE = 16

export class Oblivion {
  /** By subject: up to where its messages are about to go. */
  readonly #going = new Map<string, number>()
  #last: Promise<boolean> = Promise.resolve(true)

  constructor(
    readonly yard: string,
    /** Insists until it is done: resolves to true, or to false when the term ends before. */
    readonly purge: (subject: string, upTo: number) => Promise<boolean>,
  ) {}

  /** What one stored record forgets. Resolves to true when it is gone; undefined when it forgets nothing. */
  order(record: YardRecord, seq: number): Promise<boolean> | undefined {
    const objects = forgettingOf(record, seq).map(({ kind, id, upTo }) => ({
      subject: journalSubject(this.yard, kind, id),
      upTo,
    }))
    if (objects.length === 0) return undefined
    for (const { subject, upTo } of objects) this.#going.set(subject, upTo)
    this.#last = this.#last.then((gone) => gone && this.#carryOut(objects))
    return this.#last
  }

  /** Up to where messages of a subject are forgotten though they may still lie there. */
  forgottenUpTo(subject: string): number {
    return this.#going.get(subject) ?? 0
  }

  async #carryOut(objects: readonly { readonly subject: string; readonly upTo: number }[]): Promise<boolean> {
    // The last is the yard's own, when that is among them: so it waits for the others.
    const waiting = objects.slice(0, -1)
    const last = objects.at(-1)
    const worker = async (): Promise<boolean> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
        if (!(await this.#carryOutOne(next))) return false
      return true
    }
    const done = await Promise.all(Array.from({ length: AT_ONCE }, worker))
    return done.every(Boolean) && (last === undefined || (await this.#carryOutOne(last)))
  }

  async #carryOutOne({
    subject,
    upTo,
  }: {
    readonly subject: string
    readonly upTo: number
  }): Promise<boolean> {
    const gone = await this.purge(subject, upTo)
    if (gone && this.#going.get(subject) === upTo) this.#going.delete(subject)
    return gone
  }
}

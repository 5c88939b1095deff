// Questions of whoever follows the journal: asked until there is an answer, through fail-overs and restarts.

import type { Answers, Questions } from "./answers.js"
import type { Channel } from "./channel.js"
import { ClientError, isClientError } from "./errors.js"
import { backOff, pause } from "./pause.js"
import { ask } from "./queries.js"

const ASK_MS = 10_000
/** How often `atLeast` is demanded. A stranger's message has a sequence too, which the host learns of late. */
const DEMANDS = 2

/**
 * The answer, or undefined when `ended` aborted meanwhile. Throws ClientError for what no repetition mends; tells the
 * rest as trouble.
 */
export async function askUntilAnswered<Name extends "events" | "status" | "get">(
  channel: Channel,
  name: Name,
  question: Questions[Name],
  atLeast: number,
  ended: AbortSignal,
): Promise<Answers[Name] | undefined> {
  for (let attempt = 0; !ended.aborted; attempt++) {
    const body = attempt < DEMANDS && atLeast > 0 ? { ...question, atLeast } : question
    try {
      return await ask(channel, name, body, { signal: ended, timeoutMs: ASK_MS })
    } catch (error) {
      if (ended.aborted) return undefined
      if (!isClientError(error) || !error.retryable) throw error
      channel.trouble(error)
      await pause(backOff(attempt, 100, 2_000), ended, true)
    }
  }
  return undefined
}

/** How often the journal may be found shorter than what was seen before it counts as such, and not as a late host. */
const SHORT_JOURNALS = 3

/** Notices a journal that was restored or lost its tail: what was seen may not hold any more. */
export class ShortJournal {
  #times = 0

  /** True while it ends before what was seen. Throws when that does not pass. */
  isShort(journal: number, seen: number): boolean {
    if (journal >= seen) {
      this.#times = 0
      return false
    }
    if (++this.#times < SHORT_JOURNALS) return true
    throw new ClientError(
      "conflict",
      "journal-shortened",
      `the journal ends at ${journal}, although ${seen} was seen: it was restored or lost its tail`,
      "read everything again: what was seen may not hold any more",
    )
  }
}

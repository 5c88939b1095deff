// Outcomes of the own commands: one subscription for the whole connection, and who waits for which id. A message that
// is no outcome, or whose id nobody waits for, is left alone.

import type { Msg } from "nats"
import { type Outcome, outcomeSchema } from "../machines/outcome.js"
import { outcomeSubject } from "../machines/subjects.js"

export type { Outcome } from "../machines/outcome.js"

type Settle = (outcome: Outcome) => void

export class Outcomes {
  readonly #waiting = new Map<string, Settle>()
  #unheard: Error | undefined

  constructor(private readonly trouble: (error: Error) => void) {}

  /** The subject to subscribe to. */
  static subject(yard: string, principal: string): string {
    return outcomeSubject(yard, principal, "*")
  }

  /** Why outcomes cannot be heard at all: the server does not permit the subscription. */
  get unheard(): Error | undefined {
    return this.#unheard
  }

  refused(error: Error): void {
    this.#unheard = error
    this.trouble(error)
  }

  /** Calls once when the outcome of this command comes. */
  expect(commandId: string, settle: Settle): void {
    this.#waiting.set(commandId, settle)
  }

  forget(commandId: string): void {
    this.#waiting.delete(commandId)
  }

  receive(message: Msg): void {
    const commandId = message.subject.slice(message.subject.lastIndexOf(".") + 1)
    const settle = this.#waiting.get(commandId)
    if (settle === undefined) return
    const outcome = parseOutcome(message)
    if (outcome instanceof Error) {
      // It stays awaited: the command is published again, and then perhaps answered in words that are understood.
      this.trouble(outcome)
      return
    }
    this.#waiting.delete(commandId)
    settle(outcome)
  }
}

function parseOutcome(message: Msg): Outcome | Error {
  let body: unknown
  try {
    body = message.json()
  } catch (cause) {
    return new Error(`an outcome on ${message.subject} is not JSON`, { cause })
  }
  const parsed = outcomeSchema.safeParse(body)
  return parsed.success
    ? parsed.data
    : new Error(`an outcome on ${message.subject} does not parse`, { cause: parsed.error })
}

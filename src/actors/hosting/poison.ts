// Commands on which a term failed: their record was decided, and the yard could not take it in or the server would not
// store it. The next term must not fail on them again. A command of a client is known by its sequence. An internal one
// is known by its words too: what is due is sent again after every reload, and a timer fires again, each time as a new
// command. In the next process it is tried again: once, if nothing has changed.

import type { Rejection } from "../../machines/rejection.js"
import type { CommandMessage } from "../log/log.js"

/** The oldest are forgotten: then they fail once more. */
const REMEMBERED = 1_000

export interface Poisoned {
  readonly command: number
  /** See `wordsOf`. */
  readonly words: string | undefined
  readonly rejection: Rejection
}

export class Poison {
  readonly #commands = new Map<number, Rejection>()
  readonly #words = new Map<string, Rejection>()

  add({ command, words, rejection }: Poisoned): void {
    remember(this.#commands, command, rejection)
    if (words !== undefined) remember(this.#words, words, rejection)
  }

  /** Why a command must not be decided again; undefined for nearly all. */
  of(message: CommandMessage): Rejection | undefined {
    if (this.#commands.size === 0) return undefined
    const words = wordsOf(message)
    return this.#commands.get(message.seq) ?? (words === undefined ? undefined : this.#words.get(words))
  }
}

/** What an internal command says, to whom; undefined for a client's. */
export function wordsOf({ subject, data }: CommandMessage): string | undefined {
  return subject.split(".")[2] === "internal" ? `${subject} ${new TextDecoder().decode(data)}` : undefined
}

function remember<Key>(map: Map<Key, Rejection>, key: Key, rejection: Rejection): void {
  map.set(key, rejection)
  const oldest = map.keys().next()
  if (map.size > REMEMBERED && oldest.done !== true) map.delete(oldest.value)
}

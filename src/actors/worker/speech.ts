// What a worker says to the yard, each word with an id of its own until its outcome is known. A word whose outcome does
// not come is said again under a new id: the yard accepts or refuses the same word any number of times, and the first
// outcome of any of its ids counts.

import type { JobOrder } from "../../machines/job.js"
import { type Outcome, outcomeSchema } from "../../machines/outcome.js"
import type { Cancellable, Clock } from "../hosting/clock.js"
import { COMMAND_ID_HEADER } from "../kernel/index.js"
import { LogError } from "../log/log.js"
import type { WorkLink } from "../log/work-link.js"

const encoder = new TextEncoder()
const decoder = new TextDecoder()
/** After a word that could not leave. */
const PAUSE_MS = 200

export interface Heard {
  readonly outcome: Outcome
  /** When the word was said that it is the outcome of, by the monotonic clock. */
  readonly saidAtMs: number
}

export interface How {
  /** It is said again after so long without an outcome, milliseconds. */
  readonly patienceMs: number
  /** It is given up then, by the monotonic clock. Default: never. */
  readonly untilMs?: number
  /** Giving it up at once. */
  readonly signal?: AbortSignal
}

export interface SpeechOptions {
  readonly link: WorkLink
  readonly clock: Clock
  readonly yard: string
  /** Unguessable, within `[A-Za-z0-9_-]{1,64}`. */
  readonly newId: () => string
}

export class Speech {
  readonly #options: SpeechOptions
  readonly #waiting = new Map<string, (outcome: Outcome) => void>()

  constructor(options: SpeechOptions) {
    this.#options = options
  }

  /** Hears the outcomes of workers of a blueprint type. Returns what ends it. */
  hear(type: string): () => void {
    const { link, yard } = this.#options
    return link.listen(`drydock.${yard}.outcome.worker-${type}.*`, (subject, data) => {
      const told = this.#waiting.get(subject.slice(subject.lastIndexOf(".") + 1))
      if (told === undefined) return
      const outcome = parsedOutcome(data)
      if (outcome !== undefined) told(outcome)
    })
  }

  /** Says it until its outcome is known. Undefined when it was given up before. Throws LogError `too-large`. */
  async say(
    about: Pick<JobOrder, "kind" | "id" | "type">,
    verb: string,
    body: object,
    how: How,
  ): Promise<Heard | undefined> {
    const { link, clock, yard, newId } = this.#options
    const subject = `drydock.${yard}.internal.${about.kind}.${about.id}.${verb}.worker-${about.type}`
    const data = encoder.encode(JSON.stringify(body))
    const ids = new Map<string, number>()
    let first: Heard | undefined
    let wake: () => void = () => {}
    const onAbort = () => wake()
    how.signal?.addEventListener("abort", onAbort, { once: true })
    const isOver = () =>
      first !== undefined ||
      how.signal?.aborted === true ||
      (how.untilMs !== undefined && clock.monotonicMs() >= how.untilMs)
    try {
      while (!isOver()) {
        const id = newId()
        const saidAtMs = clock.monotonicMs()
        ids.set(id, saidAtMs)
        this.#waiting.set(id, (outcome) => {
          first ??= { outcome, saidAtMs }
          wake()
        })
        const leftMs = (how.untilMs ?? Number.POSITIVE_INFINITY) - saidAtMs
        let timer: Cancellable | undefined
        const woken = new Promise<void>((resolve) => {
          wake = resolve
        })
        const pause = (ms: number) => {
          timer?.cancel()
          timer = clock.after(Math.min(ms, leftMs), () => wake())
        }
        pause(how.patienceMs)
        const sending = link.send(subject, data, { [COMMAND_ID_HEADER]: id }).catch((error: unknown) => {
          if (!(error instanceof LogError)) throw error
          if (error.fault === "too-large") throw error
          // Not in the queue, or nobody knows: said again soon, the outcome of this one counts all the same.
          pause(Math.min(PAUSE_MS, how.patienceMs))
        })
        await Promise.race([woken, sending.then(() => woken)])
        timer?.cancel()
      }
      return first
    } finally {
      how.signal?.removeEventListener("abort", onAbort)
      for (const id of ids.keys()) this.#waiting.delete(id)
    }
  }
}

function parsedOutcome(data: Uint8Array): Outcome | undefined {
  try {
    const parsed = outcomeSchema.safeParse(JSON.parse(decoder.decode(data)))
    return parsed.success ? parsed.data : undefined
  } catch {
    // Not from a host of ours: the word is said again, and its own outcome comes.
    return undefined
  }
}

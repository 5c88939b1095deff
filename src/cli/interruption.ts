// Ctrl-C and TERM as a signal that commands pass on. The second one ends the process at once: nobody has to wait for
// a clean end that does not come.

import { signalExit } from "./exit-codes.js"

export interface Interruption {
  /** Aborted at the first signal. */
  readonly signal: AbortSignal
  /** `SIGINT`, `SIGTERM` or `SIGHUP` when one came. */
  readonly by: () => string | undefined
  /** From now on signals do again what they do by default. */
  end(): void
}

export interface InterruptionOptions {
  /** Called at the first signal, for instance to say what happens now. */
  readonly first?: (name: string) => void
  /** Called before the process ends at the second. */
  readonly second?: () => void
}

/** npm passes on a Ctrl-C that the terminal has sent to everybody already: that is one, not two. */
const SAME_PRESS_MS = 150

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const

export function interruption(options: InterruptionOptions = {}): Interruption {
  const controller = new AbortController()
  let by: string | undefined
  let firstMs = 0
  const take = (name: NodeJS.Signals) => {
    if (by === name && performance.now() - firstMs < SAME_PRESS_MS) return
    if (by !== undefined) {
      options.second?.()
      process.exit(signalExit(name))
    }
    by = name
    firstMs = performance.now()
    options.first?.(name)
    controller.abort(new Interrupted(name))
  }
  for (const name of SIGNALS) process.on(name, take)
  return {
    signal: controller.signal,
    by: () => by,
    end: () => {
      for (const name of SIGNALS) process.off(name, take)
    },
  }
}

/** The reason of the aborted signal. */
export class Interrupted extends Error {
  override readonly name = "Interrupted"
  readonly exit: number
  constructor(readonly by: string) {
    super(`interrupted by ${by}`)
    this.exit = signalExit(by)
  }
}

/** Resolves when the signal is aborted; keeps the process alive until then. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  const alive = setInterval(() => {}, 1_000_000)
  return new Promise((resolve) =>
    signal.addEventListener(
      "abort",
      () => {
        clearInterval(alive)
        resolve()
      },
      { once: true },
    ),
  )
}

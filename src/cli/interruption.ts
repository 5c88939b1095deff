// Ctrl-C and TERM as a signal that commands pass on. The second one (or the third, for who has an answer to the second)
// ends the process at once: nobody has to wait for a clean end that does not come.

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
  /** Called at the second: `stay` leaves the end of the process to the third. */
  readonly second?: () => "stay" | "leave"
}

/** npm passes on a Ctrl-C that the terminal has sent to everybody already: that is one, not two. */
const SAME_PRESS_MS = 150

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const

export function interruption(options: InterruptionOptions = {}): Interruption {
  const controller = new AbortController()
  let by: string | undefined
  let lastMs = 0
  let taken = 0
  const take = (name: NodeJS.Signals) => {
    if (by === name && performance.now() - lastMs < SAME_PRESS_MS) return
    by ??= name
    lastMs = performance.now()
    taken++
    if (taken === 2 && options.second?.() === "stay") return
    if (taken > 1) process.exit(signalExit(name))
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

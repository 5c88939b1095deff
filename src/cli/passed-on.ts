// Signals of the caller while a program runs on a host: the first is the program's, the second ends it, the third
// leaves at once. Whoever presses Ctrl-C is told at once what the next one does: a program may ignore its interrupt.

import type { Running } from "../interfaces/index.js"
import { type Interruption, interruption } from "./interruption.js"
import type { Output } from "./output.js"

export interface PassedOn {
  readonly interruption: Interruption
  /** The program runs: from now on the signals are its own. One that came before stops it. */
  started(running: Running): void
  /** The program has ended. */
  ended(): void
}

export interface Says {
  /** A signal before the program runs. */
  readonly before: string
  /** What the second one does besides ending the program: ` and release the lease`. */
  readonly besides: string
  /** A signal after the program has ended. */
  readonly after: string
}

export function passOn(out: Output, says: Says): PassedOn {
  let running: Running | undefined
  let isOver = false
  const stop = interruption({
    first: (name) => {
      if (running === undefined) out.say(isOver ? says.after : says.before)
      else {
        const [what, again] =
          name === "SIGINT" ? ["the interrupt", "press Ctrl-C again to"] : [name, "a second one will"]
        out.say(`the program got ${what}; ${again} end it${says.besides}`)
        void running.kill(name)
      }
    },
    second: () => {
      if (running === undefined) return "leave"
      out.say("ending the program (once more leaves at once)")
      running.stop()
      return "stay"
    },
  })
  return {
    interruption: stop,
    started: (one) => {
      running = one
      if (stop.by() !== undefined) one.stop()
    },
    ended: () => {
      running = undefined
      isOver = true
    },
  }
}

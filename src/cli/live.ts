// What happens in the yard, as it happens. A person can read some twenty lines a second: what comes faster is counted.

import type { Drydock } from "../client/index.js"
import type { Output } from "./output.js"
import { count } from "./text.js"
import { transitionLine } from "./transition.js"

const LINES_PER_SECOND = 20

/** Shows every record until the signal. Rejects only with what the watch throws. */
export async function showLive(out: Output, yard: Drydock, signal: AbortSignal): Promise<void> {
  let shown = 0
  let folded = 0
  const tick = setInterval(() => {
    if (folded > 0)
      out.event({ event: "folded", records: folded }, () =>
        out.c.dim(`… and ${count(folded, "more record")} in this second`),
      )
    shown = 0
    folded = 0
  }, 1_000)
  try {
    for await (const { seq, record } of yard.watch({ signal })) {
      if (out.json) out.event({ event: "record", seq, record }, () => undefined)
      else if (shown < LINES_PER_SECOND) {
        shown++
        out.event(undefined, () => transitionLine(record, out.c))
      } else folded++
    }
  } finally {
    clearInterval(tick)
  }
}

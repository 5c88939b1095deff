// Every property that a run must have, by the name under which it is reported.

import type { Checker, History } from "../history.js"
import { noEventInvented, noOutcomeChanges, noOutcomeLost } from "./heard.js"
import { noGapInRevs, oneHolderPerSlot, oneRecordPerCommand, tokensGrow } from "./journal.js"
import { journalIsReplay, recoveredEqualsReplayed, restoredEqualsReplayed } from "./replay.js"
import {
  everyRequestEnds,
  nobodyWaitsBesideAFreeHost,
  noSharedHolds,
  noWakeUpLost,
  servedInOrder,
} from "./service.js"

export const checkers = {
  oneHolderPerSlot,
  noSharedHolds,
  everyRequestEnds,
  tokensGrow,
  servedInOrder,
  noWakeUpLost,
  nobodyWaitsBesideAFreeHost,
  noOutcomeLost,
  noOutcomeChanges,
  noEventInvented,
  oneRecordPerCommand,
  noGapInRevs,
  journalIsReplay,
  restoredEqualsReplayed,
  recoveredEqualsReplayed,
} as const satisfies { readonly [name: string]: Checker }
export type CheckerName = keyof typeof checkers

/**
 * What a second host that decides differently may break, and ours cannot mend: it lets somebody wait who was entitled;
 * it goes past commands, follow-ups among them, whose outcome is then told as what they would be now.
 */
export const BROKEN_BY_A_SECOND_HOST: readonly CheckerName[] = [
  "servedInOrder",
  "noWakeUpLost",
  "noOutcomeChanges",
]

const PROBLEMS_SHOWN = 5

/** `name: problem` for whatever does not hold; empty when all is well. */
export function check(history: History, except: readonly CheckerName[] = []): readonly string[] {
  return Object.entries(checkers).flatMap(([name, checker]) => {
    if (except.some((left) => left === name)) return []
    const problems = checker(history)
    const more =
      problems.length > PROBLEMS_SHOWN ? [`${name}: and ${problems.length - PROBLEMS_SHOWN} more`] : []
    return problems
      .slice(0, PROBLEMS_SHOWN)
      .map((problem) => `${name}: ${problem}`)
      .concat(more)
  })
}

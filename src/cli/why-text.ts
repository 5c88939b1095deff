// The answer of the query `why` for people: where the lease stands, what every blueprint says, who holds what, and
// what would help.

import type { WhyAnswer } from "../client/index.js"
import type { Colors } from "./output.js"
import { count, labelled, printable, relative } from "./text.js"
import { stateText } from "./transition.js"

const LABEL_WIDTH = 12

interface Known {
  readonly answer: WhyAnswer
  /** What workers do for it just now. */
  readonly work: readonly string[]
  /** Commands that would help. */
  readonly cures: readonly string[]
}

export function whyText({ answer, work, cures }: Known, c: Colors): string {
  const ahead = answer.ahead === 0 ? "" : `, ${count(answer.ahead, "lease")} ahead`
  const place = isNone(answer.position) ? "" : `   position ${answer.position}${ahead}`
  const part = (label: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [labelled(c.dim(label), lines.map(printable), LABEL_WIDTH)]
  return [
    `${c.bold(answer.id)}  ${stateText(answer.state, c)}${place}`,
    ...part("because", reasonOf(answer)),
    ...part(
      "blueprints",
      answer.considered.map(({ blueprint, code, message }) => `${blueprint}: ${message} (${code})`),
    ),
    ...part(
      "held by",
      answer.holders.map(
        ({ lease, by, resource, until }) => `${lease} of ${by} on ${resource}, ${endText(until)}`,
      ),
    ),
    ...part("work", work),
    ...part("would help", answer.unblock),
    ...part("do", cures),
  ].join("\n")
}

/** One line while waiting: `position 2 · every host is in use · ada_x7 of ada ends in 4 min`. */
export function waitingLine(answer: WhyAnswer): string {
  const [soonest] = answer.holders
  const parts = [
    ...(isNone(answer.position) ? [] : [`position ${answer.position}`]),
    ...reasonOf(answer),
    ...(soonest === undefined ? [] : [`${soonest.lease} of ${soonest.by}: ${endText(soonest.until)}`]),
  ]
  return printable(parts.join(" · "))
}

function reasonOf(answer: WhyAnswer): readonly string[] {
  const reason = answer.summary === "" ? (answer.waiting?.code ?? "") : answer.summary
  return reason === "" ? [] : [reason]
}

function endText(until: string | null): string {
  return until === null ? "no end set" : `ends ${relative(until)}`
}

function isNone(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

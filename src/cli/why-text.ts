// The answer of the query `why` for people: where the lease stands, what every blueprint says, who holds what, and
// what would help.

import { z } from "zod"
import type { WhyAnswer } from "../client/index.js"
import type { Colors } from "./output.js"
import { count, labelled, printable, relative } from "./text.js"
import { stateText } from "./transition.js"

/** Fields that newer hosts add; absent ones show nothing. */
const more = z.looseObject({
  summary: z.string().optional(),
  holders: z
    .array(
      z.looseObject({ lease: z.string(), by: z.string(), resource: z.string(), until: z.string().nullish() }),
    )
    .optional(),
})

const LABEL_WIDTH = 12

export function whyText(answer: WhyAnswer, c: Colors): string {
  const { summary, holders } = more.safeParse(answer).data ?? {}
  const place =
    answer.position === null || answer.position === undefined ? "" : `   position ${answer.position}`
  const part = (label: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [labelled(c.dim(label), lines.map(printable), LABEL_WIDTH)]
  return [
    `${c.bold(answer.id)}  ${stateText(answer.state, c)}${place}${aheadText(answer.ahead)}`,
    ...part(
      "because",
      [summary ?? answer.waiting?.code ?? ""].filter((line) => line !== ""),
    ),
    ...part(
      "blueprints",
      answer.considered.map(({ blueprint, code, message }) => `${blueprint}: ${message} (${code})`),
    ),
    ...part(
      "held by",
      (holders ?? []).map(
        ({ lease, by, resource, until }) => `${lease} of ${by} on ${resource}, ${endText(until)}`,
      ),
    ),
    ...part("would help", answer.unblock),
  ].join("\n")
}

/** One line while waiting: `position 2 · every host is in use · ada_x7 ends in 4 min`. */
export function waitingLine(answer: WhyAnswer): string {
  const { summary, holders } = more.safeParse(answer).data ?? {}
  const [soonest] = holders ?? []
  const parts = [
    answer.position === null || answer.position === undefined ? "" : `position ${answer.position}`,
    summary ?? answer.waiting?.code ?? "",
    soonest === undefined ? "" : `${soonest.lease} of ${soonest.by}: ${endText(soonest.until)}`,
  ]
  return printable(parts.filter((part) => part !== "").join(" · "))
}

function endText(until: string | null | undefined): string {
  return until === null || until === undefined ? "no end set" : `ends ${relative(until)}`
}

function aheadText(ahead: WhyAnswer["ahead"]): string {
  if (ahead === null || ahead === undefined) return ""
  const number = typeof ahead === "number" ? ahead : ahead.length
  return number === 0 ? "" : `, ${count(number, "lease")} ahead`
}

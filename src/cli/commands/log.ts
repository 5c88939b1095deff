// `log`: what happened, one line each.

import { type Drydock, LOG_TYPES, type LogEntry } from "../../client/index.js"
import { isKind } from "../../machines/names.js"
import type { Call } from "../call.js"
import { CliError } from "../failure.js"
import { findActor, unknownActor } from "../find.js"
import { type Actor, momentOf, numberOf } from "../input.js"
import { interruption } from "../interruption.js"
import type { Colors } from "../output.js"
import { clockTime, nearest, padEnd, printable } from "../text.js"
import { withYard } from "../yard.js"

const MOST = 100_000

export async function log(call: Call): Promise<number> {
  const target = call.operand(0)
  const types = typesOf(call.list("type"))
  const since = momentOf("since", call.text("since"))
  const until = momentOf("until", call.text("until"))
  if (since !== undefined && until !== undefined && since >= until)
    throw new CliError("usage", "--since is not before --until, so nothing can lie between them")
  const limit = numberOf("limit", call.text("limit"), 0, MOST)
  const follow = call.flag("follow")
  const { out } = call
  return withYard(call, async (yard) => {
    const what = await targetOf(yard, target)
    const stop = interruption()
    let shown = 0
    const options = { ...what, since, until, types, limit, follow, signal: stop.signal }
    try {
      for await (const entry of yard.log(options)) {
        shown++
        const { record: _, ...plain } = entry
        out.event(plain, () => lineOf(entry, out.c))
      }
    } finally {
      stop.end()
    }
    if (shown > 0 || follow) return 0
    const { kind, id } = what
    if (kind !== undefined && id !== undefined && (await yard.get(kind, id)) === undefined)
      throw await unknownActor(yard, { kind, id })
    out.say(`nothing of this is in the log${target === "" ? "" : ` of ${target}`}`)
    return 0
  })
}

function lineOf({ at, kind, id, type, text, by }: LogEntry, c: Colors): string {
  const actor = padEnd(`${kind}/${id}`, 24)
  // Whoever matters stands in the text; workers and the yard's own are worth a word when it does not.
  const who = text.includes(by) ? "" : c.dim(`  (${by})`)
  return `${c.dim(timeText(at))}  ${actor}  ${paint(type, c)}  ${printable(text)}${who}`
}

/** With its day, unless that is today. */
function timeText(at: string): string {
  const date = new Date(at)
  if (date.toDateString() === new Date().toDateString()) return clockTime(at)
  const two = (value: number) => String(value).padStart(2, "0")
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockTime(at)}`
}

function paint(type: string, c: Colors): string {
  const word = padEnd(type, 33)
  if (/failure|quarantined|suspended|lost|no-blueprints/.test(type)) return c.red(word)
  if (/yield|waiting|reacquire|paused|strike|warning|requested|no-auth/.test(type)) return c.yellow(word)
  return word
}

/** A kind, an object, or by its bare id the object that is meant. */
async function targetOf(yard: Drydock, target: string): Promise<Partial<Actor>> {
  if (target === "") return {}
  const singular = target.endsWith("s") ? target.slice(0, -1) : target
  return isKind(singular) ? { kind: singular } : await findActor(yard, target)
}

/** Types by name or by their beginning; the ancestor's names begin with `core.`. */
function typesOf(words: readonly string[]): readonly string[] | undefined {
  if (words.length === 0) return undefined
  return words.flatMap((word) => {
    const bare = word.replace(/^core\./, "").replace(/^lease\.reclaim$/, "lease.waiting-for-reclamation")
    const found = LOG_TYPES.includes(bare) ? [bare] : LOG_TYPES.filter((type) => type.startsWith(bare))
    if (found.length > 0) return found
    const close = nearest(bare, LOG_TYPES)
    throw new CliError("usage", `the log has no type ${JSON.stringify(word.slice(0, 60))}`, {
      why: [close.length > 0 ? `close to it: ${close.join(", ")}` : "docs/log.md lists all types"],
      cures: [`drydock log --type ${close[0] ?? "lease.activated"}`],
    })
  })
}

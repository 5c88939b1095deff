// The yard itself: how long it remembers what has ended, and what that comes to.

import { parseDuration } from "../../machines/duration.js"
import { accepted, forEach } from "../bulk.js"
import type { Call } from "../call.js"
import { confirm } from "../confirm.js"
import { CliError } from "../failure.js"
import { durationOf } from "../input.js"
import { count, relative } from "../text.js"
import { lookAtYard, withYard } from "../yard.js"

export async function showYard(call: Call): Promise<number> {
  return lookAtYard(call, async (yard) => {
    const { retention, sweepAt, ended, count: due } = await yard.query("forgettable", {})
    const when = sweepAt === null || !call.out.isTerminal ? sweepAt : relative(sweepAt)
    call.out.document({ yard: yard.yard, retention, sweepAt, ended, due }, () =>
      [
        `yard       ${call.out.c.bold(yard.yard)}`,
        `retention  ${retention}: so long what has ended is remembered`,
        `ended      ${count(ended, "object")}, ${due} of them for longer than that`,
        `next look  ${when ?? "when a host has served it"}`,
      ].join("\n"),
    )
    return 0
  })
}

export async function configureYard(call: Call): Promise<number> {
  const retention = durationOf("retention", call.text("retention"))
  if (retention === undefined)
    throw new CliError("usage", "say what to change: --retention", {
      cures: ["drydock yard configure --retention 7d"],
    })
  return withYard(call, async (yard) => {
    const [now, then] = await Promise.all([
      yard.query("forgettable", {}),
      yard.query("forgettable", { retention }),
    ])
    const sooner = (parseDuration(retention) ?? 0) < (parseDuration(now.retention) ?? 0)
    const goes = `${count(then.count, "object")} that ended more than ${retention} ago`
    if (call.flag("dry-run")) {
      const document = { yard: yard.yard, retention, before: now.retention, forgets: then.count }
      call.out.document(document, () =>
        then.count === 0 ? "nothing would be forgotten now" : `${goes} would be forgotten now`,
      )
      return 0
    }
    if (sooner && then.count > 0)
      await confirm(call, `forget ${goes}`, ["their records and histories are gone for good"])
    return forEach(
      call,
      [yard.yard],
      async (id) => accepted("yard", await yard.command("yard", id, "configure", { retention })),
      ({ id }) => `yard/${id}  remembers what has ended for ${retention}`,
    )
  })
}

import type { StatusAnswer } from "../../client/index.js"
import type { Call } from "../call.js"
import type { Colors } from "../output.js"
import { spell } from "../text.js"
import { lookAtYard } from "../yard.js"

export async function status(call: Call): Promise<number> {
  return lookAtYard(call, async (yard) => {
    const answer = await yard.status()
    const { c } = call.out
    call.out.document({ server: yard.url, principal: yard.principal, ...answer }, () =>
      [
        `yard      ${c.bold(answer.yard)}  ${c.green("● served")}`,
        `server    ${yard.url}`,
        `host      ${answer.host}  ${answer.role}, up ${spell(answer.uptime * 1_000)}, version ${answer.version}`,
        `journal   ${answer.journal}`,
        `commands  decided up to ${answer.cursor}${answer.lag > 0 ? `, ${answer.lag} on the way to the disk` : ""}`,
        `you       ${yard.principal}`,
        ...objectLines(answer),
        ...attentionLines(answer, c),
      ].join("\n"),
    )
    return 0
  })
}

function objectLines({ counts }: StatusAnswer): readonly string[] {
  const shown = (["lease", "resource", "blueprint"] as const).flatMap((kind) => {
    const states = Object.entries(counts[kind] ?? {}).filter(([state]) => state !== "destroyed")
    if (states.length === 0) return []
    return [`${kind}s ${states.map(([state, number]) => `${number} ${state}`).join(", ")}`]
  })
  return shown.map((line, index) => `${index === 0 ? "objects   " : "          "}${line}`)
}

/** What somebody should look after, each with the command that shows it. */
function attentionLines({ attention }: StatusAnswer, c: Colors): readonly string[] {
  if (attention === undefined) return []
  const { quarantined, suspended, pausing, requested } = attention
  const lines = [
    ...(quarantined === 0
      ? []
      : [`${quarantined} quarantined   drydock ls resources --stuck; drydock ls leases --stuck`]),
    ...(suspended === 0 ? [] : [`${suspended} suspended   drydock blueprint ls --stuck`]),
    ...(pausing === 0 ? [] : [`${pausing} pausing after a failed build   drydock blueprint ls`]),
    ...(requested === 0
      ? []
      : [`${requested} asked to use a blueprint   drydock authorization ls --state requested`]),
  ]
  return lines.map((line, index) => `${index === 0 ? c.yellow("look at   ") : "          "}${line}`)
}

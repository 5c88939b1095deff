import type { Call } from "../call.js"
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
      ].join("\n"),
    )
    return 0
  })
}

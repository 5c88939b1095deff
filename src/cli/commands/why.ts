import type { Drydock, WhyAnswer } from "../../client/index.js"
import type { Call } from "../call.js"
import { idOf } from "../input.js"
import { whyText } from "../why-text.js"
import { lookAtYard } from "../yard.js"

export async function why(call: Call): Promise<number> {
  const given = call.operand(0)
  return lookAtYard(call, async (yard) => {
    const id = given === "" ? await newestWaiting(yard) : idOf(given, "lease")
    if (id === undefined) {
      call.out.document({ waiting: null }, () => `nothing of yours waits  (you are ${yard.principal})`)
      return 0
    }
    const answer: WhyAnswer = await yard.why(id)
    call.out.document(answer, () => whyText(answer, call.out.c))
    return 0
  })
}

async function newestWaiting(yard: Drydock): Promise<string | undefined> {
  let newest: { readonly id: string; readonly order: number } | undefined
  for await (const { id, context } of yard.each("lease", { state: "pending" }))
    if (context.by === yard.principal && context.order > (newest?.order ?? -1))
      newest = { id, order: context.order }
  return newest?.id
}

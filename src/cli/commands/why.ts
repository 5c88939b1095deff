import type { Drydock, LeaseRecord, WhyAnswer } from "../../client/index.js"
import type { Call } from "../call.js"
import { idOf } from "../input.js"
import { jobLines, quarantineLines } from "../job-text.js"
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
    const [answer, record] = await Promise.all([yard.why(id), yard.get("lease", id)])
    const known = { answer, work: await workOf(yard, record), cures: curesOf(answer, record) }
    call.out.document({ ...answer, work: known.work, do: known.cures }, () => whyText(known, call.out.c))
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

/** What workers do for it, or for the resource that is built for it, and what is stuck. */
async function workOf(yard: Drydock, lease: LeaseRecord | undefined): Promise<readonly string[]> {
  if (lease === undefined) return []
  const { build, job, quarantine } = lease.context
  if (job !== null || quarantine !== null)
    return [...jobLines(lease.context), ...quarantineLines(lease.context)]
  const resource = build === null ? undefined : await yard.get("resource", build.resource)
  return resource === undefined ? [] : jobLines(resource.context)
}

/** Commands that do what would help. */
function curesOf(answer: WhyAnswer, lease: LeaseRecord | undefined): readonly string[] {
  const ofBlueprints = answer.considered.flatMap(({ blueprint, code }) => {
    if (code === "unauthorized" || code === "declined")
      return [`drydock authorization approve ${blueprint} ${lease?.context.by ?? "PRINCIPAL"}`]
    if (code === "disabled" || code === "suspended") return [`drydock blueprint enable ${blueprint}`]
    return code === "pausing" ? [`drydock log blueprint/${blueprint}`] : []
  })
  const reclaims = answer.unblock.flatMap((cure) => {
    const resource = /^reclaim resource ([\w-]+)/.exec(cure)?.[1]
    return resource === undefined ? [] : [`drydock resource reclaim ${resource}`]
  })
  const isStuck = lease !== undefined && lease.context.quarantine !== null
  const stuck = isStuck ? [`drydock retry lease/${answer.id}`, `drydock abandon lease/${answer.id}`] : []
  return [...ofBlueprints, ...reclaims, ...stuck]
}

// `drain`: what is held is finished, nothing new is given. A blueprint is disabled first, so that it builds nothing
// while its resources end.

import type { Drydock, YardRecord } from "../../client/index.js"
import { accepted, forEach } from "../bulk.js"
import type { Call } from "../call.js"
import { confirm } from "../confirm.js"
import { CliError } from "../failure.js"
import { findActor } from "../find.js"
import { count } from "../text.js"
import { stateText } from "../transition.js"
import { withYard } from "../yard.js"

export async function drain(call: Call): Promise<number> {
  const reason = call.text("reason")
  return withYard(call, async (yard) => {
    const actors = await Promise.all(call.operands.map((text) => findActor(yard, text)))
    const blueprints = idsOf(actors, "blueprint")
    const resources = idsOf(actors, "resource")
    const stray = actors.find(({ kind }) => kind !== "blueprint" && kind !== "resource")
    if (stray !== undefined)
      throw new CliError(
        "usage",
        `${stray.kind}/${stray.id} cannot be drained: resources and blueprints can`,
        {
          cures: stray.kind === "lease" ? [`drydock release ${stray.id}`] : ["drydock drain resource/ID"],
        },
      )

    if (blueprints.length > 0) await sayWhat(call, yard, blueprints)
    const disabled = new Map<string, YardRecord>()
    for (const id of blueprints)
      disabled.set(
        `blueprint/${id}`,
        await accepted("blueprint", await yard.command("blueprint", id, "disable")),
      )
    const theirs = (await Promise.all(blueprints.map((id) => living(yard, id)))).flat()
    const names = [...disabled.keys(), ...new Set([...resources, ...theirs].map((id) => `resource/${id}`))]
    return forEach(
      call,
      names,
      async (name) => disabled.get(name) ?? (await yard.drain(name.slice("resource/".length), { reason })),
      (record, name) => `${name}  ${stateText(record.to, call.out.c)}${drainingText(record)}`,
    )
  })
}

/** What is to happen to whole blueprints, before it does. */
async function sayWhat(call: Call, yard: Drydock, blueprints: readonly string[]): Promise<void> {
  const lines: string[] = []
  let all = 0
  for (const id of blueprints) {
    const resources = await living(yard, id)
    all += resources.length
    lines.push(
      `blueprint ${id} gives nothing new; ${count(resources.length, "resource")} of it end after their last lease`,
    )
  }
  if (all > 0)
    await confirm(call, `disable ${blueprints.join(", ")} and drain ${count(all, "resource")}`, lines)
}

async function living(yard: Drydock, blueprint: string): Promise<readonly string[]> {
  const ids: string[] = []
  for (const state of ["pending", "active"])
    for await (const { id } of yard.each("resource", { state, blueprint, limit: 1_000 })) ids.push(id)
  return ids
}

function drainingText(record: YardRecord): string {
  return record.kind === "resource" && record.context.draining ? "  ends after its last lease" : ""
}

function idsOf(
  actors: readonly { readonly kind: string; readonly id: string }[],
  kind: "blueprint" | "resource",
): readonly string[] {
  return [...new Set(actors.flatMap((one) => (one.kind === kind ? [one.id] : [])))]
}

// Who may use a blueprint: what was asked and decided, and deciding it.

import type { Drydock } from "../../client/index.js"
import type { Authorization } from "../../machines/blueprint.js"
import { PRINCIPAL_OR_BLUEPRINT } from "../../machines/names.js"
import { forEach } from "../bulk.js"
import type { Call } from "../call.js"
import { accessText } from "../facts.js"
import { CliError } from "../failure.js"
import { unknownActor } from "../find.js"
import { idOf } from "../input.js"
import type { Action } from "../spec.js"
import { printable, relative } from "../text.js"
import { lookAtYard, withYard } from "../yard.js"

interface Row extends Authorization {
  readonly blueprint: string
  readonly principal: string
}

export async function authorizations(call: Call): Promise<number> {
  const given = call.text("blueprint")
  const blueprint = given === undefined ? undefined : idOf(given, "blueprint")
  const state = call.text("state")
  return lookAtYard(call, async (yard) => {
    const items = (await decisions(yard, blueprint)).filter(
      (one) => state === undefined || one.state === state,
    )
    const when = (time: string | null) => (call.out.isTerminal ? relative(time) : (time ?? "-"))
    call.out.document({ items }, () =>
      items.length === 0
        ? ""
        : call.out.table(
            ["BLUEPRINT", "PRINCIPAL", "STATE", "SINCE", "BY", "ASKED"].map((head) => ({ head })),
            items.map((one) => [
              one.blueprint,
              one.principal,
              one.state,
              when(one.at),
              one.state === "requested" ? "-" : one.by,
              when(one.requestedAt ?? null),
            ]),
          ),
    )
    if (items.length === 0)
      call.out.say(
        printable(`nobody ${state === "requested" ? "waits for an answer" : `is ${state ?? "on record"}`}`),
      )
    return 0
  })
}

async function decisions(yard: Drydock, blueprint: string | undefined): Promise<readonly Row[]> {
  const rows: Row[] = []
  const add = (id: string, all: { readonly [principal: string]: Authorization }) => {
    for (const [principal, one] of Object.entries(all)) rows.push({ blueprint: id, principal, ...one })
  }
  if (blueprint === undefined) {
    for await (const { id, context } of yard.each("blueprint", { limit: 1_000 }))
      add(id, context.authorizations)
    return rows
  }
  const record = await yard.get("blueprint", blueprint)
  if (record === undefined) throw await unknownActor(yard, { kind: "blueprint", id: blueprint })
  add(blueprint, record.context.authorizations)
  return rows
}

export function decide(verb: "approve" | "decline"): Action {
  return (call) => {
    const id = idOf(call.operand(0), "blueprint")
    const principals = [...new Set(call.operands.slice(1))]
    for (const principal of principals) checkPrincipal(principal)
    return withYard(call, async (yard) => {
      const record = await yard.get("blueprint", id)
      if (record === undefined) throw await unknownActor(yard, { kind: "blueprint", id })
      const exit = await forEach(
        call,
        principals,
        (principal) => (verb === "approve" ? yard.authorize(id, principal) : yard.decline(id, principal)),
        (_, principal) =>
          `blueprint/${id}  ${principal} ${verb === "approve" ? "may use it" : "may not use it"}`,
      )
      const strangers = principals.filter((one) => !Object.hasOwn(record.context.authorizations, one))
      if (strangers.length > 0)
        call.out.say(`${strangers.join(", ")} had not asked: it counts from now on all the same`)
      if (verb === "approve" && record.context.terms.access !== "approval")
        call.out.say(`blueprint ${id} is open to ${accessText(record.context.terms)} in any case`)
      return exit
    })
  }
}

function checkPrincipal(principal: string): void {
  if (PRINCIPAL_OR_BLUEPRINT.test(principal)) return
  throw new CliError("invalid-id", `not a principal: ${JSON.stringify(principal.slice(0, 40))}`, {
    why: ["a principal has letters, digits and hyphens, at most 32; a blueprint is written blueprint/ID"],
  })
}

// One step of a plan: done, and shown.

import type { Drydock } from "../../client/index.js"
import { accepted } from "../bulk.js"
import type { Colors } from "../output.js"
import { changeText, type Step } from "./plan.js"

/** Throws RejectedError when the yard refuses it. */
export async function applyStep(yard: Drydock, step: Step): Promise<void> {
  const { wanted, verb } = step
  if (verb === undefined) return
  await accepted(wanted.kind, await yard.command(wanted.kind, wanted.id, verb, wanted.body))
}

/** `+ device/h1  created`, `~ service/pool  changed` with its differences below, `= network/lab  unchanged`. */
export function changeLines(step: Step, isDry: boolean, c: Colors): readonly string[] {
  const would = isDry ? "would be " : ""
  const name = `${step.wanted.kind}/${step.wanted.id}`
  switch (step.action) {
    case "create":
      return [`${c.green("+")} ${name}  ${would}created`]
    case "restore":
      return [`${c.green("+")} ${name}  ${would}brought back`]
    case "change":
      return [
        `${c.yellow("~")} ${name}  ${would}changed`,
        ...step.changes.map((change) => `    ${changeText(change)}`),
      ]
    case "unchanged":
      return [c.dim(`= ${name}  unchanged`)]
    case "refuse":
      return [`${c.red("!")} ${name}  ${step.refusal ?? "cannot be changed so"}`]
  }
}

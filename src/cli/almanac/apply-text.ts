// What became of every object of `apply`: for people, for programs, and as the error at the end.

import { CliError, type Failure } from "../failure.js"
import type { Colors } from "../output.js"
import { failureJson } from "../output.js"
import { count } from "../text.js"
import type { Result } from "./perform.js"
import type { Step } from "./plan.js"
import { changeLines } from "./steps.js"

const SHOWN = 20

export function resultLines(result: Result, isDry: boolean, c: Colors): readonly string[] {
  const name = `${result.step.wanted.kind}/${result.step.wanted.id}`
  switch (result.became) {
    case "applied":
    case "unchanged":
      return changeLines(result.step, isDry, c)
    case "refused":
      return [`${c.red("!")} ${name}  refused: ${bare(name, result.failure)}`]
    case "unknown":
      return [`${c.red("?")} ${name}  not known whether it was done: ${bare(name, result.failure)}`]
    case "skipped":
      return [`${c.yellow("-")} ${name}  skipped: ${result.because}`]
  }
}

export function itemJson(result: Result): object {
  const { wanted, action, changes } = result.step
  const item = {
    kind: wanted.kind,
    id: wanted.id,
    where: wanted.where,
    action,
    changes,
    result: result.became,
  }
  if (result.became === "skipped") return { ...item, because: result.because }
  return "failure" in result ? { ...item, error: failureJson(result.failure) } : item
}

export function tally(results: readonly Result[]) {
  const became = (what: Result["became"]) => results.filter((one) => one.became === what)
  const applied = (...actions: readonly Step["action"][]) =>
    became("applied").filter(({ step }) => actions.includes(step.action)).length
  return {
    created: applied("create", "restore"),
    changed: applied("change"),
    unchanged: became("unchanged").length,
    refused: became("refused").length,
    unknown: became("unknown").length,
    skipped: became("skipped").length,
  }
}

export function summaryLine(results: readonly Result[], isDry: boolean): string {
  const { created, changed, unchanged, ...failed } = tally(results)
  const would = isDry ? "would be " : ""
  const rest = Object.entries(failed).flatMap(([what, number]) => (number === 0 ? [] : [`${number} ${what}`]))
  return [`${created} ${would}created`, `${changed} ${would}changed`, `${unchanged} unchanged`, ...rest].join(
    ", ",
  )
}

/** undefined when everything is as the files say. Its exit code is that of the first that failed. */
export function applyError(results: readonly Result[]): CliError | undefined {
  const missed = results.flatMap((one) =>
    one.became === "applied" || one.became === "unchanged" ? [] : [one],
  )
  if (missed.length === 0) return undefined
  const failures = missed.flatMap((one): readonly Failure[] => ("failure" in one ? [one.failure] : []))
  const why = missed.map((one) => {
    const { where, kind, id } = one.step.wanted
    const reason =
      "failure" in one
        ? `${one.failure.code}: ${bare(`${kind}/${id}`, one.failure)}`
        : `skipped: ${one.because}`
    return `${where}  ${kind}/${id}: ${reason}`
  })
  const applied = results.filter(({ became }) => became === "applied").length
  return new CliError(
    "partly-applied",
    `${missed.length} of ${count(results.length, "object")} ${missed.length === 1 ? "was" : "were"} not applied; ${applied === 0 ? "nothing was" : `${applied} ${applied === 1 ? "was" : "were"}`}`,
    {
      why: [...why.slice(0, SHOWN), ...(why.length > SHOWN ? [`… and ${why.length - SHOWN} more`] : [])],
      cures: ["correct these and run it again: what is applied already is left alone"],
      ...(failures[0] === undefined ? {} : { exit: failures[0].exit }),
    },
  )
}

/** Its message, without the name that stands before it already. */
function bare(name: string, { message }: Failure): string {
  return message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message
}

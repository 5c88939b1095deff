import type { Drydock } from "../../client/index.js"
import { planStep, type Step } from "../almanac/plan.js"
import { applyStep, changeLines } from "../almanac/steps.js"
import { readWanted, type Wanted } from "../almanac/wanted.js"
import { installedPolicies } from "../blueprint-types.js"
import type { Call } from "../call.js"
import { CliError } from "../failure.js"
import { readText } from "../input.js"
import { count } from "../text.js"
import { withYard } from "../yard.js"

const AT_ONCE = 32

export async function apply(call: Call): Promise<number> {
  const wanted = await read(call.operands)
  const isDry = call.flag("dry-run")
  return withYard(call, async (yard) => {
    const progress = call.out.progress(`comparing ${count(wanted.length, "object")} with the yard`)
    const steps = await plan(yard, wanted)
    progress.done()
    refuseWhole(steps)
    if (!isDry) await perform(call, yard, steps)
    const { c } = call.out
    call.out.document({ dryRun: isDry, summary: tally(steps), items: steps.map(stepJson) }, () =>
      [...steps.flatMap((step) => changeLines(step, isDry, c)), summaryLine(steps, isDry)].join("\n"),
    )
    return 0
  })
}

/** All files as one. Throws CliError `invalid-file` that names every mistake of every file. */
async function read(paths: readonly string[]): Promise<readonly Wanted[]> {
  const files = await Promise.all(
    paths.map(async (path) => ({ name: path === "-" ? "stdin" : path, text: await readText(path) })),
  )
  const { wanted, mistakes } = readWanted(files, await installedPolicies())
  if (mistakes.length === 0) return wanted
  const shown = mistakes
    .slice(0, 50)
    .map(({ file, line, column, message }) => `${file}:${line}:${column}  ${message}`)
  const rest = mistakes.length - shown.length
  throw new CliError(
    "invalid-file",
    `${count(mistakes.length, "mistake")} in ${count(files.length, "file")}; nothing was applied`,
    {
      why: rest > 0 ? [...shown, `… and ${rest} more`] : shown,
      cures: ["correct these lines and run it again"],
    },
  )
}

async function plan(yard: Drydock, wanted: readonly Wanted[]): Promise<readonly Step[]> {
  const steps: Step[] = []
  for (let from = 0; from < wanted.length; from += AT_ONCE) {
    const some = wanted.slice(from, from + AT_ONCE)
    const records = await Promise.all(some.map(({ kind, id }) => yard.get(kind, id)))
    some.forEach((one, index) => {
      steps.push(planStep(one, records[index]))
    })
  }
  return steps
}

function refuseWhole(steps: readonly Step[]): void {
  const refused = steps.filter(({ action }) => action === "refuse")
  if (refused.length === 0) return
  throw new CliError(
    "not-allowed",
    `${count(refused.length, "object")} cannot be changed so; nothing was applied`,
    {
      why: refused.map(
        ({ wanted, refusal }) => `${wanted.where}  ${wanted.kind}/${wanted.id}: ${refusal ?? ""}`,
      ),
      cures: ["choose other ids in the file"],
    },
  )
}

/** Kind after kind, because a service names devices and a blueprint names services. */
async function perform(call: Call, yard: Drydock, steps: readonly Step[]): Promise<void> {
  const due = steps.filter(({ verb }) => verb !== undefined)
  const progress = call.out.progress(`applying 0 of ${due.length}`)
  let done = 0
  try {
    for (const kind of ["network", "device", "service", "blueprint"]) {
      const ofKind = due.filter(({ wanted }) => wanted.kind === kind)
      for (let from = 0; from < ofKind.length; from += AT_ONCE) {
        await Promise.all(ofKind.slice(from, from + AT_ONCE).map((step) => applyStep(yard, step)))
        done += Math.min(AT_ONCE, ofKind.length - from)
        progress.update(`applying ${done} of ${due.length}`)
      }
    }
  } finally {
    progress.done()
  }
}

function tally(steps: readonly Step[]) {
  const of = (...actions: readonly Step["action"][]) =>
    steps.filter(({ action }) => actions.includes(action)).length
  return { created: of("create", "restore"), changed: of("change"), unchanged: of("unchanged") }
}

function summaryLine(steps: readonly Step[], isDry: boolean): string {
  const { created, changed, unchanged } = tally(steps)
  const would = isDry ? "would be " : ""
  return `${created} ${would}created, ${changed} ${would}changed, ${unchanged} unchanged`
}

function stepJson({ wanted, action, changes }: Step) {
  return { kind: wanted.kind, id: wanted.id, where: wanted.where, action, changes }
}

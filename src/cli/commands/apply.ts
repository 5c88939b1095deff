import type { Drydock, YardRecord } from "../../client/index.js"
import { applyError, itemJson, resultLines, summaryLine, tally } from "../almanac/apply-text.js"
import { perform, type Result } from "../almanac/perform.js"
import { planStep, type Step } from "../almanac/plan.js"
import { type Dangling, danglingIn, unknownToFiles } from "../almanac/references.js"
import { readWanted, type Wanted, type WantedKind } from "../almanac/wanted.js"
import { installedPolicies } from "../blueprint-types.js"
import type { Call } from "../call.js"
import { CliError, failureOf } from "../failure.js"
import { readText } from "../input.js"
import { Interrupted, interruption } from "../interruption.js"
import { failureJson, type Output } from "../output.js"
import { count } from "../text.js"
import { withYard } from "../yard.js"

const AT_ONCE = 32
const WARNINGS_SHOWN = 20

export async function apply(call: Call): Promise<number> {
  const wanted = await read(call.operands, call.list("blueprints"))
  const isDry = call.flag("dry-run")
  const { out } = call
  return withYard(call, async (yard) => {
    // 1. Everything that can be known before the first write.
    const progress = out.progress(`comparing ${count(wanted.length, "object")} with the yard`)
    const { steps, warnings } = await plan(yard, wanted).finally(() => progress.done())
    refuseWhole(steps)

    // 2. The writes.
    const stop = interruption({
      first: () => out.say("stopping after what is under way (Ctrl-C again leaves at once)"),
    })
    let results: readonly Result[]
    try {
      results = isDry ? wouldBe(steps) : await performed(out, yard, steps, stop.signal)
    } finally {
      stop.end()
    }

    // 3. What became of it, object by object.
    const error = applyError(results)
    out.document(
      {
        ...(error === undefined ? {} : { error: failureJson(failureOf(error)) }),
        dryRun: isDry,
        summary: tally(results),
        warnings,
        items: results.map(itemJson),
      },
      () =>
        [...results.flatMap((one) => resultLines(one, isDry, out.c)), summaryLine(results, isDry)].join("\n"),
    )
    warn(out, warnings)
    if (error === undefined) return 0
    out.failureNote(failureOf(error))
    return stop.signal.reason instanceof Interrupted ? stop.signal.reason.exit : error.exit
  })
}

/** All files as one. Throws CliError `invalid-file` that names every mistake of every file. */
async function read(paths: readonly string[], blueprints: readonly string[]): Promise<readonly Wanted[]> {
  const files = await Promise.all(
    [...new Set(paths)].map(async (path) => ({
      name: path === "-" ? "stdin" : path,
      text: await readText(path),
    })),
  )
  const { wanted, mistakes } = readWanted(files, await installedPolicies(blueprints))
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

interface Plan {
  readonly steps: readonly Step[]
  readonly warnings: readonly Dangling[]
}

async function plan(yard: Drydock, wanted: readonly Wanted[]): Promise<Plan> {
  const records = await recordsOf(yard, wanted)
  const others = await recordsOf(yard, unknownToFiles(wanted))
  return {
    steps: wanted.map((one) => planStep(one, records.get(`${one.kind}/${one.id}`))),
    warnings: danglingIn(wanted, others),
  }
}

async function recordsOf(
  yard: Drydock,
  objects: readonly { readonly kind: WantedKind; readonly id: string }[],
): Promise<ReadonlyMap<string, YardRecord>> {
  const records = new Map<string, YardRecord>()
  for (let from = 0; from < objects.length; from += AT_ONCE) {
    const some = objects.slice(from, from + AT_ONCE)
    await Promise.all(
      some.map(async ({ kind, id }) => {
        const record = await yard.get(kind, id)
        if (record !== undefined) records.set(`${kind}/${id}`, record)
      }),
    )
  }
  return records
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

function wouldBe(steps: readonly Step[]): readonly Result[] {
  return steps.map((step) => ({ step, became: step.verb === undefined ? "unchanged" : "applied" }))
}

async function performed(
  out: Output,
  yard: Drydock,
  steps: readonly Step[],
  signal: AbortSignal,
): Promise<readonly Result[]> {
  const progress = out.progress(`applying 0 of ${steps.length}`)
  const told = (done: number) => progress.update(`applying ${done} of ${steps.length}`)
  return await perform(yard, steps, { signal, progress: told }).finally(() => progress.done())
}

/** On stderr; under `--json` they stand in the document. */
function warn(out: Output, warnings: readonly Dangling[]): void {
  for (const { where, kind, id, message } of warnings.slice(0, WARNINGS_SHOWN))
    out.say(`${out.ce.yellow("warning")}  ${where}  ${kind}/${id}: ${message}`)
  if (warnings.length > WARNINGS_SHOWN)
    out.say(`… and ${count(warnings.length - WARNINGS_SHOWN, "warning")} more`)
  if (warnings.length > 0) out.say("What is missing gives no host until it is there.")
}

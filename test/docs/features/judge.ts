// What the check of docs/features.md has to say about a run of all tests, in lines for people.

import { check, type Ran } from "./check.js"
import { readPage, rowsOf } from "./page.js"

export interface Judgement {
  readonly holds: boolean
  readonly lines: readonly string[]
}

export async function judge(tests: readonly Ran[]): Promise<Judgement> {
  const rows = rowsOf(await readPage())
  const { problems, ran, skipped, unshown } = check(rows, tests)
  if (problems.length > 0)
    return { holds: false, lines: problems.map((problem) => `docs/features.md: ${problem}`) }
  const shown = rows.length - unshown.length
  const lines = [`docs/features.md: ${shown} of ${rows.length} rows are shown by ${ran} tests that ran.`]
  if (skipped.length > 0) lines.push(`Not run here: ${skipped.join(", ")}.`)
  if (unshown.length > 0) lines.push(`No test, but a reason: ${unshown.join(", ")}.`)
  return { holds: true, lines }
}

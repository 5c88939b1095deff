// `npm run features`: holds docs/features.md to what the last `npm test` ran. For CI, where a run of a part of the tests,
// or none, is an error.

import { readFile } from "node:fs/promises"
import { judge } from "./judge.js"
import { RESULTS, type Results } from "./results.js"

async function lastRun(): Promise<Results | undefined> {
  try {
    // Sound: our own reporter wrote it.
    return JSON.parse(await readFile(RESULTS, "utf8")) as Results
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
}

const results = await lastRun()
if (results?.whole !== true) {
  const why = results === undefined ? "no tests ran" : "only a part of the tests ran"
  console.error(`docs/features.md is not checked: ${why}. Run \`npm test\` without arguments first.`)
  process.exitCode = 1
} else {
  const { holds, lines } = await judge(results.tests)
  for (const line of lines) console.log(line)
  if (!holds) process.exitCode = 1
}

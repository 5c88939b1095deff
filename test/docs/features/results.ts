// A reporter of vitest: in a run of `npm test` it writes down which tests ran, and where all ran it holds docs/features.md
// to that, as a part of the same run. It is silent in other runs, so that whoever runs one file beside it neither
// replaces the list nor hears of it. (A script `posttest` would be left out: this repository's .npmrc says ignore-scripts.)

import { mkdir, rm, writeFile } from "node:fs/promises"
import { dirname, relative } from "node:path"
import { fileURLToPath } from "node:url"
import type { Reporter, TestModule, Vitest } from "vitest/node"
import type { Ran } from "./check.js"
import { judge } from "./judge.js"

const root = fileURLToPath(new URL("../../../", import.meta.url))
export const RESULTS = fileURLToPath(
  new URL("../../../node_modules/.cache/drydock/tests.json", import.meta.url),
)

export interface Results {
  /** False when a file, a name or a part was asked for: then most tests did not run. */
  readonly whole: boolean
  /** ISO time. */
  readonly endedAt: string
  readonly tests: readonly Ran[]
}

export default class ResultsReporter implements Reporter {
  readonly #isWanted = process.env.npm_lifecycle_event === "test"
  #vitest: Vitest | undefined

  async onInit(vitest: Vitest): Promise<void> {
    this.#vitest = vitest
    // What an earlier run left must never count for this one.
    if (this.#isWanted) await rm(RESULTS, { force: true })
  }

  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    if (!this.#isWanted) return
    const tests = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => ({
        file: relative(root, module.moduleId),
        name: test.fullName,
        // A test that is marked `fails` passes when it fails: it shows what is missing.
        state: test.options.fails === true ? ("expected to fail" as const) : test.result().state,
      })),
    )
    const whole = await this.#isWhole(modules)
    const results: Results = { whole, endedAt: new Date().toISOString(), tests }
    await mkdir(dirname(RESULTS), { recursive: true })
    await writeFile(RESULTS, JSON.stringify(results))
    if (!whole) return
    const { holds, lines } = await judge(tests)
    for (const line of lines) console.log(line)
    if (!holds) process.exitCode = 1
  }

  /** Whether every test file ran, and every test in it. */
  async #isWhole(modules: readonly TestModule[]): Promise<boolean> {
    if (this.#vitest === undefined) return false
    const { testNamePattern, tagsFilter } = this.#vitest.config
    const ran = new Set(modules.map(({ moduleId }) => moduleId))
    const all = await this.#vitest.globTestSpecifications()
    const asked = testNamePattern !== undefined || (tagsFilter ?? []).length > 0
    return !asked && all.every(({ moduleId }) => ran.has(moduleId))
  }
}

// Whether docs/features.md holds: every row is there, and every test that it names exists and ran. Pure: what ran comes in.

import { type NamedTest, REQUIRED, type Row, WITHOUT_A_TEST } from "./page.js"

export interface Ran {
  readonly file: string
  /** Describe blocks and test, joined by " > ". */
  readonly name: string
  readonly state: "passed" | "failed" | "skipped" | "pending" | "expected to fail"
}

export interface Verdict {
  /** What is wrong, a sentence each. Empty: the page holds. */
  readonly problems: readonly string[]
  /** Tests that the page names and that ran. */
  readonly ran: number
  /** Skipped for want of the package that the row names. */
  readonly skipped: readonly string[]
  /** Ids of rows that no test shows. */
  readonly unshown: readonly string[]
}

/** What is wrong with the rows themselves, whatever ran. */
export function checkRows(rows: readonly Row[]): readonly string[] {
  const ids = rows.map(({ id }) => id)
  return [
    ...REQUIRED.filter((id) => !ids.includes(id)).map((id) => `row ${id} is missing`),
    ...ids.filter((id) => !REQUIRED.includes(id)).map((id) => `row ${id} is none of the reference's`),
    ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `row ${id} stands twice`),
    ...rows.filter(({ what }) => what === "").map(({ id }) => `row ${id} does not say what it is`),
    ...rows
      .filter(({ tests, shownBy }) => tests.length === 0 && !saysWhy(shownBy))
      .map(({ id }) => `row ${id} names no test and no reason: begin with ${WITHOUT_A_TEST.join(" or ")}`),
    ...rows
      .filter(({ tests, shownBy }) => tests.length !== shownBy.split("test/").length - 1)
      .map(({ id }) => `row ${id} names a test that cannot be read: write \`test/….test.ts\` "full name"`),
  ]
}

function saysWhy(shownBy: string): boolean {
  return WITHOUT_A_TEST.some((word) => shownBy.startsWith(word)) && /: .{10,}\.$/.test(shownBy)
}

export function check(rows: readonly Row[], ran: readonly Ran[]): Verdict {
  const problems = [...checkRows(rows)]
  const skipped: string[] = []
  let count = 0
  for (const { id, tests } of rows) {
    for (const test of tests) {
      const found = ran.filter((one) => one.file === test.file && means(test, one.name))
      const passed = found.filter(({ state }) => state === "passed").length
      const failed = found.find(({ state }) => state !== "passed" && state !== "skipped")
      count += passed
      if (found.length === 0)
        problems.push(`row ${id}: ${test.file} has no test "${test.name}"${near(test, ran)}`)
      else if (failed !== undefined)
        problems.push(`row ${id}: ${test.file} "${failed.name}": ${failed.state}`)
      else if (passed > 0) continue
      else if (test.needs === null) problems.push(`row ${id}: ${test.file} "${test.name}" was skipped`)
      else skipped.push(`${id} (needs ${test.needs})`)
    }
  }
  const unshown = rows.filter(({ tests }) => tests.length === 0).map(({ id }) => id)
  return { problems, ran: count, skipped, unshown }
}

function means({ name }: NamedTest, full: string): boolean {
  const parts = name.split("…")
  const [first = ""] = parts
  if (parts.length === 1) return full === first
  const escaped = parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
  return new RegExp(`^${escaped.join(".+")}$`, "s").test(full)
}

/** The test that was probably meant: another describe block, or another file. */
function near({ file, name }: NamedTest, ran: readonly Ran[]): string {
  const last = name.split(" > ").at(-1) ?? name
  const other = ran.find((one) => one.name.endsWith(last)) ?? ran.find((one) => one.file === file)
  if (other === undefined) return ""
  return `; there is ${other.file} "${other.name}"`
}

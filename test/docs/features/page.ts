// docs/features.md as data: one row for each feature and defect of the ancestor, with the tests that show it.
//
//   | F01 | What it is | `test/contract/almanac.test.ts` "a blueprint > is created once" |
//
// A test is named by its file and its full name: describe blocks and test, joined by " > ". `…` stands for any text, for
// tests that run for several cases. `(needs openssh-server)` behind it allows that it is skipped where that is missing.
// A row without a test says in one sentence why, and begins with one of the words below.

import { readFile } from "node:fs/promises"

export const WITHOUT_A_TEST = ["Does not apply:", "Waits for issue", "Not yet:"] as const

export interface NamedTest {
  /** Path from the repository's root. */
  readonly file: string
  readonly name: string
  /** The Debian package without which it is skipped, or null. */
  readonly needs: string | null
}

export interface Row {
  readonly id: string
  readonly line: number
  readonly what: string
  readonly shownBy: string
  readonly tests: readonly NamedTest[]
}

const numbered = (letter: string, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => `${letter}${String(from + n).padStart(2, "0")}`)

/** Every row that the page must have. */
export const REQUIRED: readonly string[] = [
  ...numbered("F", 1, 99),
  ...numbered("F", 111, 114),
  ...numbered("K-", 1, 35),
  ...numbered("P-", 1, 10),
]

export async function readPage(): Promise<string> {
  return readFile(new URL("../../../docs/features.md", import.meta.url), "utf8")
}

export function rowsOf(page: string): readonly Row[] {
  return page.split("\n").flatMap((text, index) => {
    const [, id, rest] = /^\| ([FKP]-?\d+) \|(.*)\|\s*$/.exec(text) ?? []
    if (id === undefined || rest === undefined) return []
    const [what = "", ...cells] = rest.split(" | ")
    const shownBy = cells.join(" | ").trim()
    return [{ id, line: index + 1, what: what.trim(), shownBy, tests: testsIn(shownBy) }]
  })
}

function testsIn(shownBy: string): readonly NamedTest[] {
  const named = /`(test\/[^`]+\.test\.ts)` "([^"]+)"(?: \(needs ([a-z0-9.+-]+)\))?/g
  return [...shownBy.matchAll(named)].map(([, file = "", name = "", needs = null]) => ({ file, name, needs }))
}

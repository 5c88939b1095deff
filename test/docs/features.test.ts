// The page itself, and the check that CI makes of it when all tests have run.

import { access } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { check, checkRows, type Ran } from "./features/check.js"
import { REQUIRED, readPage, rowsOf } from "./features/page.js"

const rows = rowsOf(await readPage())

describe("docs/features.md", () => {
  it("has one row for every feature and every defect of the reference, each with its tests or a reason", () => {
    expect(checkRows(rows)).toEqual([])
  })

  it("names files that there are", async () => {
    for (const file of new Set(rows.flatMap(({ tests }) => tests.map((test) => test.file))))
      await access(new URL(`../../${file}`, import.meta.url))
  })
})

describe("the check after all tests have run", () => {
  const complete = REQUIRED.map((id) => `| ${id} | Something | Not yet: somebody has to write it. |`)
  const page = (...changed: string[]) =>
    rowsOf(
      complete.map((row) => changed.find((one) => one.slice(0, 6) === row.slice(0, 6)) ?? row).join("\n"),
    )
  const ran = (name: string, state: Ran["state"] = "passed"): Ran => ({ file: "test/a.test.ts", name, state })
  const names = (shownBy: string) => page(`| F01 | Something | ${shownBy} |`)
  const all = [
    ran("a > b"),
    ran("c of 1"),
    ran("c of 2", "skipped"),
    ran("d", "skipped"),
    ran("e", "failed"),
    ran("f", "expected to fail"),
  ]
  const problems = (shownBy: string) => check(names(shownBy), all).problems

  it("lets a page pass whose tests all ran", () => {
    const { problems, ran, unshown } = check(
      names('`test/a.test.ts` "a > b", `test/a.test.ts` "c of …"'),
      all,
    )
    expect(problems).toEqual([])
    expect(ran).toBe(2)
    expect(unshown).toEqual(REQUIRED.slice(1))
  })

  it("finds rows that are missing, stand twice, or are none of the reference's", () => {
    expect(check(rowsOf(complete.slice(1).join("\n")), all).problems).toEqual(["row F01 is missing"])
    expect(check(rowsOf([...complete, complete[4]].join("\n")), all).problems).toEqual([
      "row F05 stands twice",
    ])
    const [foreign = ""] = complete.map((row) => row.replace("F01", "F110"))
    expect(check(rowsOf([...complete, foreign].join("\n")), all).problems).toEqual([
      "row F110 is none of the reference's",
    ])
  })

  it.each(["", "Later.", "Not yet:", "test/a.test.ts", "`test/a.test.ts`"])(
    "finds a row that says only %j",
    (said) => {
      expect(problems(said)).not.toEqual([])
    },
  )

  it.each([
    [
      "does not exist",
      '`test/a.test.ts` "b"',
      'row F01: test/a.test.ts has no test "b"; there is test/a.test.ts "a > b"',
    ],
    [
      "stands in another file",
      '`test/b.test.ts` "a > b"',
      'row F01: test/b.test.ts has no test "a > b"; there is test/a.test.ts "a > b"',
    ],
    [
      "has another beginning",
      '`test/a.test.ts` "a > …c"',
      'row F01: test/a.test.ts has no test "a > …c"; there is test/a.test.ts "a > b"',
    ],
    ["was skipped", '`test/a.test.ts` "d"', 'row F01: test/a.test.ts "d" was skipped'],
    ["failed", '`test/a.test.ts` "e"', 'row F01: test/a.test.ts "e": failed'],
    ["is expected to fail", '`test/a.test.ts` "f"', 'row F01: test/a.test.ts "f": expected to fail'],
    [
      "is one of two and does not exist",
      '`test/a.test.ts` "a > b", `test/a.test.ts` "x"',
      'row F01: test/a.test.ts has no test "x"; there is test/a.test.ts "a > b"',
    ],
  ])("finds a test that %s", (_, said, problem) => {
    expect(problems(said)).toEqual([problem])
  })

  it("takes a skipped test where the row names the package that it needs, and says so", () => {
    const { problems, skipped } = check(names('`test/a.test.ts` "d" (needs openssh-server)'), all)
    expect(problems).toEqual([])
    expect(skipped).toEqual(["F01 (needs openssh-server)"])
  })
})

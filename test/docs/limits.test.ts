import { readFile } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { LIMITS } from "../../src/machines/limits.js"

const text = await readFile(new URL("../../docs/limits.md", import.meta.url), "utf8")
/** However the tables are laid out. */
const page = text.replaceAll(/ +\|/g, " |").replaceAll(/\| +/g, "| ")

/** Rows that begin with a name in code marks and a number. */
const rows = [...page.matchAll(/^\| `(\w+)` \| ([\d,]+) \| (.*) \| (.*) \|$/gm)].map(
  ([, name = "", value = "", meaning = "", consequence = ""]) => ({
    name,
    value: Number(value.replaceAll(",", "")),
    meaning,
    consequence,
  }),
)

describe("docs/limits.md", () => {
  it("names every limit with its value, and no other", () => {
    const onPage = Object.fromEntries(rows.map(({ name, value }) => [name, value]))
    expect(onPage).toEqual(LIMITS)
  })

  it("names each limit once", () => {
    expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(LIMITS).sort())
  })

  it("says what each limit means and what happens at it", () => {
    for (const { name, meaning, consequence } of rows) {
      expect(meaning, name).not.toBe("")
      expect(consequence, name).not.toBe("")
    }
  })
})

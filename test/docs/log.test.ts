// docs/log.md against the code: every type is on the page, and every one of the ancestor's 22 has its answer.

import { readFile } from "node:fs/promises"
import { expect, it } from "vitest"
import { LOG_TYPES, QUIET_LOG_TYPES } from "../../src/client/log/entries.js"
import { registry } from "../../src/machines/registry.js"

const page = await readFile(new URL("../../docs/log.md", import.meta.url), "utf8")
const [types = "", ancestors = ""] = page.split("\n## The ancestor's types\n")

/** The first cells of the rows, without their marks. */
function names(text: string): string[] {
  return [...text.matchAll(/^\| `([\w.-]+)` \|/gm)].map(([, name = ""]) => name)
}

it("docs/log.md lists every type of the log, and no other", () => {
  const onPage = names(types).flatMap((name) =>
    name.includes(".") ? [name] : [`lease.${name}`, `resource.${name}`],
  )
  expect(onPage.sort()).toEqual([...LOG_TYPES].sort())
})

it("docs/log.md says which types are quiet", () => {
  for (const type of QUIET_LOG_TYPES) {
    const [, name = ""] = type.split(/^(?:lease|resource)\.(?=job-)/)
    expect(types).toMatch(new RegExp(`\\| \`${name === "" ? type : name}\` \\| \\*quiet\\*`))
  }
})

it("docs/log.md answers for each of the ancestor's 22 types with types that there are", () => {
  expect(names(ancestors)).toHaveLength(22)
  expect(new Set(names(ancestors)).size).toBe(22)
  const answers = [...ancestors.matchAll(/`((?:lease|resource|blueprint)\.[\w.-]+)`/g)].map(
    ([, name]) => name,
  )
  for (const name of answers) expect(LOG_TYPES).toContain(name)
})

it("the verbs of the Almanac are types of their own", () => {
  for (const kind of ["device", "service", "network"] as const)
    for (const verb of Object.keys(registry[kind].bodies)) expect(LOG_TYPES).toContain(`${kind}.${verb}`)
})

// docs/interfaces.md is held to the code: its example runs, its table of errors is complete and right.

import { readFile } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import * as interfaces from "../../src/interfaces/index.js"

const page = await readFile(new URL("../../docs/interfaces.md", import.meta.url), "utf8")

describe("docs/interfaces.md", () => {
  it("has an example that runs and prints what it says", async () => {
    const code = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? ""
    const body = code.replace(/import (\{.*\}) from "drydock\/interfaces"/, "const $1 = interfaces")
    const promised = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)/g)].map(([, text]) => text)
    const printed: string[] = []
    const run = new Function("interfaces", "console", `return (async () => {${body}})()`)
    await run(interfaces, { log: (...values: unknown[]) => printed.push(values.join(" ")) })
    expect(printed).toEqual(promised)
    expect(promised).toHaveLength(3)
  })

  it("names every error with what it is", () => {
    const rows =
      page
        .split("## Errors")[1]
        ?.split("\n")
        .filter((line) => line.startsWith("| `")) ?? []
    const told = new Map(
      rows.flatMap((row) => {
        const [, codes = "", retryable = ""] = row.split("|")
        return [...codes.matchAll(/`([a-z-]+)`/g)].map(
          ([, code]) => [code, retryable.trim() === "yes"] as const,
        )
      }),
    )
    const real = interfaces.HOST_ERROR_CODES.map(
      (code) => [code, new interfaces.HostError(code, "", "").retryable] as const,
    )
    expect([...told].sort()).toEqual([...real].sort())
  })
})

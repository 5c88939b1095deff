import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { MARK, referencePage } from "./reference-page.js"

const PAGE = fileURLToPath(new URL("../../docs/cli.md", import.meta.url))

it("docs/cli.md says what the command table says", async () => {
  const [introduction = ""] = readFileSync(PAGE, "utf8").split(MARK)
  await expect(`${introduction}${referencePage()}`).toMatchFileSnapshot(PAGE)
})

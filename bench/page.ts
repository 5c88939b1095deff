// docs/performance.md: the part between the marks is written by `npm run bench -- --write`.

import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { ROOT } from "./place.js"

const PAGE = join(ROOT, "docs", "performance.md")
const BEGIN = "<!-- bench: written by npm run bench -- --write -->"
const END = "<!-- /bench -->"

export interface Tables {
  readonly machine: string
  readonly note: string
  readonly ratios: string
  readonly queue: string
}

/** Replaces the tables of the page. Throws when its marks are missing. */
export async function writeTables(tables: Tables): Promise<void> {
  const page = await readFile(PAGE, "utf8")
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`${PAGE} has no marks ${BEGIN} … ${END}`)
  const text = [
    BEGIN,
    `Machine: ${tables.machine}.`,
    tables.note,
    "Room for all:",
    tables.ratios,
    "64 exclusive hosts and a queue:",
    tables.queue,
    END,
  ].join("\n\n")
  await writeFile(PAGE, page.slice(0, begin) + text + page.slice(end + END.length))
}

// The generation of fencing tokens as the store folder knows it (rule 6): a second place beside the yard's own record,
// so that a journal which was lost or put back to an earlier state does not give out a token twice.

import { readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { DrydockError } from "../actors/error.js"

const FIRST = 1
const LAST = 8_191

export interface Generation {
  /** At least this one is used. */
  readonly known: number
  /** The yard's record knows a later one: keep it. */
  note(generation: number): Promise<void>
}

/** Reads it, or begins with 1. Throws DrydockError `bad-generation-file`. */
export async function generationIn(store: string, yard: string): Promise<Generation> {
  const file = join(store, `generation-${yard}`)
  let known = await read(file)
  const write = async (generation: number): Promise<void> => {
    known = generation
    await writeFile(`${file}.new`, `${generation}\n`)
    await rename(`${file}.new`, file)
  }
  if (known === undefined) await write(FIRST)
  return {
    get known() {
      return known ?? FIRST
    },
    async note(generation) {
      if (generation > (known ?? FIRST)) await write(generation)
    },
  }
}

async function read(file: string): Promise<number | undefined> {
  let text: string
  try {
    text = await readFile(file, "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
  const generation = Number(text)
  if (Number.isInteger(generation) && generation >= FIRST && generation <= LAST) return generation
  throw new DrydockError(
    "bad-generation-file",
    `${file} holds no generation of fencing tokens.`,
    `Write a number into it that is larger than any generation ever used here (${FIRST} to ${LAST}), or remove it.`,
  )
}

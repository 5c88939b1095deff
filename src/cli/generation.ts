// What the store folder knows of a yard beside its journal (rules 6 and 17): the generation of fencing tokens, and how
// far the journal of that generation was known to be stored. So a journal that was lost or put back to an earlier state
// does not give out a token twice: it is refused, and after an accepted loss tokens are of a higher generation.
//
// The file `generation-<yard>` holds both numbers, one a line. It may lag behind the journal, and never runs ahead.

import { readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { DrydockError } from "../actors/error.js"
import {
  type JournalMark,
  LAST_GENERATION,
  laterMark,
  NOTHING_KNOWN,
} from "../actors/hosting/journal-loss.js"

export interface Generation {
  readonly known: JournalMark
  /** Keeps what says more than what is known: the same generation further on, or a higher one. */
  note(mark: JournalMark): Promise<void>
}

/** Reads it, or begins with generation 1 and an empty journal. Throws DrydockError `bad-generation-file`. */
export async function generationIn(store: string, yard: string): Promise<Generation> {
  const found = await knownIn(store, yard)
  const file = fileOf(store, yard)
  let known = found ?? NOTHING_KNOWN
  let writing = Promise.resolve()
  const write = async (mark: JournalMark): Promise<void> => {
    await writeFile(`${file}.new`, `${mark.generation}\n${mark.journal}\n`)
    await rename(`${file}.new`, file)
  }
  if (found === undefined) await write(known)
  return {
    get known() {
      return known
    },
    async note(mark) {
      // One after the other: the file that is renamed has one name.
      const before = writing.catch(() => {})
      writing = before.then(async () => {
        const later = laterMark(known, mark)
        if (later.generation === known.generation && later.journal === known.journal) return
        await write(later)
        known = later
      })
      await writing
    },
  }
}

/** What the store knows, undefined when it never served this yard. Throws DrydockError `bad-generation-file`. */
export async function knownIn(store: string, yard: string): Promise<JournalMark | undefined> {
  const file = fileOf(store, yard)
  let text: string
  try {
    text = await readFile(file, "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
  // Before there was a mark of the journal the file had the first line only.
  const [generation = Number.NaN, journal = 0] = text.trim().split("\n").map(numberIn)
  const isGeneration = Number.isInteger(generation) && generation >= 1 && generation <= LAST_GENERATION
  if (isGeneration && Number.isSafeInteger(journal) && journal >= 0) return { generation, journal }
  throw new DrydockError(
    "bad-generation-file",
    `${file} holds no generation of fencing tokens.`,
    `Write a number into it that is larger than any generation ever used here (1 to ${LAST_GENERATION}), or remove it.`,
  )
}

function numberIn(line: string): number {
  return /^\d+$/.test(line.trim()) ? Number(line) : Number.NaN
}

function fileOf(store: string, yard: string): string {
  return join(store, `generation-${yard}`)
}

const NOTE_EVERY_MS = 5_000

/**
 * Notes what a host knows to be stored, every few seconds: the journal's path is too hot for it, and the last seconds
 * are found out otherwise (decision 006). `failed` hears of the first failure of a row. Returns what notes the last and
 * ends it; call that when the host has stopped.
 */
export function keepNoting(
  generation: Generation,
  host: { readonly mark: JournalMark },
  failed: (error: unknown) => void,
): () => Promise<void> {
  let failing = false
  const note = async () => {
    try {
      await generation.note(host.mark)
      failing = false
    } catch (error) {
      if (!failing) failed(error)
      failing = true
    }
  }
  const timer = setInterval(() => void note(), NOTE_EVERY_MS)
  timer.unref()
  void note()
  return async () => {
    clearInterval(timer)
    await note()
  }
}

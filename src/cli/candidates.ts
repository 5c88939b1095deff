// What may stand where the cursor is, from the command table alone. Live ids come in through `live`.

import type { CommandSpec, Completes, OptionSpec } from "./spec.js"
import { COMMANDS, optionsOf } from "./table/index.js"

export interface Candidate {
  readonly word: string
  readonly text?: string
}

export type Live = (what: Completes) => Promise<readonly Candidate[]>

/** Candidates for the last of `words` (it may be empty), in the order of the help. */
export async function candidates(words: readonly string[], live: Live): Promise<readonly Candidate[]> {
  const last = words.at(-1) ?? ""
  const before = words.slice(0, -1)
  const command = commandOf(before)
  if (command === undefined) return matching(nextWords(before), last)
  const rest = before.slice(command.name.split(" ").length)
  const dashes = rest.indexOf("--")
  if (dashes !== -1) return program(command, rest.length - dashes - 1)
  const option = awaited(command, rest)
  if (option !== undefined) return matching(await valuesOf(option.completes ?? option.choices, live), last)
  if (last.startsWith("-")) return matching(flagsOf(command, rest), last)
  return matching(await argumentValues(command, rest, live), last)
}

function commandOf(words: readonly string[]): CommandSpec | undefined {
  const [first = "", second = ""] = words
  return COMMANDS.find(({ name }) => name === first || name === `${first} ${second}`)
}

function nextWords(before: readonly string[]): readonly Candidate[] {
  const [noun] = before
  const visible = COMMANDS.filter(({ hidden }) => hidden !== true)
  if (noun === undefined) {
    const firsts = visible.map(({ name, summary }) =>
      name.includes(" ") ? { word: name.split(" ")[0] ?? "" } : { word: name, text: summary },
    )
    return firsts.filter(({ word }, at) => firsts.findIndex((other) => other.word === word) === at)
  }
  if (before.length > 1) return []
  return visible
    .filter(({ name }) => name.startsWith(`${noun} `))
    .map(({ name, summary }) => ({ word: name.slice(noun.length + 1), text: summary }))
}

function program(command: CommandSpec, index: number): readonly Candidate[] {
  const takesProgram = (command.arguments ?? []).some(({ completes }) => completes === "program")
  if (!takesProgram) return []
  return [{ word: index === 0 ? ":commands" : ":files" }]
}

/** The option whose value stands next. */
function awaited(command: CommandSpec, rest: readonly string[]): OptionSpec | undefined {
  const previous = rest.at(-1)
  return optionsOf(command).find(({ flags }) => flags.includes("<") && longFlag(flags) === previous)
}

function flagsOf(command: CommandSpec, rest: readonly string[]): readonly Candidate[] {
  return optionsOf(command)
    .filter(({ flags, repeats }) => repeats === true || !rest.includes(longFlag(flags)))
    .map(({ flags, text }) => ({ word: longFlag(flags), text }))
}

async function argumentValues(
  command: CommandSpec,
  rest: readonly string[],
  live: Live,
): Promise<readonly Candidate[]> {
  const specs = command.arguments ?? []
  const given = operands(command, rest)
  const spec = specs[Math.min(given.length, specs.length - 1)]
  if (spec === undefined) return []
  if (given.length >= specs.length && !spec.name.endsWith("...")) return []
  if (spec.completes === "program") return [{ word: "--" }]
  const found = await valuesOf(spec.completes ?? spec.choices, live)
  return found.filter(({ word }) => !given.includes(word))
}

/** The words that are neither options nor their values. */
function operands(command: CommandSpec, rest: readonly string[]): readonly string[] {
  return rest.filter((word, at) => !word.startsWith("-") && awaited(command, rest.slice(0, at)) === undefined)
}

async function valuesOf(what: Completes | undefined, live: Live): Promise<readonly Candidate[]> {
  if (what === undefined) return []
  if (what === "file") return [{ word: ":files" }]
  if (what === "folder") return [{ word: ":folders" }]
  if (what === "program") return [{ word: ":commands" }]
  if (typeof what !== "string") return what.map((word) => ({ word }))
  return live(what)
}

function longFlag(flags: string): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? flags
}

function matching(all: readonly Candidate[], start: string): readonly Candidate[] {
  return all.filter(({ word }) => word.startsWith(":") || word.startsWith(start))
}

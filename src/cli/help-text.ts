// The help of a command as text, for `drydock help COMMAND`: the same as `drydock COMMAND --help`.

import { Command } from "commander"
import { buildProgram } from "./program.js"

/** Help of the command at `path`; of the whole program when it is empty. */
export function renderHelp(path: readonly string[]): string {
  let text = ""
  const root = new Command()
  let command = buildProgram(root, "", { exit: 0 })
  for (const word of path) command = command.commands.find((child) => child.name() === word) ?? command
  command.configureOutput({ writeOut: (part) => (text += part) })
  command.outputHelp()
  return text.trimEnd()
}

// The command table: every command of drydock, in the order of the help.

import type { CommandSpec, OptionSpec } from "../spec.js"
import { ADMINISTER } from "./administer.js"
import { LOOK } from "./look.js"
import { MORE } from "./more.js"
import { SERVE } from "./serve.js"
import { CONNECTING, EVERYWHERE } from "./shared-options.js"
import { USE } from "./use.js"

export const COMMANDS: readonly CommandSpec[] = [...SERVE, ...USE, ...LOOK, ...ADMINISTER, ...MORE]

/** All options of a command: its own, then those that it shares. */
export function optionsOf(command: CommandSpec): readonly OptionSpec[] {
  return [...(command.options ?? []), ...sharedOptionsOf(command)]
}

export function sharedOptionsOf(command: CommandSpec): readonly OptionSpec[] {
  return [...(command.connects ? CONNECTING : []), ...EVERYWHERE]
}

// The command table as a commander program. Commander parses and writes help; everything else is ours.

import { type Command, type CommanderError, Option } from "commander"
import { Call } from "./call.js"
import { CliError, failureOf } from "./failure.js"
import { type ColorChoice, Output } from "./output.js"
import type { ArgumentSpec, CommandSpec, OptionSpec } from "./spec.js"
import { COMMANDS, optionsOf, sharedOptionsOf } from "./table/index.js"
import { CONNECTING, EVERYWHERE } from "./table/shared-options.js"
import { nearest } from "./text.js"

const INTRO = `Drydock leases resources - hosts first of all - to people and programs, one holder at a time.

First steps:
  drydock up --demo                        start here, and see a host leased, used and released
  drydock run --type host -- uname -a      lease a host, run a program on it, release it
  drydock ls                               who holds what`

const OUTRO = `
  drydock help COMMAND                     options and examples of one command
  drydock help exit-codes                  what each exit code means
  source <(drydock completion bash)        tab completion, live ids included`

export interface Result {
  exit: number
}

/** The whole program. `result.exit` is set when a command has run. */
export function buildProgram(root: Command, version: string, result: Result): Command {
  root
    .name("drydock")
    .description(INTRO)
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .usage("COMMAND [options]")
    .addHelpText("after", OUTRO)
    .configureHelp({ helpWidth: helpWidth(), commandUsage, subcommandTerm })
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
    .action((_options, command: Command) => {
      const [word] = command.args
      if (word?.startsWith("-") === true)
        throw new CliError("usage", `unknown option '${word}'`, { cures: ["drydock --help"] })
      if (word !== undefined)
        throw unknownCommand(
          word,
          COMMANDS.map(({ name }) => name.split(" ")[0] ?? ""),
        )
      command.outputHelp()
    })
    .allowExcessArguments()
    .allowUnknownOption()
  for (const spec of COMMANDS) addCommand(root, spec, result)
  return root
}

function addCommand(root: Command, spec: CommandSpec, result: Result): void {
  const [first = "", second] = spec.name.split(" ")
  const parent = second === undefined ? root : nounCommand(root, first)
  const command = parent.command(second ?? first, { hidden: spec.hidden === true })
  command
    .summary(spec.summary)
    .description(
      spec.details === undefined
        ? `${spec.summary}.`
        : `${spec.summary}.\n\n${spec.details.replaceAll("\n", " ")}`,
    )
    .helpGroup(second === undefined ? `${spec.group}:` : "Commands:")
    .helpOption("-h, --help", "print this help")
    .usage(usageOf(spec))
    .allowExcessArguments(false)
    .exitOverride()
  for (const argument of spec.arguments ?? [])
    command.argument(argument.required ? `<${argument.name}>` : `[${argument.name}]`, argumentText(argument))
  for (const option of spec.options ?? []) command.addOption(optionOf(option).helpGroup("Options:"))
  for (const option of sharedOptionsOf(spec)) command.addOption(optionOf(option).helpGroup("Everywhere:"))
  if (spec.name === "__complete") command.allowUnknownOption()
  if (spec.examples.length > 0) command.addHelpText("after", () => `\nExamples:\n${examplesOf(spec)}`)
  command.action(async (...given: unknown[]) => {
    result.exit = await runCommand(spec, command, given)
  })
}

async function runCommand(spec: CommandSpec, command: Command, given: readonly unknown[]): Promise<number> {
  const options = withEnvironment(spec, command.opts())
  const out = new Output({ json: options.json === true, color: colorChoice(options.color) })
  const operands = given
    .slice(0, spec.arguments?.length ?? 0)
    .flat()
    .filter((operand): operand is string => typeof operand === "string")
  try {
    const action = await spec.load()
    return await action(new Call(spec.name, operands, options, out))
  } catch (error) {
    const failure = failureOf(error)
    out.failure(failure)
    return failure.exit
  }
}

/** What the environment says where no flag does. An explicit --store wins over DRYDOCK_NATS_URL. */
function withEnvironment(
  spec: CommandSpec,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const options = new Map(Object.entries(given))
  for (const { flags, env } of optionsOf(spec)) {
    const name = /--([a-z]+)/.exec(flags)?.[1] ?? flags
    const value = env === undefined ? undefined : process.env[env]
    const isOutdone = name === "server" && spec.connects && given.store !== undefined
    if (!options.has(name) && value !== undefined && value !== "" && !isOutdone) options.set(name, value)
  }
  return Object.fromEntries(options)
}

/** `resource`, `blueprint` …: nouns that hold verbs. */
function nounCommand(root: Command, noun: string): Command {
  const known = root.commands.find((command) => command.name() === noun)
  if (known !== undefined) return known
  const verbs = COMMANDS.filter(({ name }) => name.startsWith(`${noun} `)).map(({ name }) =>
    name.slice(noun.length + 1),
  )
  const command = root
    .command(noun)
    .summary(
      `${verbs.slice(0, -1).join(", ")}${verbs.length > 1 ? " or " : ""}${verbs.at(-1) ?? ""} ${article(noun)}`,
    )
    .description(`Commands for ${article(noun)}.`)
    .helpGroup("Administer:")
    .usage("COMMAND [options]")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .exitOverride()
    .allowExcessArguments()
    .allowUnknownOption()
  command.action((_options, self: Command) => {
    const [word] = self.args
    if (word !== undefined) throw unknownCommand(word, verbs, noun)
    throw new CliError("usage", `say what to do with the ${noun}: ${verbs.join(", ")}`, {
      cures: [`drydock ${noun} --help`],
    })
  })
  return command
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`
}

function unknownCommand(word: string, known: readonly string[], noun?: string): CliError {
  const prefix = noun === undefined ? "drydock" : `drydock ${noun}`
  const close = nearest(word, [...new Set(known)])
  return new CliError("usage", `${prefix} has no command ${JSON.stringify(word)}`, {
    why: close.length === 0 ? [] : [`close to it: ${close.join(", ")}`],
    cures: [`${prefix} --help`],
  })
}

/** What commander found wrong, in our form. `undefined`: it only printed help or the version. */
export function usageError(error: CommanderError, argv: readonly string[]): CliError | undefined {
  if (error.exitCode === 0) return undefined
  const [message = "", hint] = error.message.replace(/^error: /, "").split("\n")
  const spec = commandOf(argv)
  const takesProgram = (spec?.arguments ?? []).some(({ completes }) => completes === "program")
  return new CliError("usage", message, {
    why: hint === undefined ? [] : [hint.replace(/^\((.*)\)$/, "$1")],
    cures: [
      ...(message.startsWith("too many") && spec?.name === "lease"
        ? ["drydock lease --type TYPE                say the type by its option"]
        : []),
      ...(takesProgram ? ["write -- before the program: what follows is its own"] : []),
      ...(spec === undefined ? [] : [`drydock ${spec.name} ${usageOf(spec)}`]),
      `drydock ${spec === undefined ? "" : `${spec.name} `}--help`,
    ],
  })
}

/** Options that every command takes may also stand before it: `drydock --json ls`. */
export function sharedOptionsLast(argv: readonly string[]): readonly string[] {
  const known = [...CONNECTING, ...EVERYWHERE]
  let end = 0
  for (let word = argv[end]; word?.startsWith("--"); word = argv[end]) {
    const [flag = ""] = word.split("=")
    const option = known.find(({ flags }) => flags.split(" ")[0] === flag)
    if (option === undefined) break
    end += option.flags.includes("<") && !word.includes("=") ? 2 : 1
  }
  const rest = argv.slice(end)
  const spec = commandOf(rest)
  if (spec === undefined) return rest
  const words = spec.name.split(" ").length
  return [...rest.slice(0, words), ...argv.slice(0, end), ...rest.slice(words)]
}

function commandOf(argv: readonly string[]): CommandSpec | undefined {
  const [first = "", second = ""] = argv
  return COMMANDS.find(({ name }) => name === first || name === `${first} ${second}`)
}

function optionOf(spec: OptionSpec): Option {
  const notes = [
    ...(spec.choices === undefined ? [] : [spec.choices.join(", ")]),
    ...(spec.shownDefault === undefined ? [] : [`default: ${spec.shownDefault}`]),
    ...(spec.env === undefined ? [] : [`env: ${spec.env}`]),
  ]
  const option = new Option(spec.flags, notes.length === 0 ? spec.text : `${spec.text} (${notes.join("; ")})`)
  if (spec.choices !== undefined) {
    const choices = spec.choices
    option.argParser((value: string) => {
      if (choices.includes(value)) return value
      throw new CliError(
        "usage",
        `${spec.flags.split(" ")[0]} takes ${choices.join(", ")}, not ${JSON.stringify(value)}`,
      )
    })
  }
  if (spec.repeats === true)
    option.argParser((value: string, before: unknown) => [...(Array.isArray(before) ? before : []), value])
  return option
}

function argumentText(spec: ArgumentSpec): string {
  return spec.choices === undefined ? spec.text : `${spec.text}: ${spec.choices.join(", ")}`
}

function usageOf(spec: CommandSpec): string {
  const words = (spec.arguments ?? []).map((argument) => {
    const name = argument.name.replace("...", "").toUpperCase()
    const shown = argument.name.endsWith("...") ? `${name}…` : name
    const dashed = argument.completes === "program" ? `-- ${shown}` : shown
    return argument.required ? dashed : `[${dashed}]`
  })
  return ["[options]", ...words].join(" ")
}

function examplesOf(spec: CommandSpec): string {
  const width = Math.min(58, Math.max(...spec.examples.map(({ line }) => line.length)))
  return spec.examples
    .map(({ line, text }) => `  ${text === "" ? line : `${line.padEnd(width)}  ${text}`}`)
    .join("\n")
}

function commandUsage(command: Command): string {
  let path = command.name()
  for (let parent = command.parent; parent !== null; parent = parent.parent) path = `${parent.name()} ${path}`
  return `${path} ${command.usage()}`
}

function subcommandTerm(command: Command): string {
  return command.name()
}

function helpWidth(): number {
  return Math.min(120, process.stdout.columns ?? 100)
}

function colorChoice(value: unknown): ColorChoice {
  return value === "always" || value === "never" ? value : "auto"
}

// The part of docs/cli.md that comes from the command table, the exit codes and the error catalogue.

import { aboutError, ERROR_CODES } from "../../src/cli/error-catalogue.js"
import { EXIT_CODES } from "../../src/cli/exit-codes.js"
import type { CommandSpec, OptionSpec } from "../../src/cli/spec.js"
import { COMMANDS } from "../../src/cli/table/index.js"
import { CONNECTING, EVERYWHERE } from "../../src/cli/table/shared-options.js"

export const MARK = "<!-- From here on generated: npx vitest run test/cli/reference.test.ts -u -->"

export function referencePage(): string {
  const visible = COMMANDS.filter(({ hidden }) => hidden !== true)
  return [
    MARK,
    "",
    "## Commands",
    "",
    "Every command also takes:",
    "",
    ...optionTable(EVERYWHERE),
    "",
    "and those that talk to a yard:",
    "",
    ...optionTable(CONNECTING),
    "",
    ...visible.flatMap(commandPart),
    "## Exit codes",
    "",
    "| code | meaning | what to do |",
    "|---|---|---|",
    ...EXIT_CODES.map(({ code, meaning, next }) => `| ${code} | ${cell(meaning)} | ${cell(next)} |`),
    "",
    "## Errors",
    "",
    "`drydock help CODE` says the same.",
    "",
    "| code | exit | why | what to do |",
    "|---|---|---|---|",
    ...ERROR_CODES.map((code) => {
      const { exit, why, cures } = aboutError(code) ?? { exit: 1, why: "", cures: [] }
      return `| \`${code}\` | ${exit} | ${cell(why)} | ${cures.map((cure) => cell(cure.replace(/ {2,}/, ": "))).join("<br>")} |`
    }),
    "",
  ].join("\n")
}

function commandPart(spec: CommandSpec): readonly string[] {
  const usage = (spec.arguments ?? []).map(({ name, required }) => {
    const shown = name.replace("...", "").toUpperCase() + (name.endsWith("...") ? "…" : "")
    return required ? shown : `[${shown}]`
  })
  return [
    `### drydock ${[spec.name, ...usage].join(" ")}`,
    "",
    `${spec.summary}.${spec.details === undefined ? "" : ` ${spec.details.replaceAll("\n", " ")}`}`,
    "",
    ...(spec.arguments ?? []).map(
      ({ name, text }) => `- \`${name.replace("...", "").toUpperCase()}\`: ${text}`,
    ),
    ...((spec.arguments ?? []).length === 0 ? [] : [""]),
    ...(spec.options === undefined ? [] : [...optionTable(spec.options), ""]),
    "```sh",
    ...spec.examples.map(({ line, text }) => (text === "" ? line : `${line}   # ${text}`)),
    "```",
    "",
  ]
}

function optionTable(options: readonly OptionSpec[]): readonly string[] {
  return [
    "| option | | default | environment |",
    "|---|---|---|---|",
    ...options.map(
      ({ flags, text, shownDefault, env, choices }) =>
        `| \`${flags}\` | ${cell(choices === undefined ? text : `${text}: ${choices.join(", ")}`)} | ${cell(shownDefault ?? "")} | ${env === undefined ? "" : `\`${env}\``} |`,
    ),
  ]
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|")
}

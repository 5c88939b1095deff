// `drydock help`: commands, error codes, exit codes, environment; the whole table as JSON for programs.

import type { Call } from "../call.js"
import { aboutError, ERROR_CODES } from "../error-catalogue.js"
import { EXIT_CODES } from "../exit-codes.js"
import { CliError } from "../failure.js"
import { renderHelp } from "../help-text.js"
import type { CommandSpec } from "../spec.js"
import { COMMANDS, optionsOf } from "../table/index.js"
import { nearest } from "../text.js"

export const TOPICS = ["exit-codes", "errors", "environment"] as const

export async function help(call: Call): Promise<number> {
  const topic = call.operands.join(" ")
  const { out } = call
  if (topic === "") {
    const commands = COMMANDS.filter(({ hidden }) => hidden !== true).map(described)
    out.document({ commands, exitCodes: EXIT_CODES, errors: ERROR_CODES }, () => renderHelp([]))
    return 0
  }
  if (topic === "exit-codes") {
    out.document({ exitCodes: EXIT_CODES }, exitCodesText)
    return 0
  }
  if (topic === "environment") {
    const variables = environment()
    out.document({ environment: variables }, () =>
      variables.map(({ name, text }) => `${name.padEnd(24)}${text}`).join("\n"),
    )
    return 0
  }
  if (topic === "errors") {
    const errors = ERROR_CODES.map((code) => ({ code, ...aboutError(code) }))
    out.document({ errors }, () =>
      out.table(
        [{ head: "CODE" }, { head: "EXIT", align: "right" }, { head: "MEANS" }],
        errors.map(({ code, exit, why }) => [code, String(exit), why ?? ""]),
      ),
    )
    return 0
  }
  const entry = aboutError(topic)
  if (entry !== undefined) {
    out.document({ code: topic, ...entry }, () =>
      [
        `error ${topic}`,
        `  why   ${entry.why}`,
        ...entry.cures.map((cure, at) => `  ${at === 0 ? "do" : "  "}    ${cure}`),
        `  exit  ${entry.exit}`,
      ].join("\n"),
    )
    return 0
  }
  return commandHelp(call, topic)
}

function commandHelp(call: Call, topic: string): number {
  const spec = COMMANDS.find(({ name }) => name === topic)
  const isNoun = COMMANDS.some(({ name }) => name.startsWith(`${topic} `))
  if (spec === undefined && !isNoun) {
    const close = nearest(topic, [...COMMANDS.map(({ name }) => name), ...TOPICS, ...ERROR_CODES])
    throw new CliError("usage", `there is no help about ${JSON.stringify(topic)}`, {
      why: close.length === 0 ? [] : [`close to it: ${close.join(", ")}`],
      cures: ["drydock help", "drydock help errors"],
    })
  }
  const matching = COMMANDS.filter(({ name }) => name === topic || name.startsWith(`${topic} `))
  call.out.document({ commands: matching.map(described) }, () => renderHelp(topic.split(" ")))
  return 0
}

function described(spec: CommandSpec) {
  return {
    name: spec.name,
    group: spec.group,
    summary: spec.summary,
    ...(spec.details === undefined ? {} : { details: spec.details }),
    impact: spec.impact,
    arguments: (spec.arguments ?? []).map(({ name, text, required, choices }) => ({
      name: name.replace("...", ""),
      text,
      required,
      repeats: name.endsWith("..."),
      ...(choices === undefined ? {} : { choices }),
    })),
    options: optionsOf(spec).map(({ flags, text, env, shownDefault, choices, repeats }) => ({
      flags,
      text,
      ...(env === undefined ? {} : { env }),
      ...(shownDefault === undefined ? {} : { default: shownDefault }),
      ...(choices === undefined ? {} : { choices }),
      repeats: repeats === true,
    })),
    examples: spec.examples,
  }
}

function exitCodesText(): string {
  const lines = EXIT_CODES.map(
    ({ code, meaning, next }) => `  ${code.padStart(5)}  ${meaning}${next === "" ? "" : ` - ${next}`}`,
  )
  return [
    "Exit codes of every drydock command:",
    ...lines,
    "",
    "`run` and `exec` pass on the program's own exit code. When the lease was lost, 79 wins over it.",
  ].join("\n")
}

function environment(): readonly { readonly name: string; readonly text: string }[] {
  const fromOptions = COMMANDS.flatMap((spec) =>
    optionsOf(spec).flatMap(({ env, flags, text }) =>
      env === undefined ? [] : [{ name: env, text: `${text} (as ${flags.split(" ")[0]})` }],
    ),
  )
  const first = fromOptions.filter(
    ({ name }, at) => fromOptions.findIndex((other) => other.name === name) === at,
  )
  return [
    ...first,
    {
      name: "DRYDOCK_HOST_PASSWORD",
      text: "the password of --user, for `drydock host` and `drydock up` on another server",
    },
    { name: "DRYDOCK_NATS_SERVER", text: "the nats-server program that `drydock up` starts" },
    { name: "DRYDOCK_TRACE", text: "when set, unexpected errors show where they came from" },
    { name: "NO_COLOR", text: "when set, no colours" },
  ]
}

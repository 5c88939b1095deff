// What a command is. The command table is the single source: parser, help, completion, `help --json` and the page
// docs/cli.md come from it. It imports nothing heavy, so that `--help` and completion stay fast: the code of a command
// is loaded when it runs.

import type { Call } from "./call.js"

/** Live names that completion offers for a value. */
export type Completes =
  | "lease"
  | "resource"
  | "blueprint"
  | "service"
  | "device"
  | "network"
  | "actor"
  | "stuck"
  | "kind"
  | "type"
  | "topic"
  | "log-type"
  | "file"
  | "folder"
  | "program"
  | readonly string[]

export interface OptionSpec {
  /** As commander writes it: `--ttl <duration>`. */
  readonly flags: string
  readonly text: string
  /** Taken from here when the flag is absent. */
  readonly env?: string
  /** Shown in help only; the command itself knows it. */
  readonly shownDefault?: string
  readonly choices?: readonly string[]
  /** May be given several times; its value is a list. */
  readonly repeats?: boolean
  readonly completes?: Completes
}

export interface ArgumentSpec {
  /** `lease`, or `lease...` when several may be given. */
  readonly name: string
  readonly text: string
  readonly required: boolean
  readonly choices?: readonly string[]
  readonly completes?: Completes
}

export interface Example {
  readonly line: string
  readonly text: string
}

/** Returns the exit code. */
export type Action = (call: Call) => Promise<number>

export interface CommandSpec {
  /** The words after `drydock`: `lease`, `resource release`. */
  readonly name: string
  readonly group: Group
  readonly summary: string
  /** More than one line of explanation, shown in the command's own help. */
  readonly details?: string
  readonly arguments?: readonly ArgumentSpec[]
  readonly options?: readonly OptionSpec[]
  readonly examples: readonly Example[]
  /** `reads` changes nothing; `writes` does; `serves` keeps running. */
  readonly impact: "reads" | "writes" | "serves"
  /** Whether it talks to a yard, and so takes `--server`, `--yard`, `--as`. */
  readonly connects: boolean
  readonly hidden?: boolean
  readonly load: () => Promise<Action>
}

export const GROUPS = ["Serve", "Use", "Look", "Administer", "More"] as const
export type Group = (typeof GROUPS)[number]

// One invocation of a command: what was typed, checked on the way in, and where its output goes.

import type { Output } from "./output.js"

export class Call {
  constructor(
    readonly name: string,
    /** In the order of the command's arguments; a repeated one takes all that are left. */
    readonly operands: readonly string[],
    private readonly options: { readonly [name: string]: unknown },
    readonly out: Output,
  ) {}

  /** The value of `--long-name` or undefined when it was not given. */
  text(name: string): string | undefined {
    const value = this.options[camel(name)]
    return typeof value === "string" ? value : undefined
  }

  flag(name: string): boolean {
    return this.options[camel(name)] === true
  }

  /** False only for a `--no-name` that was given. */
  unless(name: string): boolean {
    return this.options[camel(name)] !== false
  }

  list(name: string): readonly string[] {
    const value = this.options[camel(name)]
    if (!Array.isArray(value)) return []
    return value.filter((item): item is string => typeof item === "string")
  }

  operand(index: number): string {
    return this.operands[index] ?? ""
  }
}

function camel(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

#!/usr/bin/env node
// The drydock command. What is needed for every call is loaded here; each command loads the rest for itself.

import { Command, CommanderError } from "commander"
import { failureOf } from "./failure.js"
import { Output } from "./output.js"
import { packageVersion } from "./package.js"
import { buildProgram, sharedOptionsLast, usageError } from "./program.js"

const BROKEN_PIPE_EXIT = 141

async function main(argv: readonly string[]): Promise<number> {
  const result = { exit: 0 }
  try {
    await buildProgram(new Command(), packageVersion(), result).parseAsync([...sharedOptionsLast(argv)], {
      from: "user",
    })
    return result.exit
  } catch (error) {
    const shown = error instanceof CommanderError ? usageError(error, argv) : error
    if (shown === undefined) return 0
    const failure = failureOf(shown)
    new Output({ json: asksForJson(argv), color: "auto" }).failure(failure)
    return failure.exit
  }
}

/** Also when the command line could not be parsed: `--json` before the program's own arguments. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--")
  return (end === -1 ? argv : argv.slice(0, end)).includes("--json")
}

// `drydock ls | head -1`: nobody reads any more, so there is nothing left to do and nobody to tell.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(BROKEN_PIPE_EXIT)
  if (!isGone(error)) throw error
})
// A terminal that was closed cannot be written to; what the command still has to do (withdraw a request, stop a
// program) it does all the same.
process.stderr.on("error", (error: NodeJS.ErrnoException) => {
  if (!isGone(error)) throw error
})

function isGone(error: NodeJS.ErrnoException): boolean {
  return error.code === "EIO" || error.code === "EPIPE" || error.code === "ENXIO"
}

const exit = await main(process.argv.slice(2))
// An input that nobody reads any more would keep the process; what was written has to leave first.
process.stdout.write("", () => process.exit(exit))

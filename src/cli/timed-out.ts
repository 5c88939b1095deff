import { CliError } from "./failure.js"

/** The program outlived `--timeout` and was stopped. */
export function timedOut(argv: readonly string[], timeout: string | undefined): CliError {
  return new CliError("timed-out", `${argv[0] ?? "the program"} was stopped after ${timeout ?? "its time"}`, {
    why: ["it ran longer than --timeout allows"],
    cures: ["allow more time: --timeout 1h"],
  })
}

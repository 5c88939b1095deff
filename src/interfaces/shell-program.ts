// How a program with arguments travels to a POSIX shell without losing a byte.
//
// An SSH server hands one string to the *login* shell of the user, which may be bash, zsh, csh or fish, each with its
// own quoting. So the string that they see has nothing to interpret: `exec /bin/sh -c '…' drydock '…'`, where the last
// word is the script in which every byte outside a small alphabet is written as `\0ooo`. /bin/sh decodes it with
// `printf %b` and evaluates it. `exec` everywhere: the process that the server started *becomes* the command, so that
// its exit code, its signal and its process group are the command's own.

import { HostError } from "./errors.js"

/** A script for /bin/sh that sees `argv` as "$@". */
export interface ShellProgram {
  readonly script: string
  readonly argv: readonly string[]
}

/** Longest command line that is sent over SSH, bytes: Linux takes 131,072 in one argument, end mark included. */
export const COMMAND_LINE_BYTES = 131_000

const PLAIN = /[A-Za-z0-9 _.,:=@%+/-]/

/** A word for a POSIX shell. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** The text as `printf %b` of any POSIX shell takes it, safe inside single quotes of every login shell. */
export function encoded(text: string): string {
  let result = ""
  for (const byte of Buffer.from(text, "utf8")) {
    const character = String.fromCharCode(byte)
    result += PLAIN.test(character) ? character : `\\0${byte.toString(8).padStart(3, "0")}`
  }
  return result
}

/** The command line for an SSH server. Throws HostError `command-too-long`. */
export function commandLine({ script, argv }: ShellProgram): string {
  const whole = `set -- ${argv.map(quoted).join(" ")}\n${script}`
  const line = `exec /bin/sh -c 'eval "$(printf %b "$1")"' drydock '${encoded(whole)}'`
  if (line.length > COMMAND_LINE_BYTES) throw tooLong()
  return line
}

export function tooLong(cause?: unknown): HostError {
  return new HostError(
    "command-too-long",
    "the arguments and the environment are longer than the host takes in one command",
    "pass the data by stdin or by a file (host.files.write) instead of arguments",
    cause === undefined ? {} : { cause },
  )
}

// The script under which every command runs, on both transports. In this order:
//   1. It writes its process id into the guard's folder (guard.ts). If that folder is gone, the connection is: nothing starts.
//   2. It looks for the mark of a stop that came first. Number, then mark here; mark, then number in the guard: one sees the other.
//   3. It enters the folder, takes the leadership of a process group if the server gave it none, sets the environment.
//   4. It becomes the command by `exec`. No variable of its own, since one could be an exported variable of the user.
// Its own failures exit with 125 and leave one word in the guard's folder, so that a command's own 125 stays a 125.

import { HostError } from "./errors.js"
import { quoted, type ShellProgram } from "./shell-program.js"

/** Exit code of the script itself when it did not become the command. */
export const NOT_LAUNCHED = 125
export type NotLaunched = "cwd" | "stopped"

export interface Launch {
  readonly argv: readonly string[]
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** Names that POSIX shells do not let anybody assign. */
const READ_ONLY_NAMES = new Set(["PPID", "UID", "EUID", "BASHOPTS", "SHELLOPTS", "BASH_VERSINFO"])

/** `entry`: path in the guard's folder, without ending, of this command. Throws HostError `bad-command`. */
export function launchProgram({ argv, cwd, env }: Launch, entry: string): ShellProgram {
  const [program] = argv
  if (program === undefined || program === "") throw bad("there is no program to run", "name one: argv[0]")
  if (program.startsWith("-")) {
    throw bad(`the program's name begins with a hyphen: ${program}`, "write its path, for example ./-name")
  }
  for (const [index, argument] of argv.entries()) requireText(argument, `argument ${index}`)
  return {
    script: [...registered(entry), ...entered(cwd, entry), ...leading(), ...exported(env), 'exec "$@"'].join(
      "\n",
    ),
    argv,
  }
}

function registered(entry: string): string[] {
  return [
    `{ echo $$ >${quoted(`${entry}.pid`)}; } 2>/dev/null || exit ${NOT_LAUNCHED}`,
    `[ ! -e ${quoted(`${entry}.stop`)} ] || ${fail(entry, "stopped")}`,
  ]
}

function entered(cwd: string | undefined, entry: string): string[] {
  if (cwd === undefined) return []
  if (cwd === "") throw bad("the working directory is an empty text", "leave `cwd` out, or name a folder")
  requireText(cwd, "the working directory")
  // `cd -` is the previous folder, and a relative name is looked up in CDPATH: neither is meant.
  const folder = cwd.startsWith("/") ? cwd : `./${cwd}`
  return [`CDPATH= cd -- ${quoted(folder)} 2>/dev/null || ${fail(entry, "cwd")}`]
}

/** OpenSSH makes each command the leader of a process group. For a server that does not, `setsid` does it, if there. */
function leading(): string[] {
  return [
    'if ! kill -0 "-$$" 2>/dev/null && command -v setsid >/dev/null 2>&1; then set -- "$(command -v setsid)" "$@"; fi',
  ]
}

function exported(env: Readonly<Record<string, string>> | undefined): string[] {
  return Object.entries(env ?? {}).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,254}$/.test(name)) {
      throw bad(`not a name of an environment variable: ${JSON.stringify(name)}`, "use letters, digits and _")
    }
    if (READ_ONLY_NAMES.has(name)) throw bad(`no shell lets ${name} be set`, "leave it out")
    requireText(value, `the variable ${name}`)
    return `export ${name}=${quoted(value)}`
  })
}

function fail(entry: string, why: NotLaunched): string {
  return `{ echo ${why} >${quoted(`${entry}.why`)}; exit ${NOT_LAUNCHED}; }`
}

function requireText(value: string, what: string): void {
  if (value.includes("\0")) throw bad(`${what} has a NUL character`, "no program can be given one; remove it")
  if (/\p{Surrogate}/u.test(value))
    throw bad(`${what} is no valid Unicode`, "pass other bytes by stdin or by a file")
}

function bad(message: string, cure: string): HostError {
  return new HostError("bad-command", message, cure)
}

// Exit codes carry the decision: done, negative, try later, can never work, lost, not allowed. They stay clear of the
// shell's own 126, 127 and 128+n, which `run` and `exec` pass on.

export const EXIT = {
  ok: 0,
  negative: 1,
  usage: 64,
  unknownObject: 66,
  unreachable: 69,
  bug: 70,
  tryLater: 75,
  denied: 77,
  never: 78,
  leaseLost: 79,
  notExecutable: 126,
  notFound: 127,
} as const

export interface ExitCode {
  readonly code: string
  readonly meaning: string
  readonly next: string
}

export const EXIT_CODES: readonly ExitCode[] = [
  { code: "0", meaning: "done", next: "" },
  { code: "1", meaning: "it ran, and the answer is no", next: "read the message" },
  { code: "64", meaning: "wrong usage, or input is missing or invalid", next: "correct the command" },
  { code: "66", meaning: "no such object", next: "see `drydock ls`" },
  {
    code: "69",
    meaning: "no server, or no host serves the yard",
    next: "start `drydock up` or `drydock host`",
  },
  { code: "70", meaning: "a mistake in Drydock", next: "report it with the message" },
  { code: "75", meaning: "gave up waiting, or somebody else has it", next: "try again later" },
  { code: "77", meaning: "not allowed for this principal", next: "ask whoever runs the yard" },
  { code: "78", meaning: "can never succeed as things are", next: "change the request or the configuration" },
  { code: "79", meaning: "the lease was lost while the program ran; it was stopped", next: "run it again" },
  { code: "126", meaning: "`run`, `exec`: the program is not executable on the host", next: "" },
  { code: "127", meaning: "`run`, `exec`: the program was not found on the host", next: "" },
  { code: "128+n", meaning: "ended by signal n (130 = Ctrl-C, 143 = TERM)", next: "" },
]

/** The exit code of a program that a signal ended; 128 for a name that is not known. */
export function signalExit(name: string): number {
  const numbers: { readonly [signal: string]: number } = {
    HUP: 1,
    INT: 2,
    QUIT: 3,
    ILL: 4,
    TRAP: 5,
    ABRT: 6,
    BUS: 7,
    FPE: 8,
    KILL: 9,
    USR1: 10,
    SEGV: 11,
    USR2: 12,
    PIPE: 13,
    ALRM: 14,
    TERM: 15,
  }
  return 128 + (numbers[name.replace(/^SIG/, "")] ?? 0)
}

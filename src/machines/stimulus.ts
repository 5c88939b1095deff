import type { ActorKey } from "./names.js"
import type { Rejection } from "./rejection.js"

/** One command as a statechart sees it: what is asked, by whom, and the facts that the kernel looked up for it. */
export interface Stimulus<Verb extends string, Body, Facts = undefined> {
  readonly type: Verb
  readonly body: Body
  /** Who speaks: a principal, or the sender of an internal command. */
  readonly by: string
  /** Sequence of the command in COMMANDS. */
  readonly command: number
  /** Whom it is said to, and the revision of the record that it may make. */
  readonly actor: ActorKey
  readonly rev: number
  /** The step's `now`: milliseconds since 1970, by the stream's clock. */
  readonly now: number
  readonly facts: Facts
}

/**
 * The only actions that a statechart of ours may list. They are never executed: the kernel reads them off the
 * transition. `entered` gives the record its path; the others say that there will be no record, and why.
 */
export interface MachineActions {
  entered: { readonly state: string }
  /** The effect already holds: accepted with the current record. */
  repeat: undefined
  /** Not accepted, with a reason of its own. */
  refuse: Rejection
  /** An internal command that is no longer needed. */
  ignore: { readonly why: string }
}

/** For `setup({ actions })`: names without bodies. */
export const machineActions = {
  entered: (_: unknown, _params: MachineActions["entered"]) => {},
  repeat: () => {},
  refuse: (_: unknown, _params: MachineActions["refuse"]) => {},
  ignore: (_: unknown, _params: MachineActions["ignore"]) => {},
}

/** Entry action of a state that records may be in. */
export function entered<State extends string>(state: State) {
  return { type: "entered", params: { state } } as const
}

let lastTime = { ms: 0, text: new Date(0).toISOString() }

/** ISO 8601, UTC. One moment is asked for several times in a row: the last answer is kept. */
export function isoTime(ms: number): string {
  if (lastTime.ms !== ms) lastTime = { ms, text: new Date(ms).toISOString() }
  return lastTime.text
}

/** Why an object ended, kept for ever in its last record. */
export interface EndReason {
  readonly code: string
  readonly message: string
}

/** Notes as texts under names; `null` removes. */
export type Notes = { readonly [name: string]: string }

export interface Timer {
  readonly id: string
  /** ISO time by the stream's clock. */
  readonly at: string
}

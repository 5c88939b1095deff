// The one place where XState runs. `machine.transition` with one reused scope costs a fifth of `xstate.transition`,
// which builds an actor per call; a contract test (test/actors/kernel/statechart.test.ts) holds the two against each
// other. Actions are never executed: they are read off the transition, in order.

import { type AnyStateMachine, createActor } from "xstate"
import type { Kind } from "../../machines/names.js"
import { registry } from "../../machines/registry.js"
import type { Rejection } from "../../machines/rejection.js"

export type Movement =
  | {
      readonly kind: "moved"
      readonly to: string
      readonly path: readonly string[]
      readonly context: object
    }
  | { readonly kind: "repeated" }
  | { readonly kind: "refused"; readonly rejection: Rejection }
  | { readonly kind: "ignored"; readonly why: string }
  /** The statechart does not take this event in this state. */
  | { readonly kind: "unexpected" }

interface Listed {
  readonly type: string
  readonly params: unknown
}

type Snapshot = ReturnType<AnyStateMachine["resolveState"]>
type Scope = Parameters<AnyStateMachine["transition"]>[2]

interface Prepared {
  readonly machine: AnyStateMachine
  readonly scope: Scope
  readonly unborn: Snapshot
}

let listed: Listed[] = []

function prepare(machine: AnyStateMachine): Prepared {
  const self = createActor(machine)
  const scope: Scope = {
    self,
    id: "",
    sessionId: "",
    system: self.system,
    logger: () => {},
    defer: () => {},
    stopChild: () => {},
    emit: () => {},
    actionExecutor: (action) => {
      listed.push(action)
    },
  }
  return { machine, scope, unborn: machine.getInitialSnapshot(scope, undefined) }
}

const prepared: { readonly [K in Kind]: Prepared } = {
  lease: prepare(registry.lease.machine),
  resource: prepare(registry.resource.machine),
  blueprint: prepare(registry.blueprint.machine),
  device: prepare(registry.device.machine),
  service: prepare(registry.service.machine),
  network: prepare(registry.network.machine),
  yard: prepare(registry.yard.machine),
}

/** What one event does to an actor. Pure: the same arguments give the same answer. */
export function move(
  kind: Kind,
  before: { readonly to: string; readonly context: object } | undefined,
  event: { readonly type: string },
): Movement {
  const { machine, scope, unborn } = prepared[kind]
  const snapshot =
    before === undefined ? unborn : machine.resolveState({ value: before.to, context: before.context })
  listed = []
  const next = machine.transition(snapshot, event, scope)
  const actions = listed
  listed = []
  return read(snapshot, next, actions)
}

function read(snapshot: Snapshot, next: Snapshot, actions: readonly Listed[]): Movement {
  const path: string[] = []
  for (const action of actions) {
    // The parser's edge: params were written by our own statecharts (src/machines/stimulus.ts).
    if (action.type === "entered") path.push((action.params as { state: string }).state)
    else if (action.type === "repeat") return { kind: "repeated" }
    else if (action.type === "refuse") return { kind: "refused", rejection: action.params as Rejection }
    else if (action.type === "ignore") return { kind: "ignored", why: (action.params as { why: string }).why }
  }
  if (next === snapshot && actions.length === 0) return { kind: "unexpected" }
  // Copied, because what `assign` builds is slow to copy again, and it is copied at every later step.
  return { kind: "moved", to: String(next.value), path, context: { ...next.context } }
}

/** A kind's context before anything was said to it: the defaults of every field. */
export function blankContext(kind: Kind): object {
  return prepared[kind].unborn.context
}

/** Verbs that people may say to an actor in a state with some effect, for error messages. */
export function verbsIn(kind: Kind, state: string): readonly string[] {
  const { machine } = prepared[kind]
  const node = machine.root.states[state]
  if (node === undefined) return []
  const said = new Set<string>(node.ownEvents)
  return Object.keys(registry[kind].bodies).filter((verb) => said.has(verb))
}

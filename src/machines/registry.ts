// Every kind of actor: its statechart, what people may say to it, what the yard may say to it, and its timers.
// A new kind is one machine file and one line here.

import type { AnyStateMachine } from "xstate"
import type { z } from "zod"
import { blueprintBodies, blueprintInternalBodies, blueprintMachine, blueprintTimers } from "./blueprint.js"
import { deviceBodies, deviceMachine } from "./device.js"
import { leaseMachine } from "./lease.js"
import { leaseTimers } from "./lease-context.js"
import { leaseBodies, leaseInternalBodies, leaseWorkerBodies } from "./lease-messages.js"
import type { Kind } from "./names.js"
import { networkBodies, networkMachine } from "./network.js"
import type { YardRecord } from "./record.js"
import { resourceMachine } from "./resource.js"
import { resourceTimers } from "./resource-context.js"
import { resourceBodies, resourceInternalBodies, resourceWorkerBodies } from "./resource-messages.js"
import { serviceBodies, serviceMachine } from "./service.js"
import type { Timer } from "./stimulus.js"
import { yardBodies, yardInternalBodies, yardMachine, yardTimers } from "./yard.js"

export interface KindEntry {
  readonly machine: AnyStateMachine
  /** Body schema of every verb on `command`: the public contract. */
  readonly bodies: { readonly [verb: string]: z.ZodType }
  /** Body schema of every verb on `internal` that the host may say: follow-ups and timers. */
  readonly internal: { readonly [verb: string]: z.ZodType }
  /** And of those that a worker may say. */
  readonly worker: { readonly [verb: string]: z.ZodType }
}

export const registry: { readonly [K in Kind]: KindEntry } = {
  lease: {
    machine: leaseMachine,
    bodies: leaseBodies,
    internal: leaseInternalBodies,
    worker: leaseWorkerBodies,
  },
  resource: {
    machine: resourceMachine,
    bodies: resourceBodies,
    internal: resourceInternalBodies,
    worker: resourceWorkerBodies,
  },
  blueprint: {
    machine: blueprintMachine,
    bodies: blueprintBodies,
    internal: blueprintInternalBodies,
    worker: {},
  },
  device: { machine: deviceMachine, bodies: deviceBodies, internal: {}, worker: {} },
  service: { machine: serviceMachine, bodies: serviceBodies, internal: {}, worker: {} },
  network: { machine: networkMachine, bodies: networkBodies, internal: {}, worker: {} },
  yard: { machine: yardMachine, bodies: yardBodies, internal: yardInternalBodies, worker: {} },
}

/** All timers that are armed in a record's state. */
export function timersOf(record: Pick<YardRecord, "kind" | "to" | "context">): readonly Timer[] {
  if (record.kind === "lease" && "asked" in record.context) return leaseTimers(record.to, record.context)
  if (record.kind === "blueprint" && "suspended" in record.context) return blueprintTimers(record.context)
  if (record.kind === "resource" && "site" in record.context) return resourceTimers(record.to, record.context)
  if (record.kind === "yard" && "sweepAt" in record.context) return yardTimers(record.context)
  return []
}

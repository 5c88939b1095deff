// The record: one message of the journal, one event for subscribers, the whole state of its actor.

import { z } from "zod"
import { BLUEPRINT_STATES, type BlueprintContext } from "./blueprint.js"
import { DEVICE_STATES, type DeviceContext } from "./device.js"
import { jobOrder } from "./job.js"
import { isObject } from "./json.js"
import { LEASE_STATES, type LeaseContext } from "./lease-context.js"
import { type ActorKey, HOST_SENDERS, KINDS, OBJECT_ID } from "./names.js"
import { NETWORK_STATES, type NetworkContext } from "./network.js"
import { RESOURCE_STATES, type ResourceContext } from "./resource-context.js"
import { SERVICE_STATES, type ServiceContext } from "./service.js"
import { YARD_STATES, type YardContext } from "./yard.js"

const id = z.string().regex(OBJECT_ID)
const count = z.number().int().nonnegative()

/** A follow-up: a command to another actor's queue, published after the record is stored (rule 1). */
const send = z.object({
  kind: z.enum(KINDS),
  id,
  verb: z.string().max(32),
  sender: z.enum(HOST_SENDERS),
  body: z.record(z.string(), z.unknown()),
})
export type Send = z.output<typeof send>

const shared = {
  v: z.literal(1),
  yard: z.string(),
  id,
  /** 1, 2, 3 … per actor, without gaps. */
  rev: count.min(1),
  from: z.string().nullable(),
  /** Every state entered by this record, in order. */
  path: z.array(z.string()),
  event: z.looseObject({ type: z.string() }),
  cause: z.object({
    command: count.min(1),
    id: z.string().nullable(),
    verb: z.string(),
    by: z.string(),
  }),
  at: z.iso.datetime(),
  machine: z.object({ id: z.string(), version: z.string(), hash: z.string() }),
  /** Attempts ordered by this record. */
  jobs: z.array(jobOrder),
  /** All timers that are armed now. */
  timers: z.array(z.object({ id: z.string(), at: z.iso.datetime() })),
  sends: z.array(send),
}

/** A context is what a statechart of ours wrote: that it is an object of that kind is all that is checked here. */
function contextOf<Context extends object>(needs: readonly (keyof Context & string)[]) {
  return z.custom<Context>((value) => isObject(value) && needs.every((name) => Object.hasOwn(value, name)), {
    error: `expected an object with ${needs.join(", ")}`,
  })
}

export const recordSchema = z.discriminatedUnion("kind", [
  z.object({
    ...shared,
    kind: z.literal("lease"),
    to: z.enum(LEASE_STATES),
    context: contextOf<LeaseContext>(["type", "attributes", "by", "resource", "slots", "token", "until"]),
  }),
  z.object({
    ...shared,
    kind: z.literal("resource"),
    to: z.enum(RESOURCE_STATES),
    context: contextOf<ResourceContext>(["type", "blueprint", "attributes", "slots"]),
  }),
  z.object({
    ...shared,
    kind: z.literal("blueprint"),
    to: z.enum(BLUEPRINT_STATES),
    context: contextOf<BlueprintContext>(["type", "config"]),
  }),
  z.object({
    ...shared,
    kind: z.literal("device"),
    to: z.enum(DEVICE_STATES),
    context: contextOf<DeviceContext>(["interfaces"]),
  }),
  z.object({
    ...shared,
    kind: z.literal("service"),
    to: z.enum(SERVICE_STATES),
    context: contextOf<ServiceContext>(["type", "bindings"]),
  }),
  z.object({
    ...shared,
    kind: z.literal("network"),
    to: z.enum(NETWORK_STATES),
    context: contextOf<NetworkContext>([]),
  }),
  z.object({
    ...shared,
    kind: z.literal("yard"),
    to: z.enum(YARD_STATES),
    context: contextOf<YardContext>(["generation"]),
  }),
])

/** A record of any kind; `kind` tells which context it has. */
export type YardRecord = z.output<typeof recordSchema>
export type RecordOf<K extends YardRecord["kind"]> = Extract<YardRecord, { kind: K }>
export type LeaseRecord = RecordOf<"lease">
export type ResourceRecord = RecordOf<"resource">
export type BlueprintRecord = RecordOf<"blueprint">
export type DeviceRecord = RecordOf<"device">
export type ServiceRecord = RecordOf<"service">

export function keyOf(record: { kind: YardRecord["kind"]; id: string }): ActorKey {
  return `${record.kind}/${record.id}`
}

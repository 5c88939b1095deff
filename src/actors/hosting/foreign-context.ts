// What the context of a record must look like that no host of ours wrote. Our own are taken as they come: a statechart
// made them. A stranger's would be indexed, and compared, and spread into the next record; one field of the wrong type
// would throw at every recovery from then on, and the yard could not be taken over any more (rule 12).

import { z } from "zod"
import type { BlueprintContext } from "../../machines/blueprint.js"
import { blueprintTerms } from "../../machines/blueprint-terms.js"
import { duration } from "../../machines/duration.js"
import { TASKS } from "../../machines/job.js"
import { jsonObject } from "../../machines/json.js"
import type { LeaseContext } from "../../machines/lease-context.js"
import type { YardRecord } from "../../machines/record.js"
import { registry } from "../../machines/registry.js"
import type { ResourceContext } from "../../machines/resource-context.js"
import type { YardContext } from "../../machines/yard.js"

const text = z.string()
const textOrNull = text.nullable()
const timeOrNull = z.iso.datetime().nullable()
const reason = z.object({ code: text, message: text }).nullable()
const notes = z.record(text, text)

const count = z.number().int()
const limitOrNull = count.nullable()
const working = {
  job: z
    .object({
      id: text,
      task: z.enum(TASKS),
      type: text,
      attempt: count,
      state: z.enum(["ordered", "running", "backing-off"]),
      worker: textOrNull,
      orderedAt: text,
      beatBy: timeOrNull,
      deadline: timeOrNull,
      retryAt: timeOrNull,
      cancelled: z.boolean(),
      error: textOrNull,
    })
    .nullable(),
  work: z
    .object({
      type: text,
      attempts: count,
      firstDelayMs: count,
      longestDelayMs: count,
      limitMs: count,
      silenceMs: count,
    })
    .nullable(),
  log: z.array(z.object({ at: text, job: text, line: text })),
  details: jsonObject,
  quarantine: z
    .object({ code: z.enum(["clean-up-failed", "fails-its-leases"]), message: text, at: text })
    .nullable(),
}

const lease: z.ZodType<LeaseContext> = z.object({
  ...working,
  type: text,
  attributes: jsonObject,
  blueprints: z.array(text).nullable(),
  by: text,
  carries: textOrNull,
  order: z.number().int(),
  asked: z.object({ ttl: textOrNull, until: textOrNull }),
  resource: textOrNull,
  slots: z.array(text),
  token: z.number().int().nullable(),
  until: timeOrNull,
  requestedAt: text,
  acquiredAt: textOrNull,
  activatedAt: textOrNull,
  waiting: z.object({ code: text, details: jsonObject.default({}) }).nullable(),
  build: z.object({ resource: text, blueprint: text, site: text }).nullable(),
  cleanup: z.boolean(),
  reason,
  notes,
  sealTo: textOrNull,
  bounds: z.object({ longestMs: limitOrNull, warnMs: limitOrNull }),
  warnAt: timeOrNull,
  throwBack: textOrNull,
  failures: z.array(z.object({ resource: text, token: count, message: text, at: text })),
  failed: count,
  retryAt: timeOrNull,
  request: text,
})

const resource: z.ZodType<ResourceContext> = z.object({
  ...working,
  type: text,
  blueprint: text,
  site: text,
  attributes: jsonObject,
  slots: z.array(text),
  by: text,
  demand: text,
  until: timeOrNull,
  allocatedAt: text,
  activatedAt: textOrNull,
  cleanup: z.boolean(),
  reason,
  notes,
  bounds: z.object({ ttlMs: limitOrNull, idleMs: limitOrNull, immunityMs: count, strikes: count }),
  base: z
    .object({
      lease: text,
      request: z.object({
        type: text,
        blueprints: z.array(text).exactOptional(),
        attributes: jsonObject.exactOptional(),
      }),
      token: count.nullable(),
      activates: z.boolean(),
    })
    .nullable(),
  idleAt: timeOrNull,
  reclaim: z.object({ lease: text, at: z.iso.datetime(), due: z.boolean() }).nullable(),
  brokenAt: timeOrNull,
  draining: z.boolean(),
  strikes: z.array(z.object({ lease: text, token: count, message: text, at: z.iso.datetime() })),
  forgivenAt: timeOrNull,
})

const blueprint: z.ZodType<BlueprintContext> = z.object({
  type: text,
  config: jsonObject,
  limit: z.number().int().min(1).nullable(),
  terms: z.strictObject(blueprintTerms),
  failures: z.array(z.object({ resource: text, message: text, at: text, demand: text })),
  hopeless: z.array(z.object({ demand: text, message: text, at: text })),
  retryAt: timeOrNull,
  suspended: z.object({ message: text, at: text }).nullable(),
  recoveredAt: textOrNull,
  authorizations: z.record(
    text,
    z.object({
      state: z.enum(["requested", "authorized", "declined"]),
      by: text,
      at: text,
      requestedAt: text.exactOptional(),
    }),
  ),
  by: text,
  createdAt: text,
})

const yard: z.ZodType<YardContext> = z.object({
  generation: z.number().int().min(1).max(8_191),
  host: text,
  takenOverAt: text,
  retention: duration,
  sweepAt: timeOrNull,
  forgets: z.array(z.never()),
  history: z.object({ forgotten: count, next: z.object({ seq: count, at: text }).nullable() }),
})

/** Why the context of a foreign record cannot be taken in; undefined when it can. */
export function contextFault({ kind, context, event }: YardRecord): string | undefined {
  if (kind === "yard" && event.type === "expire") return "only a host of the yard forgets"
  const { schema, value } = schemaOf(kind, context)
  const parsed = schema.safeParse(value)
  if (parsed.success) return undefined
  const [issue] = parsed.error.issues
  return `its context is none of a ${kind}: ${issue?.path.map(String).join(".")} ${issue?.message}`
}

function schemaOf(
  kind: YardRecord["kind"],
  context: YardRecord["context"],
): { readonly schema: z.ZodType; readonly value: unknown } {
  switch (kind) {
    case "lease":
      return { schema: lease, value: context }
    case "resource":
      return { schema: resource, value: context }
    case "blueprint":
      return { schema: blueprint, value: context }
    case "yard":
      return { schema: yard, value: context }
    case "device":
    case "service":
    case "network": {
      // Their context is the body of the `put` that described them, with a null where it names nothing.
      const described = Object.fromEntries(Object.entries(context).filter(([, value]) => value !== null))
      return { schema: registry[kind].bodies.put ?? z.never(), value: described }
    }
  }
}

// What may be said to a lease: by people (`leaseBodies`, the public contract) and by the yard (`leaseInternalBodies`).

import { z } from "zod"
import { duration, instant } from "./duration.js"
import { activatedBody, doneBody, workerBodies } from "./job.js"
import { jsonObject } from "./json.js"
import { LIMITS } from "./limits.js"
import { OBJECT_ID } from "./names.js"
import { annotateBody } from "./notes.js"

const resourceType = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, {
  error: "a resource type is lower-case letters, digits, dots and hyphens, at most 64",
})
const objectId = z.string().regex(OBJECT_ID, { error: "not an id: letters, digits, _ and -, at most 64" })
const reasonText = z.string().max(LIMITS.reasonChars)

export const leaseBodies = {
  request: z.strictObject({
    type: resourceType,
    blueprints: z
      .array(objectId)
      .min(1, { error: "name at least one blueprint, or leave the list out to allow any" })
      .max(LIMITS.blueprintsPerLease)
      .refine((ids) => new Set(ids).size === ids.length, { error: "names a blueprint twice" })
      .optional(),
    attributes: jsonObject.optional(),
    ttl: duration.optional(),
    until: instant.optional(),
    sealTo: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, {
        error: "expected an X25519 public key: 32 bytes as base64url without padding",
      })
      .optional(),
  }),
  renew: z.strictObject({ ttl: duration.optional(), until: instant.optional() }),
  release: z.strictObject({ reason: reasonText.optional() }),
  annotate: annotateBody,
  /** Cleaning up after it failed too often (`quarantine`): try it again, or let it be and free its slots. */
  retry: z.strictObject({}),
  abandon: z.strictObject({ reason: reasonText.optional() }),
} as const
/** `principal` and `resource` only where the yard asks for a resource of its own. */
export type LeaseRequest = z.output<typeof leaseBodies.request> & {
  readonly principal?: string
  readonly resource?: string
}
export type RenewBody = z.output<typeof leaseBodies.renew>
export type ReleaseBody = z.output<typeof leaseBodies.release>

export const leaseInternalBodies = {
  /** A resource stands on it: asked in the name of its blueprint, `blueprint/<id>`. */
  request: z.strictObject({
    type: resourceType,
    blueprints: z.array(objectId).min(1).max(LIMITS.blueprintsPerLease).optional(),
    attributes: jsonObject.optional(),
    principal: z.string().max(80),
    resource: objectId,
  }),
  /** It is entitled: look again (rule 3). `order` says which waiting lease is meant. */
  wake: z.strictObject({ order: z.number().int() }),
  /** The resource it ordered came to nothing. */
  unbuilt: z.strictObject({ resource: objectId }),
  /** A deadline passed. */
  expire: z.strictObject({ timer: z.string(), at: z.string() }),
  /** Its resource ends: `token` says which grant is meant (rule 4). Or what stood on it is gone: whatever its grant. */
  release: z.strictObject({
    token: z.number().int().optional(),
    code: z.string(),
    reason: reasonText.optional(),
  }),
  /** Its resource died before it became active: back to the queue, at its old place. */
  "throw-back": z.strictObject({ token: z.number().int(), reason: reasonText.optional() }),
  /** Nothing is left to clean up: end. */
  destroy: z.strictObject({}),
} as const

/** What a worker of its blueprint may say. */
export const leaseWorkerBodies = {
  ...workerBodies,
  activated: activatedBody,
  cleaned: doneBody,
  annotate: annotateBody,
} as const

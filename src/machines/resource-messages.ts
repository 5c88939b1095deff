// What may be said to a resource: by people (the public contract), by the yard, and by the workers of its blueprint.

import { z } from "zod"
import { activatedBody, doneBody, workerBodies } from "./job.js"
import { LIMITS } from "./limits.js"
import { OBJECT_ID } from "./names.js"
import { annotateBody } from "./notes.js"

const reasonText = z.string().max(LIMITS.reasonChars)
const objectId = z.string().regex(OBJECT_ID)

export const resourceBodies = {
  release: z.strictObject({ reason: reasonText.optional() }),
  reclaim: z.strictObject({ reason: reasonText.optional() }),
  annotate: annotateBody,
  /** Finish what is held, give nothing new, then end. */
  drain: z.strictObject({ reason: reasonText.optional() }),
  /** It is in quarantine: try it again, or let it be and free its slots. */
  retry: z.strictObject({}),
  abandon: z.strictObject({ reason: reasonText.optional() }),
} as const

export const resourceInternalBodies = {
  /** A lease ordered it. `site` is where. */
  /** The lease that it stands on is active, or is over. */
  based: z.strictObject({ lease: objectId, token: z.number().int() }),
  unbased: z.strictObject({ lease: objectId, message: reasonText }),
  /** What it stands on ends: it ends first. */
  release: z.strictObject({ reason: reasonText }),
  allocate: z.strictObject({ lease: objectId, blueprint: objectId, site: z.string().max(400) }),
  /** Its last lease is gone. */
  settle: z.strictObject({}),
  /** Nobody uses it any more: its idle time counts from now on. */
  rest: z.strictObject({}),
  /** Its interface changed while nobody used it: the next one is built where the interface is now. */
  replace: z.strictObject({ reason: reasonText }),
  /** A lease that nothing else serves needs its room: it ends unless somebody uses it, or just did. */
  yield: z.strictObject({ lease: objectId }),
  /** A lease could not be activated on it. */
  strike: z.strictObject({ lease: objectId, token: z.number().int(), message: reasonText, at: z.string() }),
  /** The lease that needed its room needs it no more. */
  keep: z.strictObject({}),
  expire: z.strictObject({ timer: z.string(), at: z.string() }),
} as const

/** What a worker of its blueprint may say. */
export const resourceWorkerBodies = {
  ...workerBodies,
  activated: activatedBody,
  destroyed: doneBody,
  lost: z.strictObject({ message: reasonText }),
  annotate: annotateBody,
} as const

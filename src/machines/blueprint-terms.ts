// Terms of a blueprint that no policy has to know: who may use it, how long its leases and resources last, how its jobs
// are done, and how much failure it takes. All are optional; what is left out has the default written here.

import { z } from "zod"
import { duration, durationMs } from "./duration.js"
import type { WorkTerms } from "./job.js"
import { LIMITS } from "./limits.js"
import { PRINCIPAL_OR_BLUEPRINT } from "./names.js"

const principal = z.string().regex(PRINCIPAL_OR_BLUEPRINT, {
  error: "not a principal (letters, digits and hyphens, at most 32), nor blueprint/<id>",
})

export const blueprintTerms = {
  /** Who may use it: `everyone` (default), a list of principals, or `approval`: whoever was authorized. */
  access: z
    .union([
      z.enum(["everyone", "approval"]),
      z
        .array(principal)
        .min(1)
        .max(LIMITS.principalsPerBlueprint)
        .refine((names) => new Set(names).size === names.length, { error: "names a principal twice" }),
    ])
    .optional(),
  /** The longest time from `active` to the end of a lease, renewals included. Default: no limit. */
  maxDuration: duration.optional(),
  /**
   * So long before its end a lease says so, in a record of its timer `warn`; leases of less than twice that say nothing.
   * Default: none does.
   */
  warnBefore: duration.optional(),
  /** A resource ends so long after it became active. Default: never. */
  resourceTtl: duration.optional(),
  /** A resource ends so long after its last lease. Default: never. */
  idle: duration.optional(),
  /** An idle resource is safe from being reclaimed for another lease so long after its last one. Default 3m. */
  immunity: duration.optional(),
  /** So many builds that fail one after another suspend it until somebody enables it. Default 5. */
  suspendAfter: z.number().int().min(1).max(100).optional(),
  /** So many leases within an hour that could not be activated on a resource put it in quarantine. Default 3. */
  quarantineAfter: z.number().int().min(1).max(LIMITS.strikesPerResource).optional(),
  /** How jobs are done. */
  work: z
    .strictObject({
      /** Attempts in all. Default 5. */
      attempts: z.number().int().min(1).max(20).optional(),
      /** Before the second attempt; doubled before each further one. Default 1s. */
      firstDelay: duration.optional(),
      /** Default 5m. */
      longestDelay: duration.optional(),
      /** How long one attempt may take. Default 15m. */
      limit: duration.optional(),
      /** How long a worker may be silent before its attempt is taken for dead. Default 24s; at most `limit`. */
      silence: duration.optional(),
    })
    .optional(),
} as const
const shape = z.strictObject(blueprintTerms)
export type BlueprintTerms = z.output<typeof shape>

/** The terms out of a body that also says other things. */
export function termsOf(body: BlueprintTerms): BlueprintTerms {
  const names = Object.keys(blueprintTerms)
  const said = Object.entries(body).filter(([name, value]) => names.includes(name) && value !== undefined)
  // Sound: these entries are the body's own.
  return Object.fromEntries(said) as BlueprintTerms
}

export function workTerms(type: string, { work }: BlueprintTerms): WorkTerms {
  const limitMs = durationMs(work?.limit ?? "15m")
  return {
    type,
    attempts: work?.attempts ?? 5,
    firstDelayMs: durationMs(work?.firstDelay ?? "1s"),
    longestDelayMs: durationMs(work?.longestDelay ?? "5m"),
    limitMs,
    // Longer than the attempt itself would leave it running after its end.
    silenceMs: Math.min(limitMs, durationMs(work?.silence ?? "24s")),
  }
}

const msOrNull = (text: string | undefined): number | null => (text === undefined ? null : durationMs(text))

export const immunityMs = (terms: BlueprintTerms): number => durationMs(terms.immunity ?? "3m")
export const idleMs = (terms: BlueprintTerms): number | null => msOrNull(terms.idle)
export const resourceTtlMs = (terms: BlueprintTerms): number | null => msOrNull(terms.resourceTtl)
export const maxDurationMs = (terms: BlueprintTerms): number | null => msOrNull(terms.maxDuration)
export const warnBeforeMs = (terms: BlueprintTerms): number | null => msOrNull(terms.warnBefore)
export const suspendAfter = (terms: BlueprintTerms): number => terms.suspendAfter ?? 5
export const quarantineAfter = (terms: BlueprintTerms): number => terms.quarantineAfter ?? 3

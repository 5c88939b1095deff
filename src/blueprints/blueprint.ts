// What a blueprint is to the yard: a policy, pure and quick, that runs inside the step. It sees no time and does no
// work; work on the world is a job (a later part of the same folder). A new blueprint is one folder here.

import type { z } from "zod"
import type { JsonObject } from "../machines/json.js"
import type { DeviceRecord, ServiceRecord } from "../machines/record.js"
import type { Issue } from "../machines/rejection.js"

/** The Almanac as a policy may read it. Removed and unknown objects are both absent. */
export interface Almanac {
  service(id: string): ServiceRecord | undefined
  device(id: string): DeviceRecord | undefined
}

/** A place where one resource can be built, identified by the slot lock that the resource holds while it lives. */
export interface Site {
  readonly key: string
  /** What is pinned in the resource when it is allocated there. */
  readonly attributes: JsonObject
}

/** What a blueprint could build, from its config and the Almanac alone. */
export interface Survey {
  /** Usable places, in order of preference. */
  readonly sites: readonly Site[]
  /** Places that exist but may not be used, with the reason: `disabled`, `missing`. */
  readonly closed: ReadonlyMap<string, { readonly code: string; readonly message: string }>
  /** What is wrong with the blueprint as a whole, for people: a service that is missing. */
  readonly problems: readonly string[]
}

export interface Policy<Config> {
  /** The blueprint type, such as `almanac-service-host`. */
  readonly type: string
  /** The resource type that it provides, such as `host`. */
  readonly provides: string
  readonly description: string
  readonly config: z.ZodType<Config>
  /** Must depend on nothing but its arguments; what it reads of the Almanac is watched for changes. */
  survey(config: Config, almanac: Almanac): Survey
  /** Leases that one resource takes at once; null = any number. */
  leasesPerResource(config: Config): number | null
  /** Slot lock of the n-th lease on a resource (0 …), where the number is limited. */
  leaseSlot(resource: string, n: number): string
  /** *Activate immediately*, for resources and for leases; otherwise a worker activates them later. */
  readonly activatesResourcesAtOnce: boolean
  readonly activatesLeasesAtOnce: boolean
  /** Whether a worker has something to clean up when a resource, or a lease, ends. */
  readonly cleansUpResources: boolean
  readonly cleansUpLeases: boolean
}

/** A policy bound to one parsed config: how the yard uses it. */
export interface BoundPolicy {
  survey(almanac: Almanac): Survey
  readonly leasesPerResource: number | null
}

/** A policy whose config type is its own business. */
export interface AnyPolicy extends Omit<Policy<unknown>, "config" | "survey" | "leasesPerResource"> {
  bind(config: JsonObject): { readonly policy: BoundPolicy } | { readonly issues: readonly Issue[] }
}

export function definePolicy<Config>(policy: Policy<Config>): AnyPolicy {
  return {
    ...policy,
    bind(json) {
      const parsed = policy.config.safeParse(json)
      if (!parsed.success) {
        return {
          issues: parsed.error.issues.map((issue) => ({
            path: ["config", ...issue.path].join("."),
            message: issue.message,
          })),
        }
      }
      const config = parsed.data
      return {
        policy: {
          survey: (almanac) => policy.survey(config, almanac),
          leasesPerResource: policy.leasesPerResource(config),
        },
      }
    },
  }
}

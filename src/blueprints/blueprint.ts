// What a blueprint is to the yard: a policy, pure and quick, that runs inside the step. It sees no time and does no
// work; work on the world is a job (work.ts). A new blueprint is one folder here.

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

/** A lease that a resource stands on: the body of its request. */
export interface Need {
  readonly type: string
  readonly blueprints?: readonly string[]
  readonly attributes?: JsonObject
}

export interface Policy<Config, Demand = unknown> {
  /** The blueprint type, such as `almanac-service-host`. */
  readonly type: string
  /** The resource type that it provides, such as `host`. */
  readonly provides: string
  readonly description: string
  readonly config: z.ZodType<Config>
  /**
   * What of a request's attributes decides where it can be served, parsed. Leases whose demands are the same JSON wait
   * in one queue. Absent: attributes decide nothing.
   */
  readonly demand?: z.ZodType<Demand>
  /** Why a blueprint of this config can never serve a demand; undefined when it can. Absent: it always can. */
  cannot?(config: Config, demand: Demand): string | undefined
  /** What of a resource's or a site's attributes decides whom it suits. Absent: nothing, all are alike. */
  shape?(attributes: JsonObject): JsonObject
  /** Whether what has this shape serves a demand. Absent: it does. */
  fits?(shape: JsonObject, demand: Demand): boolean
  /**
   * Places where resources can be built. Must depend on nothing but its arguments; what it reads of the Almanac is
   * watched for changes. Absent: it builds wherever there is none yet, on numbered places that only the limit ends,
   * with the slot locks `allocator(<blueprint>).limit(<n>)`.
   */
  survey?(config: Config, almanac: Almanac): Survey
  /** Attributes of a resource that is built for a demand on a numbered place. Absent: none. */
  plan?(config: Config, demand: Demand): JsonObject
  /**
   * What a resource of this blueprint stands on: a lease that the yard requests before the resource is built, in the
   * name of the blueprint, and releases after it is destroyed. When that lease ends, so does the resource. Absent or
   * undefined: nothing.
   */
  needs?(config: Config, demand: Demand): Need | undefined
  /** Leases that one resource takes at once; null = any number. */
  leasesPerResource(config: Config): number | null
  /** Slot lock of the n-th lease on a resource (0 …), where the number is limited. */
  leaseSlot(resource: string, n: number): string
  /** Whether it rather builds a new resource than lets leases share one (D19762). Default true. */
  readonly growsBeforeSharing?: boolean
  /** *Activate immediately*, for resources and for leases; otherwise a worker activates them later. */
  readonly activatesResourcesAtOnce: boolean
  readonly activatesLeasesAtOnce: boolean
  /** Whether a worker has something to clean up when a resource, or a lease, ends. */
  readonly cleansUpResources: boolean
  readonly cleansUpLeases: boolean
}

/** A policy bound to one parsed config: how the yard uses it. What it asks of the policy may throw. */
export interface BoundPolicy {
  /** Undefined where places are numbered. */
  readonly survey: ((almanac: Almanac) => Survey) | undefined
  readonly leasesPerResource: number | null
  cannot(demand: unknown): string | undefined
  plan(demand: unknown): JsonObject
  needs(demand: unknown): Need | undefined
}

type Issues = { readonly issues: readonly Issue[] }

/** A policy whose config and demand types are its own business. */
export interface AnyPolicy {
  readonly type: string
  readonly provides: string
  readonly description: string
  readonly growsBeforeSharing: boolean
  readonly activatesResourcesAtOnce: boolean
  readonly activatesLeasesAtOnce: boolean
  readonly cleansUpResources: boolean
  readonly cleansUpLeases: boolean
  leaseSlot(resource: string, n: number): string
  bind(config: JsonObject): { readonly policy: BoundPolicy } | Issues
  /** Undefined where attributes decide nothing. */
  readonly demand: ((attributes: JsonObject) => { readonly demand: unknown } | Issues) | undefined
  shape(attributes: JsonObject): JsonObject
  fits(shape: JsonObject, demand: unknown): boolean
}

const NO_SHAPE: JsonObject = {}

export function definePolicy<Config, Demand = unknown>(policy: Policy<Config, Demand>): AnyPolicy {
  const { survey, demand } = policy
  return {
    type: policy.type,
    provides: policy.provides,
    description: policy.description,
    growsBeforeSharing: policy.growsBeforeSharing ?? true,
    activatesResourcesAtOnce: policy.activatesResourcesAtOnce,
    activatesLeasesAtOnce: policy.activatesLeasesAtOnce,
    cleansUpResources: policy.cleansUpResources,
    cleansUpLeases: policy.cleansUpLeases,
    leaseSlot: (resource, n) => policy.leaseSlot(resource, n),
    bind(json) {
      const parsed = policy.config.safeParse(json)
      if (!parsed.success) return { issues: issuesOf("config", parsed.error) }
      const config = parsed.data
      return {
        policy: {
          survey: survey === undefined ? undefined : (almanac) => survey(config, almanac),
          leasesPerResource: policy.leasesPerResource(config),
          // Sound: the kernel hands back what `demand` below has parsed.
          cannot: (asked) => policy.cannot?.(config, asked as Demand),
          plan: (asked) => policy.plan?.(config, asked as Demand) ?? NO_SHAPE,
          needs: (asked) => policy.needs?.(config, asked as Demand),
        },
      }
    },
    demand:
      demand === undefined
        ? undefined
        : (attributes) => {
            const parsed = demand.safeParse(attributes)
            return parsed.success ? { demand: parsed.data } : { issues: issuesOf("attributes", parsed.error) }
          },
    shape: (attributes) => policy.shape?.(attributes) ?? NO_SHAPE,
    // Sound: as above.
    fits: (shape, asked) => policy.fits?.(shape, asked as Demand) ?? true,
  }
}

function issuesOf(root: string, error: z.ZodError): Issue[] {
  return error.issues.map((issue) => ({
    path: [root, ...issue.path].join("."),
    message: issue.message,
  }))
}

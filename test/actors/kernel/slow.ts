// A blueprint type of the tests whose resources and leases all need a worker: things of a kind, built where there is
// room, told apart by their kind.

import { z } from "zod"
import { definePolicy } from "../../../src/blueprints/blueprint.js"

export const slow = definePolicy({
  type: "slow",
  provides: "thing",
  description: "Things that a worker builds, for tests",
  config: z.strictObject({
    leasesPerThing: z.number().int().min(1).optional(),
    kinds: z.array(z.string()).optional(),
    on: z.string().optional(),
    fails: z.enum(["cannot", "plan"]).optional(),
  }),
  demand: z.looseObject({ kind: z.string().default("any") }).transform(({ kind }) => ({ kind })),
  cannot({ kinds, fails }, { kind }) {
    if (fails === "cannot") throw new Error("the policy is broken")
    return kinds === undefined || kinds.includes(kind) ? undefined : `it makes no things of kind ${kind}`
  },
  shape: ({ kind = "any" }) => ({ kind }),
  fits: (shape, { kind }) => kind === "any" || shape.kind === kind,
  plan({ fails }, { kind }) {
    if (fails === "plan") throw new Error("the plan is broken")
    return { kind }
  },
  needs: ({ on }) => (on === undefined ? undefined : { type: on }),
  leasesPerResource: ({ leasesPerThing }) => leasesPerThing ?? null,
  leaseSlot: (resource, n) => `slow.lease(${resource},${n})`,
  activatesResourcesAtOnce: false,
  activatesLeasesAtOnce: false,
  cleansUpResources: true,
  cleansUpLeases: true,
})

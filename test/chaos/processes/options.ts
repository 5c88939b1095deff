// What the processes of a chaos run are told, and what they tell: JSON on the command line and on standard output.

import { z } from "zod"

const server = {
  url: z.string(),
  yard: z.string(),
}

export const hostOptions = z.object({
  ...server,
  name: z.string(),
  user: z.string().optional(),
  pass: z.string().optional(),
})

export const clientOptions = z.object({
  ...server,
  principal: z.string(),
  /** Of the random choices. */
  seed: z.number().int(),
  /** Leases that it asks for in all, and at most at one time. */
  requests: z.number().int(),
  atOnce: z.number().int(),
  /** How long it holds a lease, milliseconds: from 0 to this. */
  holdMs: z.number(),
  /** Share of its leases that it gives up while they wait; that it lets run out. */
  cancelled: z.number(),
  expiring: z.number(),
})
export type ClientOptions = z.output<typeof clientOptions>

export const clientReport = z.object({
  principal: z.string(),
  leases: z.array(
    z.object({
      lease: z.string(),
      /**
       * `gave-up`: it said `release` before it knew of a grant; `refused`: the request was rejected for good; `waiting`:
       * the client's time was over while it waited for what `message` says.
       */
      end: z.enum(["released", "gave-up", "expired", "refused", "waiting"]),
      message: z.string(),
    }),
  ),
  /** Every outcome as it came, by its command id. */
  outcomes: z.array(z.object({ id: z.string(), actor: z.string(), text: z.string() })),
  /** From hearing of the grant until just before saying `release`, milliseconds of the machine's clock. */
  holds: z.array(
    z.object({ lease: z.string(), resource: z.string(), fromMs: z.number(), untilMs: z.number() }),
  ),
  /** Commands said again, because the outcome stayed away or the yard went past them. */
  repeats: z.number(),
})
export type ClientReport = z.output<typeof clientReport>

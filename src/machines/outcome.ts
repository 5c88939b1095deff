import { z } from "zod"
import { recordSchema } from "./record.js"
import { REJECTION_CODES } from "./rejection.js"

/** What became of a command: body of `outcome` and `rejected` messages. */
export const outcomeSchema = z.discriminatedUnion("outcome", [
  z.object({
    outcome: z.literal("accepted"),
    /** Sequence of the command in COMMANDS. */
    command: z.number().int(),
    actor: z.string(),
    record: recordSchema,
  }),
  z.object({
    outcome: z.literal("rejected"),
    command: z.number().int(),
    actor: z.string(),
    code: z.enum(REJECTION_CODES),
    message: z.string(),
    issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  }),
])
export type Outcome = z.output<typeof outcomeSchema>

// What the queries answer, parsed at the edge. Loose on purpose: an answer may carry more than this version knows.

import { z } from "zod"
import { KINDS } from "../machines/names.js"
import { recordSchema } from "../machines/record.js"

const sequence = z.number().int().nonnegative()
/** The journal sequence that the answer rests on. */
const shared = { journal: sequence }

const getAnswer = z.looseObject({
  ...shared,
  record: recordSchema,
  /** What a resource pinned when it was allocated and what holds now, where they differ. */
  differences: z
    .array(z.looseObject({ field: z.string(), pinned: z.unknown(), now: z.unknown() }))
    .optional(),
})

const listAnswer = z.looseObject({ ...shared, items: z.array(recordSchema), next: z.string().nullable() })

const slotsAnswer = z.looseObject({
  ...shared,
  items: z.array(z.looseObject({ key: z.string(), holder: z.string() })),
})

const commandsAnswer = z.looseObject({
  ...shared,
  items: z.array(
    z.looseObject({
      seq: sequence,
      at: z.string(),
      verb: z.string(),
      by: z.string(),
      channel: z.string(),
      /** `waiting`, `accepted`, `rejected`, `nothing`, `decided` (the host that saw it is gone). */
      state: z.string(),
      code: z.string().nullish(),
      message: z.string().nullish(),
    }),
  ),
})

const numbered = z.looseObject({ seq: sequence, record: recordSchema })

/** A record with its sequence beside its own fields. */
const pastRecord = z.looseObject({ seq: sequence }).transform((item, context) => {
  const parsed = recordSchema.safeParse(item)
  if (parsed.success) return { seq: item.seq, record: parsed.data }
  for (const { message, path } of parsed.error.issues) context.addIssue({ code: "custom", message, path })
  return z.NEVER
})

const historyAnswer = z.looseObject({
  ...shared,
  items: z.array(pastRecord),
  /** The `after` of the next page. */
  next: sequence.nullish(),
})

const whyAnswer = z.looseObject({
  ...shared,
  id: z.string(),
  state: z.string(),
  /** One sentence. */
  summary: z.string().default(""),
  /** 1 = first in its queue; null when it does not wait. */
  position: z.number().int().nullish(),
  /** Leases before it. */
  ahead: z.number().int().default(0),
  waiting: z.looseObject({ code: z.string(), details: z.unknown() }).nullish(),
  /** Every blueprint considered, and its answer. */
  considered: z
    .array(z.looseObject({ blueprint: z.string(), code: z.string(), message: z.string() }))
    .default([]),
  /** Who holds what it could have, those that end soonest first. */
  holders: z
    .array(
      z.looseObject({
        lease: z.string(),
        by: z.string(),
        resource: z.string(),
        until: z.string().nullable(),
      }),
    )
    .default([]),
  /** What would end the waiting, one sentence each. */
  unblock: z.array(z.string()).default([]),
})

const eventsAnswer = z.looseObject({
  ...shared,
  items: z.array(numbered),
  /** Everything up to it is in this answer: pass it as `after` to go on. Null means `journal`. */
  next: sequence.nullable(),
})

const statusAnswer = z.looseObject({
  ...shared,
  yard: z.string(),
  role: z.string(),
  host: z.string(),
  cursor: sequence,
  lag: z.number(),
  uptime: z.number(),
  version: z.string(),
  /** How many objects of each kind are in each state. */
  counts: z.record(z.string(), z.record(z.string(), z.number())).default({}),
  /** What somebody should look after; absent from a host of an older version. */
  attention: z
    .looseObject({
      quarantined: z.number(),
      suspended: z.number(),
      pausing: z.number(),
      requested: z.number(),
    })
    .optional(),
})

const forgettableAnswer = z.looseObject({
  ...shared,
  /** How long what has ended is remembered, or would be. */
  retention: z.string(),
  /** How many objects a sweep would forget now. */
  count: sequence,
  /** How many have ended and are remembered because of the retention alone. */
  ended: sequence,
  /** When it looks next; null before the yard was served. */
  sweepAt: z.string().nullable(),
})

/** One schema per query. */
export const answerSchemas = {
  get: getAnswer,
  list: listAnswer,
  slots: slotsAnswer,
  commands: commandsAnswer,
  history: historyAnswer,
  why: whyAnswer,
  events: eventsAnswer,
  forgettable: forgettableAnswer,
  status: statusAnswer,
} as const

export const failureSchema = z.looseObject({
  error: z.looseObject({ code: z.string(), message: z.string() }),
})

export type QueryName = keyof typeof answerSchemas
export type Answers = { readonly [Name in QueryName]: z.output<(typeof answerSchemas)[Name]> }

export type SlotRow = Answers["slots"]["items"][number]
export type CommandRow = Answers["commands"]["items"][number]
export type WhyAnswer = Answers["why"]
export type StatusAnswer = Answers["status"]
export type Difference = NonNullable<Answers["get"]["differences"]>[number]

const kind = z.enum(KINDS)
type QueriedKind = z.output<typeof kind>

/** What each query is asked with. `atLeast`: answer only from a journal of at least this sequence. */
export interface Questions {
  readonly get: { readonly kind: QueriedKind; readonly id: string; readonly atLeast?: number }
  readonly list: ListFilter & { readonly kind: QueriedKind; readonly atLeast?: number }
  readonly slots: { readonly prefix?: string; readonly atLeast?: number }
  readonly commands: { readonly kind: QueriedKind; readonly id: string; readonly atLeast?: number }
  readonly history: {
    readonly kind: QueriedKind
    readonly id: string
    readonly after?: number
    readonly atLeast?: number
  }
  readonly why: { readonly id: string; readonly atLeast?: number }
  readonly events: {
    readonly after: number
    readonly limit?: number
    readonly kind?: QueriedKind
    readonly id?: string
    readonly atLeast?: number
  }
  readonly forgettable: { readonly retention?: string; readonly atLeast?: number }
  readonly status: { readonly atLeast?: number }
}

export interface ListFilter {
  readonly state?: string
  readonly type?: string
  readonly blueprint?: string
  readonly resource?: string
  readonly limit?: number
  /** `next` of the page before. */
  readonly after?: string
}

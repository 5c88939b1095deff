import type { JobOrder } from "../../machines/job.js"

/** Why an attempt must not go on. */
export type Why = "cancelled" | "superseded" | "silent" | "deadline" | "worker-stops" | "guard-lost"

/** The reason of an attempt's aborted signal. */
export class Interrupted extends Error {
  override readonly name = "Interrupted"
  constructor(
    readonly why: Why,
    { kind, id, task, limitMs }: JobOrder,
  ) {
    super(
      {
        cancelled: `${kind} ${id} was released`,
        superseded: `the yard counts this attempt no more`,
        silent: `the yard was out of reach for too long`,
        deadline: `${task} took longer than ${limitMs / 1000} s`,
        "worker-stops": `its worker was stopped`,
        "guard-lost": `the guard of its worker's programs ended`,
      }[why],
    )
  }
}

// What a worker says about itself, as data: the CLI prints it, a log keeps it, tests wait for it.

import type { JobOrder } from "../../machines/job.js"

/** How an attempt ended. */
export type Ending =
  /** The answer is on record. */
  | "done"
  | "failed"
  /** Its object was released meanwhile, nothing of it runs any more, and the yard knows. */
  | "stopped"
  /** It counts no more (another attempt, another state), or its worker was out of touch for too long: nothing was said. */
  | "lost"

export type WorkerReport =
  | { readonly event: "begun"; readonly order: JobOrder }
  /** `message`: why, where it is not `done`. */
  | {
      readonly event: "ended"
      readonly order: JobOrder
      readonly ending: Ending
      readonly ms: number
      readonly message: string
    }
  /** The yard does not want it to be begun. */
  | { readonly event: "refused"; readonly order: JobOrder; readonly code: string; readonly message: string }
  /** What lay in WORK is no job for this worker. */
  | { readonly event: "garbage"; readonly subject: string; readonly why: string }
  /** The blueprint's code did not end when it was told to: it goes on inside this worker, and nobody listens to it. */
  | { readonly event: "unheeded"; readonly order: JobOrder }
  | { readonly event: "trouble"; readonly doing: string; readonly fault: unknown }

export type WorkerReporter = (report: WorkerReport) => void

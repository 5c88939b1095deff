// A worker on an open server: what `up` and `worker` have in common.

import { DrydockError } from "../actors/error.js"
import { openNatsWorkLink } from "../actors/log/nats-work-link.js"
import type { WorkerReport } from "../actors/worker/reports.js"
import { Worker } from "../actors/worker/worker.js"
import type { Blueprint } from "../blueprints/work.js"
import type { NatsAccess } from "../nats/connect.js"
import { CliError } from "./failure.js"
import type { Output } from "./output.js"
import { spell } from "./text.js"

export interface WorkingOptions extends NatsAccess {
  readonly yard: string
  readonly blueprints: readonly Blueprint[]
  readonly concurrency: number | undefined
  readonly report: (report: WorkerReport) => void
  /** The connection was lost, or stands again. */
  readonly onConnection?: (stands: boolean) => void
}

export interface Working {
  readonly worker: Worker
  /** Rejects when the server does not let this user work; never resolves. */
  readonly denied: Promise<never>
  /** Jobs that run may end within `graceMs`; the rest is ended and tried again elsewhere. Then the connection closes. */
  stop(graceMs: number): Promise<void>
}

/** It takes jobs after `worker.start()`. Throws what connecting throws. */
export async function openWorker(options: WorkingOptions): Promise<Working> {
  const { yard, blueprints, concurrency, report, ...access } = options
  let onDenied: (error: Error) => void = () => {}
  const denied = new Promise<never>((_, reject) => {
    onDenied = reject
  })
  denied.catch(() => {}) // Whoever waits for it hears of it.
  const link = await openNatsWorkLink({ ...access, yard, name: "drydock worker", onDenied }).catch(
    (error: unknown) => {
      if (!(error instanceof DrydockError) || error.code !== "not-authorized") throw error
      const cures = ["drydock worker --user NAME          with DRYDOCK_WORKER_PASSWORD in the environment"]
      throw new CliError(error.code, error.message, { cures, cause: error.cause })
    },
  )
  const worker = new Worker({ link, yard, blueprints, concurrency, report })
  return {
    worker,
    denied,
    stop: async (graceMs) => {
      try {
        await worker.stop(graceMs)
      } finally {
        await link.close()
      }
    },
  }
}

/** Those that there is something to do for. */
export function withWork(blueprints: readonly Blueprint[]): readonly Blueprint[] {
  return blueprints.filter(({ work }) => work !== undefined && work.tasks.length > 0)
}

/** Says what a worker does: to people on stderr, under `--json` as events on stdout. */
export function tell(out: Output, report: WorkerReport): void {
  out.event(workerJson(report), () => undefined)
  const line = workerLine(out, report)
  if (line !== undefined) out.say(line)
}

/** One plain line for a person; undefined for what is no news to anybody. */
function workerLine(out: Output, report: WorkerReport): string | undefined {
  const { ce } = out
  switch (report.event) {
    case "begun":
      return `${ce.cyan("→")} ${jobText(report.order)}`
    case "ended": {
      const mark = { done: ce.green("✓"), failed: ce.red("✗"), stopped: ce.yellow("■"), lost: ce.yellow("?") }
      const how = report.ending === "done" ? "in" : `${report.ending} after`
      const why = report.message === "" ? "" : `: ${report.message}`
      return `${mark[report.ending]} ${jobText(report.order)} ${how} ${spell(report.ms)}${why}`
    }
    case "refused":
      // Another worker was faster, or nobody wants it any more: that is how jobs that were lost find their end.
      return report.code === "stale"
        ? undefined
        : `the yard refuses ${jobText(report.order)}: ${report.message}`
    case "garbage":
      return `WARNING a message in WORK is no job (${report.subject}): ${report.why}`
    case "unheeded":
      return `WARNING the code of ${jobText(report.order)} did not end when it was told to: it may still do something`
    case "trouble":
      return `trouble while ${report.doing}: ${faultText(report.fault)}`
  }
}

function jobText({
  task,
  kind,
  id,
  attempt,
}: {
  task: string
  kind: string
  id: string
  attempt: number
}): string {
  return `${task} ${kind}/${id}${attempt === 1 ? "" : ` (attempt ${attempt})`}`
}

function workerJson(report: WorkerReport): object {
  if (report.event === "trouble")
    return { event: "report", doing: report.doing, fault: faultText(report.fault) }
  const { event, ...rest } = report
  return { event: `job-${event}`, ...rest }
}

function faultText(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault)
}

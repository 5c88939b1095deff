// One point of the table: a host (the floor or the yard) and a load, at one number of clients.

import type { LoadOrder, LoadReport } from "./load/order.js"
import { benchFile } from "./place.js"
import { cpuUs, outputOf, startNode } from "./processes.js"

/** What a point has measured, with the CPU time per cycle of each process, microseconds. */
export interface Point extends LoadReport {
  readonly serverCpuUs: number | undefined
  readonly hostCpuUs: number | undefined
}

const LOAD = benchFile("load/load.js")

/** Runs one load process to its end. The CPU times cover warm-up and measure, so they are divided by all cycles. */
export async function measure(
  order: LoadOrder,
  pids: { readonly server: number; readonly host: number },
): Promise<Point> {
  const before = { server: await cpuUs(pids.server), host: await cpuUs(pids.host) }
  const text = await outputOf(startNode(LOAD, [JSON.stringify(order)]))
  const report: LoadReport = JSON.parse(text)
  const after = { server: await cpuUs(pids.server), host: await cpuUs(pids.host) }
  const perCycle = (now: number | undefined, then: number | undefined) =>
    now === undefined || then === undefined ? undefined : (now - then) / Math.max(1, report.allCycles)
  return {
    ...report,
    serverCpuUs: perCycle(after.server, before.server),
    hostCpuUs: perCycle(after.host, before.host),
  }
}

// One point of the table: a host (the floor or the yard) and a load, at one number of clients.

import type { LoadLine, LoadOrder, LoadReport } from "./load/order.js"
import { benchFile } from "./place.js"
import { cpuUs, linesOf, startNode } from "./processes.js"

/** What a point has measured, with the CPU time per cycle of each process, microseconds. */
export interface Point extends LoadReport {
  readonly serverCpuUs: number | undefined
  readonly hostCpuUs: number | undefined
}

const LOAD = benchFile("load/load.js")

interface Pids {
  readonly server: number
  readonly host: number
}

/** Runs one load process to its end. */
export async function measure(order: LoadOrder, pids: Pids): Promise<Point> {
  const cpu: { server: number | undefined; host: number | undefined }[] = []
  let report: LoadReport | undefined
  await linesOf(startNode(LOAD, [JSON.stringify(order)]), (text) => {
    const line: LoadLine = JSON.parse(text)
    if (line.event === "report") report = line.report
    else cpu.push({ server: cpuUs(pids.server), host: cpuUs(pids.host) })
  })
  if (report === undefined) throw new Error("the load process ended without a report")
  const cycles = Math.max(1, report.cycles)
  const [before, after] = cpu
  const perCycle = (now: number | undefined, then: number | undefined) =>
    now === undefined || then === undefined ? undefined : (now - then) / cycles
  return {
    ...report,
    serverCpuUs: perCycle(after?.server, before?.server),
    hostCpuUs: perCycle(after?.host, before?.host),
  }
}

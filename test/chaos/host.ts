// A host process as a test sees it: what it reports, with the time, and its end.

import type { FaultPoint } from "../../src/actors/hosting/faults.js"
import type { Report } from "../../src/actors/hosting/reports.js"
import type { TestServer } from "../support/server.js"
import { type Child, startChild } from "./child.js"

export type HostReport = (Report | { readonly event: "started" }) & { readonly atMs: number }

export interface ChaosHost extends Child {
  readonly name: string
  readonly reports: readonly HostReport[]
  /** The first report that matches, past ones included. Throws after `timeoutMs` (20 s) or at the process's end. */
  reported(matches: (report: HostReport) => boolean, timeoutMs?: number): Promise<HostReport>
  active(): Promise<HostReport>
  activeOrDead(): Promise<void>
}

let hosts = 0

export function startChaosHost(
  server: Pick<TestServer, "hostOptions">,
  yard: string,
  fault?: { readonly at: FaultPoint; readonly count: number; readonly signal?: "SIGSTOP" },
): ChaosHost {
  const { servers: url, user, pass } = server.hostOptions
  const name = `host-${process.pid}-${++hosts}`
  const reports: HostReport[] = []
  const watchers = new Set<() => void>()
  const heard = (line: string) => {
    // Our own process wrote it.
    const report = { ...(JSON.parse(line) as Report), atMs: Date.now() }
    reports.push(report)
    if (process.env.DRYDOCK_CHAOS_REPORTS) console.error(Date.now() % 1_000_000, name, line)
    for (const look of [...watchers]) look()
  }
  const env = fault === undefined ? {} : { DRYDOCK_FAULT: `${fault.at}:${fault.count}:${fault.signal ?? ""}` }
  const child = startChild("host", { url, user, pass, yard, name }, heard, env)
  const reported: ChaosHost["reported"] = (matches, timeoutMs = 20_000) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = reports.find(matches)
        if (found === undefined) return
        end()
        resolve(found)
      }
      const fail = (why: string) => {
        end()
        const last = JSON.stringify(reports.slice(-3))
        reject(new Error(`${name} ${why} before it reported what was waited for; the last reports: ${last}`))
      }
      const timer = setTimeout(() => fail(`took ${timeoutMs} ms`), timeoutMs)
      const end = () => {
        clearTimeout(timer)
        watchers.delete(look)
      }
      watchers.add(look)
      void child.exited.then((code) => fail(`ended with ${code}`))
      look()
    })
  const active = () => reported((report) => report.event === "role" && report.role === "active")
  return {
    name,
    reports,
    reported,
    active,
    activeOrDead: () => Promise.race([active(), child.exited]).then(() => {}, dead),
    pid: child.pid,
    exited: child.exited,
    get hasExited() {
      return child.hasExited
    },
    signal: child.signal,
  }

  function dead(error: unknown): void {
    if (!child.hasExited) throw error
  }
}

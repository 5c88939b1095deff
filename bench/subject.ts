// What is measured: a host, a pool for it and a number of clients.

import { join } from "node:path"
import { benchFile, ROOT } from "./place.js"
import { measure, type Point } from "./point.js"
import { type Child, end, startNode, untilReady } from "./processes.js"
import { type BenchServer, type Sync, startServer } from "./server.js"
import { buildPool } from "./yard/pool.js"

/**
 * - `floor`: bench/floor, the same messages and no decision
 * - `yard`: Drydock, 64 hosts that take any number of leases: nobody waits
 * - `queue`: Drydock, 64 exclusive hosts: with more clients than that, leases wait and are woken
 */
export const SUBJECTS = ["floor", "yard", "queue"] as const
export type Subject = (typeof SUBJECTS)[number]

export interface MeasureOptions {
  readonly subject: Subject
  readonly sync: Sync
  readonly clients: number
  readonly warmUpMs: number
  readonly measureMs: number
}

/** Measures one point on a fresh server and host. Throws when a process fails or the load hangs. */
export async function measureOnce(
  options: MeasureOptions,
): Promise<{ readonly point: Point; readonly serverVersion: string }> {
  const { subject, sync, clients, warmUpMs, measureMs } = options
  const server = await startServer(sync)
  const host = startHost(subject, server)
  try {
    await untilReady(host)
    if (subject !== "floor") await buildPool(server.url, subject === "queue" ? 1 : undefined)
    const load = { url: server.url, yard: "default", clients, warmUpMs, measureMs, run: "r" }
    const point = await measure(
      { ...load, contended: subject === "queue" },
      { server: server.pid, host: host.pid ?? 0 },
    )
    return { point, serverVersion: server.version }
  } finally {
    await end(host)
    await server.stop()
  }
}

function startHost(subject: Subject, server: BenchServer): Child {
  const script =
    subject === "floor"
      ? benchFile("floor/floor.js")
      : (process.env.BENCH_CLI ?? join(ROOT, "dist", "cli", "main.js"))
  const args = subject === "floor" ? [] : ["host", "--json", "--quiet"]
  return startNode(script, args, server.hostEnv)
}

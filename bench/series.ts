// What is measured: a host and a pool for it, one client count after the other, on a fresh server.

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

export interface SeriesOptions {
  readonly subject: Subject
  readonly sync: Sync
  readonly clients: readonly number[]
  readonly warmUpMs: number
  readonly measureMs: number
  readonly onPoint: (clients: number, point: Point) => void
}

export interface Series {
  readonly points: ReadonlyMap<number, Point>
  readonly serverVersion: string
}

/** Measures every client count of one subject. Throws when a process fails or a load hangs. */
export async function runSeries(options: SeriesOptions): Promise<Series> {
  const { subject, sync } = options
  const server = await startServer(sync)
  const host = startHost(subject, server)
  try {
    await untilReady(host)
    if (subject !== "floor") await buildPool(server.url, subject === "queue" ? 1 : undefined)
    const points = new Map<number, Point>()
    for (const clients of options.clients) {
      const point = await measure(
        {
          url: server.url,
          yard: "default",
          clients,
          warmUpMs: options.warmUpMs,
          measureMs: options.measureMs,
          contended: subject === "queue",
          run: `r${clients}`,
        },
        { server: server.pid, host: host.pid ?? 0 },
      )
      points.set(clients, point)
      options.onPoint(clients, point)
    }
    return { points, serverVersion: server.version }
  } finally {
    await end(host)
    await server.stop()
  }
}

function startHost(subject: Subject, server: BenchServer): Child {
  const script = subject === "floor" ? benchFile("floor/floor.js") : `${ROOT}dist/cli/main.js`
  const args = subject === "floor" ? [] : ["host", "--json", "--quiet"]
  return startNode(script, args, server.hostEnv)
}

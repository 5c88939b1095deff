// The race: client processes ask for exclusive hosts, far more than there are. Whatever else happens meanwhile (kills,
// foreign appends, a lost claim) is `during`.

import { setTimeout as pause } from "node:timers/promises"
import { makePool } from "../support/person.js"
import type { TestServer } from "../support/server.js"
import { type Child, startChild } from "./child.js"
import type { History } from "./history.js"
import { type ClientOptions, type ClientReport, clientReport } from "./processes/options.js"
import { type Recorder, startRecorder } from "./recorder.js"

export interface RaceOptions {
  readonly server: TestServer
  readonly yard: string
  readonly seed: number
  readonly clients?: number
  readonly requests?: number
  readonly hosts?: number
  /** What every client does; see ClientOptions. */
  readonly habits?: Partial<Pick<ClientOptions, "atOnce" | "holdMs" | "cancelled" | "expiring">>
  /** Called when the pool is made and the clients start. `racing()` turns false when the last one has ended. */
  during?(recorder: Recorder, racing: () => boolean): Promise<void>
  readonly timeoutMs?: number
}

const HABITS = { atOnce: 125, holdMs: 20, cancelled: 0.2, expiring: 0.03 }

/** Needs an active host. Returns when every client has ended or its time is over, `during` is over and the yard is quiet. */
export async function race(options: RaceOptions): Promise<History> {
  const { server, yard, seed, clients: count = 4, requests = 500, hosts = 8, timeoutMs = 120_000 } = options
  const recorder = await startRecorder(server, yard)
  try {
    await makePool(recorder.person, hosts, 1)
    let racing = true
    const runs = Array.from({ length: count }, (_, index) =>
      runClient({
        ...HABITS,
        ...options.habits,
        url: server.url,
        yard,
        principal: `c${index}`,
        seed: seed * 101 + index,
        requests: Math.ceil(requests / count),
      }),
    )
    const reports = Promise.all(runs.map(({ report }) => report))
    const over = inTime(reports, timeoutMs).finally(() => {
      racing = false
      for (const { child } of runs) child.signal("SIGTERM")
    })
    await Promise.all([over, options.during?.(recorder, () => racing)])
    await recorder.quiet()
    return await recorder.history({ hosts, clients: await reports })
  } finally {
    await recorder.close()
  }
}

interface Run {
  readonly child: Child
  /** What it heard, at its end or at SIGTERM. */
  readonly report: Promise<ClientReport>
}

function runClient(options: ClientOptions): Run {
  const lines: string[] = []
  const child = startChild("client", options, (line) => lines.push(line))
  const report = child.exited.then((code) => {
    if (code !== 0) throw new Error(`client ${options.principal} ended with ${code}`)
    return clientReport.parse(JSON.parse(lines.join("\n")))
  })
  return { child, report }
}

/** Waits for the work, but not for longer than this. */
async function inTime(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  const patience = new AbortController()
  const late = pause(timeoutMs, undefined, { signal: patience.signal }).catch(() => {})
  try {
    await Promise.race([work, late])
  } finally {
    patience.abort()
  }
}

// The race: client processes ask for exclusive hosts, far more than there are. Whatever else happens meanwhile (kills,
// foreign appends, a lost claim) is `during`.

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

/** Needs an active host. Returns when every client has ended, `during` is over and the yard is quiet. */
export async function race(options: RaceOptions): Promise<History> {
  const { server, yard, seed, clients = 4, requests = 500, hosts = 8, timeoutMs = 120_000 } = options
  const recorder = await startRecorder(server, yard)
  try {
    await makePool(recorder.person, hosts, 1)
    let racing = true
    const runs = Array.from({ length: clients }, (_, index) =>
      runClient({
        ...HABITS,
        ...options.habits,
        url: server.url,
        yard,
        principal: `c${index}`,
        seed: seed * 101 + index,
        requests: Math.ceil(requests / clients),
      }),
    )
    const reports = inTime(Promise.all(runs.map((run) => run.report)), timeoutMs).finally(() => {
      racing = false
      for (const { child } of runs) child.signal("SIGKILL")
    })
    const [told] = await Promise.all([reports, options.during?.(recorder, () => racing)])
    await recorder.quiet()
    return await recorder.history(hosts, told)
  } finally {
    await recorder.close()
  }
}

function runClient(options: ClientOptions): {
  readonly child: Child
  readonly report: Promise<ClientReport>
} {
  const lines: string[] = []
  const child = startChild("client", options, (line) => lines.push(line))
  const report = child.exited.then((code) => {
    if (code !== 0) throw new Error(`client ${options.principal} ended with ${code}`)
    return clientReport.parse(JSON.parse(lines.join("\n")))
  })
  return { child, report }
}

async function inTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the clients are not through after ${timeoutMs} ms`)),
      timeoutMs,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

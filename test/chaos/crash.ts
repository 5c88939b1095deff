// Crashes during the race. At each point the active host dies by SIGKILL: at a random moment, or exactly at a fault
// hook. The next one is there already as a standby, or is started only then.

import { setTimeout as pause } from "node:timers/promises"
import { FAULT_POINTS, type FaultPoint } from "../../src/actors/hosting/faults.js"
import type { TestServer } from "../support/server.js"
import { watchClaims } from "./claims.js"
import type { History } from "./history.js"
import { type ChaosHost, startChaosHost } from "./host.js"
import { type RaceOptions, race } from "./race.js"
import type { Random } from "./random.js"
import type { Recorder } from "./recorder.js"

export type CrashPoint = (
  | { readonly at: "random"; readonly afterMs: number }
  | { readonly at: FaultPoint; readonly count: number }
) & {
  /** The claim of the dead host runs out by itself, and its successor is started after its death. */
  readonly slowly: boolean
}

/** A host that did not come by its fault hook within this time is killed where it is. */
const FAULT_PATIENCE_MS = 3_000
/** A random moment earlier than this is counted from the death of the one before. */
const DURING_TAKE_OVER_MS = 100
/** How often a hook may be passed before it kills; where nothing is said, once. */
const PASSES: Partial<Record<FaultPoint, number>> = {
  decided: 60,
  "before-append": 40,
  "after-append": 40,
  "before-outcome": 60,
  "after-outcome": 60,
  "before-send": 40,
  "after-send": 40,
  timer: 2,
}
/** Not reached in passing: COMMANDS must be full, or something old enough. They have tests of their own in test/e2e. */
const RARE: ReadonlySet<FaultPoint> = new Set(["before-purge", "before-forget", "after-forget"])
const HOOKS = FAULT_POINTS.filter((point) => !RARE.has(point))

/** `count` points: every hook in turn, and as many random moments between them. */
export function crashPoints(count: number, { below, next }: Random, slow: number): CrashPoint[] {
  return Array.from({ length: count }, (_, index) => {
    const slowly = next() < slow
    const at = HOOKS[(index >> 1) % HOOKS.length]
    if (index % 2 === 0 || at === undefined) return { at: "random", afterMs: below(400), slowly }
    return { at, count: 1 + below(PASSES[at] ?? 1), slowly }
  })
}

export interface Crashed {
  readonly history: History
  /** Points that were used, by name, and how many of them killed at their hook. */
  readonly crashes: readonly { readonly at: string; readonly reached: boolean }[]
}

export interface CrashRaceOptions extends Omit<RaceOptions, "during"> {
  readonly points: readonly CrashPoint[]
  /** Called while hosts come and go; `host` is the one that is, or is about to be, active. */
  during?(recorder: Recorder, racing: () => boolean, host: () => ChaosHost): Promise<void>
}

/** Runs one race with crashes; points that the race was too short for are left over. */
export async function crashRace(options: CrashRaceOptions): Promise<Crashed> {
  const { server, yard, points } = options
  const crashes: { at: string; reached: boolean }[] = []
  let host = startChaosHost(server, yard)
  await host.active()
  const during = async (recorder: Recorder, racing: () => boolean) => {
    const claims = await watchClaims(recorder.log)
    for (const [index, point] of points.entries()) {
      if (!racing()) break
      const following = points[index + 1]
      // Some die while they take over, the others at work, with a standby that listens.
      const isEarly = point.at === "random" && point.afterMs < DURING_TAKE_OVER_MS
      if (!isEarly) await host.activeOrDead()
      const standby = point.slowly || isEarly ? undefined : next(server, yard, following)
      await standby?.reported(({ event }) => event === "started")
      crashes.push({ at: point.at, reached: await crash(host, point) })
      if (!point.slowly) await claims.end(host.name)
      host = standby ?? next(server, yard, following)
    }
    // The last one may still have a fault hook to die at.
    host.signal("SIGKILL")
    await host.exited
    host = startChaosHost(server, yard)
    await host.active()
    await claims.close()
  }
  try {
    const history = await race({
      ...options,
      during: async (recorder, racing) => {
        await Promise.all([during(recorder, racing), options.during?.(recorder, racing, () => host)])
      },
    })
    return { history, crashes }
  } finally {
    host.signal("SIGKILL")
    await host.exited
  }
}

function next(server: TestServer, yard: string, point: CrashPoint | undefined): ChaosHost {
  return startChaosHost(server, yard, point === undefined || point.at === "random" ? undefined : point)
}

async function crash(host: ChaosHost, point: CrashPoint): Promise<boolean> {
  const patienceMs = point.at === "random" ? point.afterMs : FAULT_PATIENCE_MS
  await Promise.race([host.exited, pause(patienceMs)])
  const reached = host.hasExited
  host.signal("SIGKILL")
  await host.exited
  return reached || point.at === "random"
}

// The long runs: `npm run race -- --seed 7 --requests 2000`, `npm run chaos -- --points 200 --seed 7 [--foreign]` and
// `npm run chaos:work -- --seconds 300 --seed 7`.
// Every run is known by its seed; a problem is printed with it, and the exit code is 1.

import { parseArgs } from "node:util"
import { startTestServer } from "../support/server.js"
import { BROKEN_BY_A_SECOND_HOST, check } from "./checkers/index.js"
import { crashPoints, crashRace } from "./crash.js"
import { appendForeign } from "./foreign.js"
import { startChaosHost } from "./host.js"
import { race } from "./race.js"
import { random } from "./random.js"
import { workChaos } from "./work.js"

/** Points of one race: as many as it lasts for. */
const POINTS_PER_RACE = 25
/** So that a race lasts: few leases at once, held for longer. */
const LASTING = { atOnce: 25, holdMs: 400 }

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    points: { type: "string", default: "200" },
    requests: { type: "string", default: "500" },
    seconds: { type: "string", default: "300" },
    seed: { type: "string" },
    foreign: { type: "boolean", default: false },
    slow: { type: "string", default: "0.2" },
  },
})
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed)
const requests = Number(values.requests)
const server = await startTestServer()
let problems = 0
function judge(found: readonly string[], what: string): void {
  problems += found.length
  console.log(`${found.length === 0 ? "ok  " : "BAD "} ${what}`)
  for (const problem of found) console.log(`     ${problem}`)
}

console.log(`seed ${seed}`)
try {
  if (positionals[0] === "race") await raceOnce()
  else if (positionals[0] === "work") await workOnce(Number(values.seconds))
  else await crashAll(Number(values.points))
} finally {
  await server.stop()
}
process.exitCode = problems === 0 ? 0 : 1

async function raceOnce(): Promise<void> {
  const host = startChaosHost(server, "race")
  await host.active()
  const startedMs = Date.now()
  const history = await race({ server, yard: "race", seed, requests, timeoutMs: 600_000 })
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1)
  host.signal("SIGTERM")
  await host.exited
  judge(check(history), `${requests} requests, ${history.journal.length} records, ${seconds} s`)
}

async function workOnce(seconds: number): Promise<void> {
  const { problems: found, kills, leases, resources, records } = await workChaos({ server, seed, seconds })
  const killed = `${kills.workers} workers and ${kills.hosts} hosts killed, ${kills.stops} workers stopped`
  judge(found, `${seconds} s: ${leases} leases, ${resources} resources, ${records} records; ${killed}`)
}

async function crashAll(points: number): Promise<void> {
  const choices = random(seed)
  const reached = new Map<string, number>()
  let left = crashPoints(points, choices, Number(values.slow))
  for (let round = 0; left.length > 0; round++) {
    const yard = `crash-${round}`
    const { history, crashes } = await crashRace({
      server,
      yard,
      seed: seed + round,
      requests,
      habits: LASTING,
      points: left.slice(0, POINTS_PER_RACE),
      timeoutMs: 300_000,
      during: async (recorder, racing, host) => {
        if (!values.foreign) return
        const options = { racing, count: 100, random: choices }
        const injections = await appendForeign(server, yard, recorder, host, options)
        for (const { kind } of injections) reached.set(kind, (reached.get(kind) ?? 0) + 1)
      },
    })
    for (const { at, reached: there } of crashes) if (there) reached.set(at, (reached.get(at) ?? 0) + 1)
    left = left.slice(crashes.length)
    const commands = `${history.commands.length} commands, ${history.journal.length} records`
    judge(
      check(history, values.foreign ? BROKEN_BY_A_SECOND_HOST : []),
      `race ${round}: ${crashes.length} crashes, ${commands}`,
    )
  }
  console.log([...reached].map(([at, count]) => `${at} ${count}`).join(", "))
}

// npm run bench [-- options]
//
//   --quick            2 s per point and one run of each, to see that all works
//   --seconds N        measured seconds per point (10)
//   --runs N           runs of each; floor and yard change places every time, ABBA (2)
//   --clients 1,8,64   client counts (1,8,64,512)
//   --sync always      only this way to sync; `always` or `default`
//   --only floor       only this subject: floor, yard or queue; several with commas
//   --write            put the tables into docs/performance.md
//
// BENCH_CLI=path/to/dist/cli/main.js measures another build; BENCH_NODE_FLAGS=--cpu-prof are flags for Node.js.

import { loadavg } from "node:os"
import { parseArgs } from "node:util"
import { describeMachine } from "./machine.js"
import { writeTables } from "./page.js"
import { SYNCS, type Sync } from "./server.js"
import { measureOnce, SUBJECTS, type Subject } from "./subject.js"
import { queueTable, type Result, ratioTable } from "./table.js"
import { HOSTS } from "./yard/pool.js"

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    seconds: { type: "string" },
    runs: { type: "string" },
    clients: { type: "string", default: "1,8,64,512" },
    sync: { type: "string", default: SYNCS.join(",") },
    only: { type: "string", default: SUBJECTS.join(",") },
    write: { type: "boolean", default: false },
  },
})
const seconds = Number(values.seconds ?? (values.quick ? 2 : 10))
const runs = Number(values.runs ?? (values.quick ? 1 : 2))
const clients = values.clients.split(",").map(Number)
const syncs = SYNCS.filter((sync) => values.sync.split(",").includes(sync))
const subjects = SUBJECTS.filter((subject) => values.only.split(",").includes(subject))

const results: Result[] = []
let serverVersion = "unknown"
const loadBefore = loadavg()[0] ?? 0
// Floor and yard of one point are measured close to each other, so that a machine that changes disturbs both alike.
for (const sync of syncs)
  for (const count of clients)
    for (let run = 0; run < runs; run++)
      for (const subject of run % 2 === 0 ? subjects : subjects.toReversed())
        await measureSubject(sync, subject, count)

const machine = await describeMachine(serverVersion)
const note = `${seconds} s per point, ${runs} run${runs === 1 ? "" : "s"} of each in ABBA order; load of the machine before: ${loadBefore.toFixed(1)}.`
const parts = [machine, note]
if (subjects.some((subject) => subject !== "queue")) parts.push(ratioTable(results))
if (subjects.includes("queue")) parts.push(queueTable(results))
process.stdout.write(`${parts.join("\n\n")}\n`)
if (values.write)
  await writeTables({ machine, note, ratios: ratioTable(results), queue: queueTable(results) })

async function measureSubject(sync: Sync, subject: Subject, count: number): Promise<void> {
  // Without a queue the exclusive hosts measure the same as the shared ones.
  if (subject === "queue" && count <= HOSTS) return
  const warmUpMs = Math.min(4_000, seconds * 1_000)
  const measured = await measureOnce({ subject, sync, clients: count, warmUpMs, measureMs: seconds * 1_000 })
  const { point } = measured
  serverVersion = measured.serverVersion
  results.push({ sync, subject, clients: count, point })
  const text = `${sync} ${subject} ${count} clients: ${Math.round(point.cyclesPerSecond)} cycles/s`
  process.stderr.write(`${text}, acquire p50 ${point.acquireP50Ms.toFixed(1)} ms\n`)
  if (point.failures === 0) return
  process.stderr.write(`  ${point.failures} failures, the first: ${point.firstFailure}\n`)
  process.exitCode = 1
}

// What one pure step costs, in microseconds: parsing, deciding and taking the record in; no NATS, no JSON of records.
// Usage: npm run bench:step

import type { Command } from "../../src/actors/kernel/index.js"
import type { Send } from "../../src/machines/record.js"
import { Ledger } from "./ledger.js"

const HOSTS = 64
const WARM_UP = 3_000
const ROUNDS = 6_000

/** Microseconds of many steps of one sort. */
class Sort {
  readonly #times: number[] = []

  constructor(readonly name: string) {}

  time(ledger: Ledger, command: Command): readonly Send[] {
    const begin = performance.now()
    const sends = ledger.step(command)
    this.#times.push((performance.now() - begin) * 1_000)
    return sends
  }

  row(scene: string): string {
    const sorted = this.#times.slice(WARM_UP).sort((a, b) => a - b)
    const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(1)
    const mean = sorted.reduce((sum, us) => sum + us, 0) / sorted.length
    return `| ${scene} | ${this.name} | ${mean.toFixed(1)} | ${at(0.5)} | ${at(0.99)} |`
  }
}

const request = { type: "host", ttl: "30m" }

/** Every lease is active at once, on hosts that take any number of leases; `held` others are held all the time. */
function uncontended(held: number): string[] {
  const ledger = new Ledger()
  ledger.build(HOSTS, undefined)
  for (let n = 0; n < Math.max(held, HOSTS); n++) ledger.run("lease", `held${n}`, "request", request)
  for (let n = held; n < HOSTS; n++) ledger.run("lease", `held${n}`, "release", {})
  const requests = new Sort("request")
  const releases = new Sort("release")
  for (let n = 0; n < WARM_UP + ROUNDS; n++) {
    const left = requests.time(ledger, ledger.command("lease", `l${n}`, "request", request))
    const follow = releases.time(ledger, ledger.command("lease", `l${n}`, "release", {}))
    if (left.length + follow.length > 0)
      throw new Error("an uncontended cycle is two commands and two records")
  }
  return [requests, releases].map((sort) => sort.row(`room for all, ${held} held`))
}

/** Exclusive hosts, all held, and a queue: each round one asks, one lets go, and the first of the queue is woken. */
function contended(waiting: number): string[] {
  const ledger = new Ledger()
  ledger.build(HOSTS, 1)
  for (let n = 0; n < HOSTS + waiting; n++) ledger.run("lease", `l${n}`, "request", request)
  const requests = new Sort("request, has to wait")
  const releases = new Sort("release, wakes one")
  const wakes = new Sort("wake, grants")
  for (let n = 0; n < WARM_UP + ROUNDS; n++) {
    requests.time(ledger, ledger.command("lease", `l${HOSTS + waiting + n}`, "request", request))
    const [wake, ...more] = releases.time(ledger, ledger.command("lease", `l${n}`, "release", {}))
    if (wake === undefined || more.length > 0) throw new Error("one slot is free, so one is woken")
    wakes.time(ledger, ledger.followUp(wake))
  }
  return [requests, releases, wakes].map((sort) => sort.row(`${waiting} wait for ${HOSTS} exclusive hosts`))
}

/** A whole pool becomes free at once: how long the longest single step is. */
const rows = [...[0, 512, 10_000].flatMap(uncontended), ...[10, 1_000, 10_000].flatMap(contended)]
console.log("| scene | step | mean µs | p50 µs | p99 µs |\n|---|---|--:|--:|--:|")
console.log(rows.join("\n"))

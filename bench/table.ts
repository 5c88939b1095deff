// The numbers as Markdown. Several runs of the same point become their mean; its spread is shown.

import type { Point } from "./point.js"
import type { Sync } from "./server.js"
import type { Subject } from "./subject.js"

export interface Result {
  readonly sync: Sync
  readonly subject: Subject
  readonly clients: number
  readonly point: Point
}

const HEAD = [
  "| sync | clients | floor cycles/s | yard cycles/s | ratio | floor p50 / p99 ms | yard p50 / p99 ms | CPU µs a cycle: host (floor), server, load |",
  "|---|--:|--:|--:|--:|--:|--:|--:|",
]
const QUEUE_HEAD = [
  "| sync | clients | cycles/s | acquire p50 / p99 ms | had to wait | CPU µs a cycle: host, server, load |",
  "|---|--:|--:|--:|--:|--:|",
]

/** Floor and yard side by side. */
export function ratioTable(results: readonly Result[]): string {
  const rows = groups(results.filter((result) => result.subject !== "queue")).map(
    ([sync, clients, group]) => {
      const floor = of(group, "floor")
      const yard = of(group, "yard")
      const ratio = mean(yard, (p) => p.cyclesPerSecond) / mean(floor, (p) => p.cyclesPerSecond)
      const host = `${us(yard, (p) => p.hostCpuUs)} (${us(floor, (p) => p.hostCpuUs)})`
      const cpu = `${host}, ${us(yard, (p) => p.serverCpuUs)}, ${us(yard, (p) => p.cpuUsPerCycle)}`
      return [sync, clients, rate(floor), rate(yard), fixed(ratio, 2), latency(floor), latency(yard), cpu]
    },
  )
  return [...HEAD, ...rows.map(line)].join("\n")
}

/** The yard with more clients than hosts. */
export function queueTable(results: readonly Result[]): string {
  const rows = groups(results.filter((result) => result.subject === "queue")).map(
    ([sync, clients, group]) => {
      const points = of(group, "queue")
      const waited = mean(points, (p) => p.waited / Math.max(1, p.cycles))
      const cpu = [
        us(points, (p) => p.hostCpuUs),
        us(points, (p) => p.serverCpuUs),
        us(points, (p) => p.cpuUsPerCycle),
      ]
      return [sync, clients, rate(points), latency(points), `${Math.round(waited * 100)} %`, cpu.join(", ")]
    },
  )
  return [...QUEUE_HEAD, ...rows.map(line)].join("\n")
}

function groups(results: readonly Result[]): [Sync, number, Result[]][] {
  const byKey = new Map<string, [Sync, number, Result[]]>()
  for (const result of results) {
    const key = `${result.sync} ${result.clients}`
    const group = byKey.get(key) ?? [result.sync, result.clients, []]
    group[2].push(result)
    byKey.set(key, group)
  }
  return [...byKey.values()].sort((a, b) => a[0].localeCompare(b[0]) || a[1] - b[1])
}

function of(results: readonly Result[], subject: Subject): Point[] {
  return results.filter((result) => result.subject === subject).map(({ point }) => point)
}

function mean(points: readonly Point[], what: (point: Point) => number | undefined): number {
  const values = points.map(what).filter((value) => value !== undefined)
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** `1,234 ±56`: the mean and how far a run was from it at most. */
function rate(points: readonly Point[]): string {
  if (points.length === 0) return "–"
  const middle = mean(points, (p) => p.cyclesPerSecond)
  const spread = Math.max(...points.map((p) => Math.abs(p.cyclesPerSecond - middle)))
  return `${thousands(middle)}${points.length > 1 ? ` ±${thousands(spread)}` : ""}`
}

function latency(points: readonly Point[]): string {
  return `${fixed(
    mean(points, (p) => p.acquireP50Ms),
    1,
  )} / ${fixed(
    mean(points, (p) => p.acquireP99Ms),
    1,
  )}`
}

function us(points: readonly Point[], what: (point: Point) => number | undefined): string {
  return fixed(mean(points, what), 0)
}

function fixed(value: number, digits: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(digits)
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US")
}

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`
}

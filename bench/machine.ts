// What machine the numbers are from.

import { mkdtemp, open, rm } from "node:fs/promises"
import { cpus, release, tmpdir, totalmem, type } from "node:os"
import { join } from "node:path"

const WRITES = 300
const BLOCK = Buffer.alloc(4_096, 1)

/** One line: processor, memory, system, Node.js, nats-server, and what one fdatasync of 4 KiB costs. */
export async function describeMachine(serverVersion: string): Promise<string> {
  const cores = cpus()
  const model = cores[0]?.model.trim() ?? "unknown processor"
  const sync = await syncCost()
  return [
    `${cores.length} × ${model}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${type()} ${release()}`,
    `Node.js ${process.versions.node}`,
    `nats-server ${serverVersion}`,
    `fdatasync of 4 KiB: p50 ${sync.p50.toFixed(2)} ms, p99 ${sync.p99.toFixed(2)} ms`,
  ].join(", ")
}

/** Milliseconds of an appended block until it is on the disk. */
async function syncCost(): Promise<{ p50: number; p99: number }> {
  const folder = await mkdtemp(join(tmpdir(), "drydock-bench-"))
  const file = await open(join(folder, "probe"), "w")
  const times: number[] = []
  for (let n = 0; n < WRITES; n++) {
    const begin = performance.now()
    await file.write(BLOCK)
    await file.datasync()
    times.push(performance.now() - begin)
  }
  await file.close()
  await rm(folder, { recursive: true })
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99) }
}

// What the people get: in the order in which they asked, all of them, and nobody waits beside a free host.

import type { YardRecord } from "../../../src/machines/record.js"
import { type Checker, countedIn, type History } from "../history.js"
import { isGrant } from "./journal.js"

/** Among leases with the same demand who asked first is served first; those that were never served are left out. */
export const servedInOrder: Checker = (history) => {
  const problems: string[] = []
  const latest = new Map<string, { asked: number; lease: string }>()
  for (const counted of countedIn(history).filter(isGrant)) {
    const { record, seq } = counted
    if (record.kind !== "lease") continue
    const demand = `${record.context.type} ${JSON.stringify(record.context.blueprints)}`
    const asked = record.context.order
    const before = latest.get(demand)
    if (before !== undefined && before.asked > asked)
      problems.push(
        `journal ${seq}: ${record.id} asked by command ${asked} and is served after ${before.lease}, which asked by ${before.asked}`,
      )
    if (before === undefined || before.asked < asked) latest.set(demand, { asked, lease: record.id })
  }
  return problems
}

/** Every lease that was asked for is destroyed at the end, or its request was refused. */
export const everyRequestEnds: Checker = (history) => {
  const problems: string[] = []
  const last = new Map<string, YardRecord>()
  for (const { record } of countedIn(history)) if (record.kind === "lease") last.set(record.id, record)
  for (const record of last.values())
    if (record.to !== "destroyed") problems.push(`lease/${record.id} is ${record.to} at the end`)
  for (const { leases } of history.clients)
    for (const { lease, end, message } of leases) {
      if (end === "waiting")
        problems.push(`lease/${lease} (${last.get(lease)?.to}): its client still waits for ${message}`)
      else if (end !== "refused" && !last.has(lease)) problems.push(`lease/${lease} has no record`)
    }
  return problems
}

/** By the clients' own clocks nobody had a host while another had it. */
export const noSharedHolds: Checker = (history) => {
  const problems: string[] = []
  const holds = history.clients.flatMap((client) => client.holds).sort((a, b) => a.fromMs - b.fromMs)
  const last = new Map<string, (typeof holds)[number]>()
  for (const hold of holds) {
    const before = last.get(hold.resource)
    if (before !== undefined && hold.fromMs < before.untilMs)
      problems.push(`${hold.lease} has ${hold.resource} while ${before.lease} still holds it`)
    if (before === undefined || before.untilMs < hold.untilMs) last.set(hold.resource, hold)
  }
  return problems
}

/**
 * No wake-up is lost. A quiet moment is one at which every follow-up that a record ordered has been decided: then
 * nobody waits beside a host that is free, or that could be built.
 */
export const noWakeUpLost: Checker = (history) => {
  const problems: string[] = []
  const records = new Map(countedIn(history).map((counted) => [counted.record.cause.command, counted]))
  const outstanding = new Set<string>()
  const count = new Occupation(history)
  for (const { seq, headers } of history.commands) {
    outstanding.delete(headers?.["Drydock-Cause"] ?? "")
    const counted = records.get(seq)
    if (counted !== undefined) {
      count.take(counted.record)
      for (const index of counted.record.sends.keys()) outstanding.add(`${counted.seq}.${index}`)
    }
    if (outstanding.size > 0) continue
    if (count.waiting > 0 && count.free > 0)
      problems.push(`after command ${seq}: ${count.waiting} wait beside ${count.free} free hosts`)
  }
  return problems
}

/** At the end nobody waits beside a free host, whatever happened on the way. */
export const nobodyWaitsBesideAFreeHost: Checker = (history) => {
  const count = new Occupation(history)
  for (const { record } of countedIn(history)) count.take(record)
  if (count.waiting === 0 || count.free === 0) return []
  return [`at the end ${count.waiting} wait beside ${count.free} free hosts`]
}

/** How many wait, and how many hosts are free. */
class Occupation {
  readonly #waiting = new Set<string>()
  /** Live resources; live leases, by id, with their resource. */
  readonly #resources = new Map<string, string>()
  readonly #leases = new Map<string, string>()

  constructor(private readonly history: History) {}

  take(record: YardRecord): void {
    if (record.kind === "resource") {
      if (record.to === "destroyed") this.#resources.delete(record.id)
      else this.#resources.set(record.id, record.to)
    }
    if (record.kind !== "lease") return
    if (record.to === "pending") this.#waiting.add(record.id)
    else this.#waiting.delete(record.id)
    const { resource } = record.context
    if (record.to === "destroyed" || resource === null) this.#leases.delete(record.id)
    else this.#leases.set(record.id, resource)
  }

  get waiting(): number {
    return this.#waiting.size
  }

  get free(): number {
    const used = new Set(this.#leases.values())
    let idle = this.history.hosts - this.#resources.size
    for (const [id, state] of this.#resources) if (state === "active" && !used.has(id)) idle++
    return idle
  }
}

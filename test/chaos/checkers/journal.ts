// The journal by itself: revisions without gaps, at most one record per command, slots with one holder, tokens that
// grow. Nothing here knows the kernel.

import { type Checker, type Counted, countedIn } from "../history.js"

/** `rev` counts 1, 2, 3 … per actor; `from` is where the record before ended. */
export const noGapInRevs: Checker = (history) => {
  const problems: string[] = []
  const last = new Map<string, { rev: number; to: string }>()
  for (const { seq, record } of countedIn(history)) {
    const key = `${record.kind}/${record.id}`
    const before = last.get(key)
    if (record.rev !== (before?.rev ?? 0) + 1)
      problems.push(`journal ${seq}: ${key} has rev ${record.rev} after ${before?.rev ?? 0}`)
    if (record.from !== (before?.to ?? null))
      problems.push(`journal ${seq}: ${key} comes from ${record.from}, but it was ${before?.to ?? "unborn"}`)
    last.set(key, record)
  }
  return problems
}

/** No command is applied twice, and commands are applied in their order. */
export const oneRecordPerCommand: Checker = (history) => {
  const problems: string[] = []
  let before = 0
  for (const { seq, record } of countedIn(history)) {
    const { command } = record.cause
    if (command <= before) problems.push(`journal ${seq}: command ${command} is applied after ${before}`)
    before = Math.max(before, command)
  }
  return problems
}

/** A slot lock has one holder at a time, and a lease that is held has one lock and a resource. */
export const oneHolderPerSlot: Checker = (history) => {
  const problems: string[] = []
  const holders = new Map<string, string>()
  const held = new Map<string, readonly string[]>()
  for (const { seq, record } of countedIn(history)) {
    if (record.kind !== "lease" && record.kind !== "resource") continue
    const key = `${record.kind}/${record.id}`
    const { slots } = record.context
    for (const slot of held.get(key) ?? [])
      if (!slots.includes(slot) && holders.get(slot) === key) holders.delete(slot)
    for (const slot of slots) {
      const other = holders.get(slot)
      if (other !== undefined && other !== key)
        problems.push(`journal ${seq}: ${key} takes ${slot}, which ${other} holds`)
      holders.set(slot, key)
    }
    if (record.kind === "lease" && record.to === "active" && slots.length !== 1)
      problems.push(`journal ${seq}: ${key} is active with ${slots.length} slots`)
    held.set(key, slots)
  }
  return problems
}

/** A grant: the record by which a lease gets its token. */
export function isGrant({ record }: Counted): boolean {
  return record.kind === "lease" && record.path.includes("acquired")
}

/** Tokens grow from grant to grant. */
export const tokensGrow: Checker = (history) => {
  const problems: string[] = []
  let before = 0
  for (const counted of countedIn(history).filter(isGrant)) {
    const { seq, record } = counted
    const token = record.kind === "lease" ? (record.context.token ?? 0) : 0
    if (token <= before)
      problems.push(`journal ${seq}: lease/${record.id} has token ${token} after ${before}`)
    before = Math.max(before, token)
  }
  return problems
}

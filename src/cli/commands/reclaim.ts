// `reclaim`: every resource that nobody uses ends. Says of each what became of it, those in use included.

import { type Drydock, isClientError } from "../../client/index.js"
import { accepted } from "../bulk.js"
import type { Call } from "../call.js"
import { confirm } from "../confirm.js"
import { type Failure, failureOf } from "../failure.js"
import { idOf } from "../input.js"
import { failureJson } from "../output.js"
import { count } from "../text.js"
import { withYard } from "../yard.js"

const AT_ONCE = 32

interface Result {
  readonly resource: string
  readonly became: "reclaimed" | "would be reclaimed" | "in use" | "failed"
  /** Leases that are left on it. */
  readonly leases: readonly string[]
  readonly failure?: Failure
}

export async function reclaim(call: Call): Promise<number> {
  return withYard(call, async (yard) => {
    const [resources, leases] = await Promise.all([active(call, yard), held(yard)])
    const used = (id: string) => leases.get(id) ?? []
    const idle = resources.filter((id) => used(id).length === 0)
    const isDry = call.flag("dry-run")
    if (!isDry && idle.length > 0)
      await confirm(call, `reclaim ${count(idle.length, "resource")} that nobody uses`, idle)
    const done = isDry
      ? idle.map((resource): Result => ({ resource, became: "would be reclaimed", leases: [] }))
      : await reclaimAll(yard, idle, call.text("reason"))
    const busy = resources
      .filter((id) => used(id).length > 0)
      .map((resource): Result => ({ resource, became: "in use", leases: used(resource) }))
    return report(call, [...done, ...busy])
  })
}

function report(call: Call, results: readonly Result[]): number {
  const first = results.find(({ failure }) => failure !== undefined)?.failure
  const error = first === undefined ? {} : { error: failureJson(first) }
  const items = results.map(({ failure, ...result }) => ({
    ...result,
    ...(failure === undefined ? {} : { error: failureJson(failure) }),
  }))
  call.out.document({ ...error, items }, () => results.map(line).join("\n"))
  if (results.length === 0) call.out.say("there is no active resource")
  for (const { failure } of results) if (failure !== undefined) call.out.failureNote(failure)
  return first?.exit ?? 0
}

function line({ resource, became, leases, failure }: Result): string {
  const by = leases.length === 0 ? "" : ` by ${leases.slice(0, 5).join(", ")}${leases.length > 5 ? " …" : ""}`
  return `resource/${resource}  ${became}${by}${failure === undefined ? "" : `: ${failure.code}`}`
}

async function reclaimAll(
  yard: Drydock,
  ids: readonly string[],
  reason: string | undefined,
): Promise<readonly Result[]> {
  const results: Result[] = []
  for (let from = 0; from < ids.length; from += AT_ONCE)
    results.push(...(await Promise.all(ids.slice(from, from + AT_ONCE).map((id) => one(yard, id, reason)))))
  return results
}

async function one(yard: Drydock, resource: string, reason: string | undefined): Promise<Result> {
  try {
    const body = reason === undefined ? {} : { reason }
    await accepted("resource", await yard.command("resource", resource, "reclaim", body))
    return { resource, became: "reclaimed", leases: [] }
  } catch (error) {
    // Somebody was faster: that is what reclaiming leaves alone.
    if (isClientError(error) && error.code === "not-allowed")
      return { resource, became: "in use", leases: [] }
    return { resource, became: "failed", leases: [], failure: failureOf(error) }
  }
}

async function active(call: Call, yard: Drydock): Promise<readonly string[]> {
  const type = call.text("type")
  const blueprint = call.text("blueprint")
  const filter = {
    state: "active",
    limit: 1_000,
    ...(type === undefined ? {} : { type }),
    ...(blueprint === undefined ? {} : { blueprint: idOf(blueprint, "blueprint") }),
  }
  const ids: string[] = []
  for await (const { id } of yard.each("resource", filter)) ids.push(id)
  return ids
}

/** Leases that are left on resources, those that end included. */
async function held(yard: Drydock): Promise<ReadonlyMap<string, readonly string[]>> {
  const held = new Map<string, string[]>()
  for (const state of ["acquired", "active", "released", "broken"])
    for await (const { id, context } of yard.each("lease", { state, limit: 1_000 })) {
      if (context.resource === null) continue
      held.set(context.resource, [...(held.get(context.resource) ?? []), id])
    }
  return held
}

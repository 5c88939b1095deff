import type { Drydock, Lease, LeaseOptions } from "../../client/index.js"
import type { LeaseRecord } from "../../machines/record.js"
import { ask, shortLeaseId, wanted } from "../asking.js"
import { accepted } from "../bulk.js"
import type { Call } from "../call.js"
import { durationOf, numberOf, timeOf } from "../input.js"
import { Interrupted, type Interruption, interruption } from "../interruption.js"
import { brief, count, padEnd, relative } from "../text.js"
import { placeText } from "../transition.js"
import { withYard } from "../yard.js"

const MOST = 1_000

export async function lease(call: Call): Promise<number> {
  const { wait, ...want } = await wanted(call)
  const ttl = durationOf("ttl", call.text("ttl"))
  const until = timeOf("until", call.text("until"))
  const number = numberOf("count", call.text("count"), 1, MOST) ?? 1
  const options: LeaseOptions = { ...want, ttl, until, wait, autoRenew: false }
  return withYard(call, async (yard) => {
    if (!call.unless("wait")) return askOnly(call, yard, options, number)
    const stop = interruption({
      first: () => call.out.say("releasing what was asked for (Ctrl-C again leaves at once)"),
    })
    try {
      const leases = await takeAll(call, yard, options, number, stop)
      report(call, leases)
      return 0
    } catch (error) {
      if (error instanceof Interrupted) return error.exit
      throw error
    } finally {
      stop.end()
    }
  })
}

/** All or none: when one cannot be had, those that were given go back. */
async function takeAll(
  call: Call,
  yard: Drydock,
  options: LeaseOptions,
  number: number,
  stop: Interruption,
): Promise<readonly Lease[]> {
  const failed = new AbortController()
  const signal = AbortSignal.any([stop.signal, failed.signal])
  const tries = await Promise.allSettled(
    Array.from({ length: number }, async () => {
      try {
        return await ask(call.out, yard, { ...options, signal })
      } catch (error) {
        failed.abort(error)
        throw error
      }
    }),
  )
  const given = tries.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []))
  if (given.length === number && !stop.signal.aborted) {
    for (const one of given) one.detach()
    return given
  }
  await Promise.all(given.map((one) => one.release({ reason: "not all that were asked for could be had" })))
  if (stop.signal.aborted) throw stop.signal.reason
  throw failed.signal.reason
}

async function askOnly(call: Call, yard: Drydock, options: LeaseOptions, number: number): Promise<number> {
  const { type, attributes, blueprints, ttl, until } = options
  const body = JSON.parse(JSON.stringify({ type, attributes, blueprints, ttl, until }))
  const records = await Promise.all(
    Array.from({ length: number }, async () => {
      const id = shortLeaseId(yard.principal)
      return accepted("lease", await yard.command("lease", id, "request", body))
    }),
  )
  call.out.event({ event: "asked", leases: records.map(leaseJson) }, () =>
    records.map(({ id }) => id).join("\n"),
  )
  call.out.say(call.out.ce.dim(`see how it goes: drydock why ${records[0]?.id ?? ""}`))
  return 0
}

function report(call: Call, leases: readonly Lease[]): void {
  const records = leases.map(({ record }) => record)
  const { out } = call
  out.event(
    {
      event: "leased",
      leases: leases.map(({ record, resource, details }) => ({
        ...leaseJson(record),
        attributes: resource.context.attributes,
        details,
      })),
    },
    () => records.map(({ id }) => id).join("\n"),
  )
  if (!out.isConversation) return
  for (const { record, resource, details } of leases) {
    const until = record.context.until
    out.say(
      [
        "",
        `${out.ce.bold(record.id)} is yours${until === null ? " until you release it" : `; it ends ${relative(until)}`}`,
        `  where    ${placeText(resource.context.attributes)}   resource ${resource.id}, token ${record.context.token ?? ""}`,
        ...Object.entries(details).map(([name, value]) => `  ${padEnd(name, 8)} ${brief(value)}`),
        `  use      drydock exec ${record.id} -- uname -a`,
        `  release  drydock release ${record.id}`,
      ].join("\n"),
    )
  }
  if (leases.length > 1)
    out.say(`\n${count(leases.length, "lease")}; all of yours at once: drydock release --all`)
}

function leaseJson(record: LeaseRecord) {
  const { resource, token, until, waiting } = record.context
  return { id: record.id, state: record.to, resource, token, until, waiting }
}

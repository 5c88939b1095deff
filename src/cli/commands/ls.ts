import type { Drydock } from "../../client/index.js"
import { BLUEPRINT_STATES } from "../../machines/blueprint.js"
import { DEVICE_STATES } from "../../machines/device.js"
import { LEASE_STATES } from "../../machines/lease-context.js"
import type { Kind } from "../../machines/names.js"
import { NETWORK_STATES } from "../../machines/network.js"
import type { YardRecord } from "../../machines/record.js"
import { RESOURCE_STATES } from "../../machines/resource-context.js"
import { SERVICE_STATES } from "../../machines/service.js"
import type { Call } from "../call.js"
import { CliError } from "../failure.js"
import { numberOf } from "../input.js"
import { isStuck } from "../job-text.js"
import { COLUMNS, rowOf } from "../rows.js"
import { LISTS } from "../table/look.js"
import { count, nearest, printable } from "../text.js"
import { lookAtYard } from "../yard.js"

const DEFAULT_LIMIT = 1_000
const MOST = 1_000_000

interface Listing {
  readonly kind: Kind
  readonly states: readonly string[]
  /** States of what has ended: shown with `--all`, or by name. */
  readonly ended: readonly string[]
  /** Options that choose among these objects, besides `--state`. */
  readonly filters: readonly string[]
}

const LISTINGS = {
  leases: {
    kind: "lease",
    states: LEASE_STATES,
    ended: ["destroyed"],
    filters: ["type", "blueprint", "resource"],
  },
  resources: {
    kind: "resource",
    states: RESOURCE_STATES,
    ended: ["destroyed"],
    filters: ["type", "blueprint"],
  },
  blueprints: { kind: "blueprint", states: BLUEPRINT_STATES, ended: [], filters: ["type"] },
  services: { kind: "service", states: SERVICE_STATES, ended: ["removed"], filters: ["type"] },
  devices: { kind: "device", states: DEVICE_STATES, ended: ["removed"], filters: [] },
  networks: { kind: "network", states: NETWORK_STATES, ended: ["removed"], filters: [] },
} as const satisfies { readonly [list: string]: Listing }

type Listed = keyof typeof LISTINGS

export async function ls(call: Call): Promise<number> {
  return list(call, listOf(call.operand(0)))
}

/** One list, whatever the command was called. */
export async function list(call: Call, what: Listed | "slots"): Promise<number> {
  const limit = numberOf("limit", call.text("limit"), 1, MOST) ?? DEFAULT_LIMIT
  checkFilters(call, what)
  return what === "slots" ? slots(call, limit) : objects(call, what, limit)
}

async function objects(call: Call, what: Listed, limit: number): Promise<number> {
  const { kind, ...listing } = LISTINGS[what]
  const ended: readonly string[] = listing.ended
  const live = listing.states.filter((one) => !ended.includes(one))
  const state = call.text("state")
  const states = state !== undefined ? [state] : call.flag("all") ? [undefined] : live
  return lookAtYard(call, async (yard) => {
    const found = (await Promise.all(states.map((one) => read(call, yard, kind, one, limit + 1)))).flat()
    const items = found.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit)
    const more = found.length > limit
    if (call.flag("quiet") && !call.out.json) {
      for (const { id } of items) call.out.data(id)
      return 0
    }
    call.out.document({ kind, items, more }, () =>
      items.length === 0
        ? ""
        : call.out.table(
            COLUMNS[kind],
            items.map((record) => rowOf(record, call.out)),
          ),
    )
    if (items.length === 0) call.out.say(emptyText(call, what))
    if (more) call.out.say(`only the first ${count(limit, "row")}: --limit shows more`)
    return 0
  })
}

async function read(
  call: Call,
  yard: Drydock,
  kind: Kind,
  state: string | undefined,
  limit: number,
): Promise<readonly YardRecord[]> {
  const type = call.text("type")
  const blueprint = call.text("blueprint")
  const resource = call.text("resource")
  const filter = {
    ...(state === undefined ? {} : { state }),
    ...(type === undefined ? {} : { type }),
    ...(blueprint === undefined ? {} : { blueprint }),
    ...(resource === undefined ? {} : { resource }),
    limit: Math.min(limit, 1_000),
  }
  const records: YardRecord[] = []
  for await (const record of yard.each(kind, filter)) {
    if (!call.flag("stuck") || isStuck(record)) records.push(record)
    if (records.length >= limit) break
  }
  return records
}

async function slots(call: Call, limit: number): Promise<number> {
  return lookAtYard(call, async (yard) => {
    const found = await yard.slots(call.text("prefix"))
    const items = found.slice(0, limit)
    if (call.flag("quiet") && !call.out.json) {
      for (const { key } of items) call.out.data(key)
      return 0
    }
    call.out.document({ items, more: found.length > limit }, () =>
      items.length === 0
        ? ""
        : call.out.table(
            [{ head: "SLOT" }, { head: "HELD BY" }],
            items.map(({ key, holder }) => [key, holder]),
          ),
    )
    if (items.length === 0) call.out.say("no such slot is held")
    if (found.length > limit) call.out.say(`only the first ${count(limit, "row")}: --limit shows more`)
    return 0
  })
}

/** An option that would choose nothing, or a state that does not exist, is a mistake, not an empty answer. */
function checkFilters(call: Call, what: Listed | "slots"): void {
  const allowed: readonly string[] = what === "slots" ? ["prefix"] : ["state", ...LISTINGS[what].filters]
  const stray = ["state", "type", "blueprint", "resource", "prefix"].find(
    (name) => call.text(name) !== undefined && !allowed.includes(name),
  )
  if (stray !== undefined)
    throw new CliError("usage", `--${stray} does not choose among ${what}`, {
      why: [`${what} can be chosen by ${allowed.map((name) => `--${name}`).join(", ")}`],
      cures: [`drydock ls ${what}`],
    })
  if (call.flag("stuck") && !["leases", "resources", "blueprints"].includes(what))
    throw new CliError("usage", `--stuck does not choose among ${what}`, {
      why: ["only leases, resources and blueprints can be stuck"],
      cures: ["drydock ls resources --stuck"],
    })
  const state = call.text("state")
  if (state === undefined || what === "slots") return
  const states: readonly string[] = LISTINGS[what].states
  if (states.includes(state)) return
  const close = nearest(state, states)
  throw new CliError("usage", `${what} have no state ${JSON.stringify(state.slice(0, 40))}`, {
    why: [`their states are ${states.join(", ")}`],
    cures: [`drydock ls ${what} --state ${close[0] ?? states[0] ?? ""}`],
  })
}

function listOf(word: string): Listed | "slots" {
  if (word === "") return "leases"
  const plural = word.endsWith("s") ? word : `${word}s`
  const found = LISTS.find((list) => list === plural)
  if (found !== undefined) return found
  const close = nearest(word, LISTS)
  throw new CliError("usage", `cannot list ${JSON.stringify(word)}`, {
    why: [close.length > 0 ? `close to it: ${close.join(", ")}` : `lists are ${LISTS.join(", ")}`],
    cures: ["drydock ls --help"],
  })
}

function emptyText(call: Call, what: Listed): string {
  const chosen = ["state", ...LISTINGS[what].filters].flatMap((name) => {
    const value = call.text(name)
    return value === undefined ? [] : [`${name} ${value}`]
  })
  if (call.flag("stuck")) return `nothing is stuck among these ${what}`
  if (chosen.length > 0) return `no ${what} with ${printable(chosen.join(" and "))}`
  if (what === "leases" && !call.flag("all"))
    return "nobody holds or waits for anything  (drydock lease --type host; --all shows ended ones)"
  if (what === "resources" && !call.flag("all"))
    return "no resource lives now  (they come to be when somebody leases one; --all shows ended ones)"
  return what === "leases" || what === "resources" ? `no ${what} yet` : `no ${what} yet  (drydock apply FILE)`
}

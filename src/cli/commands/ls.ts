import type { Drydock } from "../../client/index.js"
import type { Kind } from "../../machines/names.js"
import type { YardRecord } from "../../machines/record.js"
import type { Call } from "../call.js"
import { CliError } from "../failure.js"
import { numberOf } from "../input.js"
import { COLUMNS, rowOf } from "../rows.js"
import { LISTS } from "../table/look.js"
import { count, nearest } from "../text.js"
import { withYard } from "../yard.js"

const DEFAULT_LIMIT = 1_000
const MOST = 1_000_000

const KINDS_LISTED = {
  leases: { kind: "lease", live: ["pending", "acquired", "active", "released", "broken"] },
  resources: { kind: "resource", live: ["pending", "active", "released", "broken"] },
  blueprints: { kind: "blueprint", live: ["enabled", "disabled"] },
  services: { kind: "service", live: ["present"] },
  devices: { kind: "device", live: ["enabled", "disabled"] },
  networks: { kind: "network", live: ["present"] },
} as const satisfies { readonly [list: string]: { readonly kind: Kind; readonly live: readonly string[] } }

type Listed = keyof typeof KINDS_LISTED

export async function ls(call: Call): Promise<number> {
  const what = listOf(call.operand(0))
  return what === "slots" ? slots(call) : objects(call, what)
}

async function objects(call: Call, what: Listed): Promise<number> {
  const limit = numberOf("limit", call.text("limit"), 1, MOST) ?? DEFAULT_LIMIT
  const { kind, live } = KINDS_LISTED[what]
  const state = call.text("state")
  const states = state !== undefined ? [state] : call.flag("all") ? [undefined] : live
  return withYard(call, async (yard) => {
    const found = (await Promise.all(states.map((one) => read(call, yard, kind, one, limit + 1)))).flat()
    const items = found.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit)
    const more = found.length > limit
    if (call.flag("quiet") && !call.out.json) {
      for (const { id } of items) call.out.data(id)
      return 0
    }
    call.out.document({ kind, items, more }, () =>
      items.length === 0 && call.out.isTerminal
        ? emptyText(what, state, call.flag("all"))
        : call.out.table(
            COLUMNS[kind],
            items.map((record) => rowOf(record, call.out)),
          ),
    )
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
    records.push(record)
    if (records.length >= limit) break
  }
  return records
}

async function slots(call: Call): Promise<number> {
  return withYard(call, async (yard) => {
    const items = await yard.slots(call.text("prefix"))
    if (call.flag("quiet") && !call.out.json) {
      for (const { key } of items) call.out.data(key)
      return 0
    }
    call.out.document({ items }, () =>
      items.length === 0 && call.out.isTerminal
        ? "no slot is held"
        : call.out.table(
            [{ head: "SLOT" }, { head: "HELD BY" }],
            items.map(({ key, holder }) => [key, holder]),
          ),
    )
    return 0
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

function emptyText(what: Listed, state: string | undefined, all: boolean): string {
  if (state !== undefined) return `no ${what} in state ${state}`
  if (what === "leases" && !all)
    return "nobody holds or waits for anything  (drydock lease --type host; --all shows ended ones)"
  if (what === "resources" && !all)
    return "no resource lives now  (they come to be when somebody leases one; --all shows ended ones)"
  return `no ${what} yet  (drydock apply FILE)`
}

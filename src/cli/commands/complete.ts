// `__complete`: asked by the shell at every Tab. Quick, and silent when anything fails: a broken yard must not write
// into somebody's prompt.

import type { Drydock } from "../../client/index.js"
import { isKind, KINDS, type Kind } from "../../machines/names.js"
import type { Call } from "../call.js"
import { type Candidate, candidates } from "../candidates.js"
import { ERROR_CODES } from "../error-catalogue.js"
import type { Completes } from "../spec.js"
import { COMMANDS } from "../table/index.js"
import { withYard } from "../yard.js"
import { TOPICS } from "./help.js"

const PATIENCE_MS = 800
const MOST = 200

export async function complete(call: Call): Promise<number> {
  const found = await candidates(call.operands, (what) => live(call, what, call.operands.at(-1) ?? ""))
  for (const { word, text } of found) call.out.data(text === undefined ? word : `${word}\t${text}`)
  return 0
}

async function live(call: Call, what: Completes, start: string): Promise<readonly Candidate[]> {
  if (what === "topic") {
    const names = COMMANDS.filter(({ hidden }) => hidden !== true).map(({ name }) => name.split(" ")[0] ?? "")
    return [...new Set([...names, ...TOPICS, ...ERROR_CODES])].map((word) => ({ word }))
  }
  if (what === "log-type") {
    const { LOG_TYPES } = await import("../../client/index.js")
    return LOG_TYPES.map((word) => ({ word }))
  }
  const quiet = process.env.DRYDOCK_TRACE === undefined
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    return await withYard(call, (yard) => ask(yard, what, start, signal), { signal, timeoutMs: PATIENCE_MS })
  } catch (error) {
    // No yard, or a slow one: no candidates. DRYDOCK_TRACE shows why.
    if (quiet) return []
    throw error
  }
}

async function ask(
  yard: Drydock,
  what: Completes,
  start: string,
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  if (what === "type") {
    const { items } = await yard.list("resource", { limit: MOST }, { signal })
    return [...new Set(["host", ...items.map(({ context }) => context.type)])].map((word) => ({ word }))
  }
  if (what === "stuck") return stuck(yard, signal)
  if (what === "kind") return KINDS.map((word) => ({ word }))
  if (what === "actor") {
    const [kind = ""] = start.split("/")
    if (!start.includes("/"))
      return KINDS.filter((one) => one !== "yard").map((word) => ({ word: `${word}/` }))
    if (!isKind(kind)) return []
    return (await ids(yard, kind, signal)).map(({ word, text }) => ({
      word: `${kind}/${word}`,
      ...(text === undefined ? {} : { text }),
    }))
  }
  return typeof what === "string" && isKind(what) ? ids(yard, what, signal) : []
}

/** Those that live first of all; leases with their state. */
async function ids(yard: Drydock, kind: Kind, signal: AbortSignal): Promise<readonly Candidate[]> {
  const states = { lease: ["active", "pending", "acquired"], resource: ["active", "pending"] }
  const wanted: readonly (string | undefined)[] =
    kind === "lease" || kind === "resource" ? states[kind] : [undefined]
  const pages = await Promise.all(
    wanted.map((state) =>
      yard.list(kind, { limit: MOST, ...(state === undefined ? {} : { state }) }, { signal }),
    ),
  )
  return pages.flatMap(({ items }) => items.map(({ id, to }) => ({ word: id, text: to })))
}

/** What is in quarantine: it ends, or serves no more. */
async function stuck(yard: Drydock, signal: AbortSignal): Promise<readonly Candidate[]> {
  const kinds = ["resource", "lease"] as const
  const states = ["released", "broken", "active"]
  const pages = await Promise.all(
    kinds.flatMap((kind) => states.map((state) => yard.list(kind, { state, limit: 1_000 }, { signal }))),
  )
  return pages.flatMap(({ items }) =>
    items.flatMap(({ kind, id, context }) =>
      context.quarantine === null ? [] : [{ word: `${kind}/${id}`, text: context.quarantine.message }],
    ),
  )
}

// `drydock accept-loss`: the only way on from a journal that is shorter than it was. It says what is missing as far as
// anybody can know, and after a yes it puts a take-over with a higher generation into the queue: the next host goes on
// from there, and every token that it gives is greater than any before (rules 6 and 17).

import { access } from "node:fs/promises"
import { resolve } from "node:path"
import { machineHashes } from "../../actors/hosting/host.js"
import { acceptLoss, type JournalLoss, NOTHING_KNOWN } from "../../actors/hosting/journal-loss.js"
import { recover } from "../../actors/hosting/recovery.js"
import { type Log, LogError } from "../../actors/log/log.js"
import { openNatsLog } from "../../actors/log/nats-log.js"
import type { NatsAccess } from "../../nats/connect.js"
import { openBackend } from "../backend.js"
import { installedPolicies } from "../blueprint-types.js"
import type { Call } from "../call.js"
import { confirm } from "../confirm.js"
import { CliError } from "../failure.js"
import { generationIn, knownIn } from "../generation.js"
import { yardNameOf } from "../input.js"
import { reportLine } from "../serving.js"
import { count } from "../text.js"

const DEFAULT_STORE = ".drydock"

/** A journal that may be shortened, and the folder that knows more of it; undefined on a server of somebody else. */
interface Place {
  readonly call: Call
  readonly yard: string
  readonly access: NatsAccess
  readonly store: string | undefined
}

export async function acceptLossOf(call: Call): Promise<number> {
  const yard = yardNameOf(call.text("yard"))
  const server = call.text("server")
  if (server !== undefined && server !== "") {
    const password = process.env.DRYDOCK_HOST_PASSWORD
    const urls = server.split(",")
    return await onLog({
      call,
      yard,
      access: { url: urls, user: call.text("user"), password },
      store: undefined,
    })
  }
  const store = resolve(call.text("store") ?? DEFAULT_STORE)
  await checkThere(store)
  const backend = await openBackend(call.out, { store, port: 0 })
  try {
    return await onLog({ call, yard, access: backend.access, store })
  } finally {
    await backend.stop()
  }
}

async function onLog(place: Place): Promise<number> {
  const log = await openNatsLog({ ...place.access, yard: place.yard, name: "drydock accept-loss" })
  try {
    return await inYard(log, place)
  } finally {
    await log.close()
  }
}

async function inYard(log: Log, { call, yard, store }: Place): Promise<number> {
  const { out } = call
  // 1. What is missing.
  await checkJournal(log, yard)
  const mark = (store === undefined ? undefined : await knownIn(store, yard)) ?? NOTHING_KNOWN
  const options = {
    name: yard,
    policies: await installedPolicies(),
    hashes: machineHashes(),
    generation: mark.generation,
  }
  const { loss, stored } = await recover(log, options, (report) => out.say(reportLine(report) ?? ""), mark)
  if (loss === undefined) {
    out.document(
      { yard, accepted: false, journal: { ends: stored } },
      () => `nothing is missing: the journal of yard ${yard} ends at ${stored}, and no more is known`,
    )
    return 0
  }
  const missing = await missingOf(log, yard, loss)

  // 2. Whoever runs the yard says yes to that.
  if (call.flag("dry-run")) {
    out.document({ ...missing.json, accepted: false }, () => missing.lines.join("\n"))
    return 0
  }
  await confirm(call, `go on without what yard ${yard} has lost`, missing.lines)

  // 3. Said to the next host; and the folder knows it, should the queue be lost as well.
  const generation = await acceptLoss(log, yard, loss)
  if (store !== undefined) await (await generationIn(store, yard)).note({ generation, journal: stored })
  const shown = call.flag("yes") ? missing.lines : []
  out.document({ ...missing.json, accepted: true }, () =>
    [...shown, "accepted: the next start goes on from here"].join("\n"),
  )
  return 0
}

interface Missing {
  readonly lines: readonly string[]
  readonly json: object
}

async function missingOf(log: Log, yard: string, loss: JournalLoss): Promise<Missing> {
  const { ends, known, proof, cursor, generation } = loss
  const queue = await log.commandFacts()
  const from = Math.max(cursor + 1, queue.firstSeq)
  const again = Math.max(0, queue.lastSeq + 1 - from)
  const gone = from - (cursor + 1)
  const lines = [
    `journal     ends at ${ends}, but ${known} was stored: ${proof}`,
    `lost        at least ${count(known - ends, "record")}: ${ends + 1} to ${known}`,
    `commands    ${count(again, "message")} in the queue behind the last record: decided again at the next start`,
    ...(gone === 0 ? [] : [`            ${count(gone, "message")} are gone: ${cursor + 1} to ${from - 1}`]),
    `generation  ${generation} becomes ${generation + 1}: tokens given before are refused wherever they are checked`,
  ]
  const json = {
    yard,
    journal: { ends, known, proof },
    lost: { from: ends + 1, to: known },
    commands: { again, gone },
    generation: { from: generation, to: generation + 1 },
  }
  return { lines, json }
}

/** To look for a loss must not make a store. */
async function checkThere(store: string): Promise<void> {
  try {
    await access(store)
  } catch (cause) {
    throw new CliError("store-unusable", `there is no store ${store}`, {
      why: ["nothing can be lost where nothing was kept"],
      cures: ["drydock accept-loss --store DIR     name the folder of the yard"],
      cause,
    })
  }
}

/** Nor a yard. */
async function checkJournal(log: Log, yard: string): Promise<void> {
  try {
    await log.journalFacts()
    await log.commandFacts()
  } catch (cause) {
    if (!(cause instanceof LogError)) throw cause
    throw new CliError("no-journal", `there is no yard ${yard} here: ${cause.message}`, { cause })
  }
}

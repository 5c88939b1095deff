// `drydock worker`: does the work of a yard's blueprints, on this machine, until somebody ends it.

import { resolve } from "node:path"
import { CONCURRENCY, CONCURRENCY_MOST } from "../../actors/worker/worker.js"
import { loadBlueprints } from "../../blueprints/installed.js"
import type { Blueprint } from "../../blueprints/work.js"
import type { NatsAccess } from "../../nats/connect.js"
import { WORKER_USER } from "../../nats/server/config.js"
import { knownPassword } from "../../nats/server/password.js"
import type { Call } from "../call.js"
import { CliError } from "../failure.js"
import { durationMsOf, numberOf, yardNameOf } from "../input.js"
import { aborted, interruption } from "../interruption.js"
import { serverUrl } from "../server-url.js"
import { count } from "../text.js"
import { openWorker, tell, withWork } from "../working.js"
import { readUpFile } from "../yard.js"

const GRACE_MS = 10_000
const DEFAULT_STORE = ".drydock"

export async function worker(call: Call): Promise<number> {
  const { out } = call
  const blueprints = chosen(await loadBlueprints(call.list("blueprints")), call.text("types"))
  const concurrency = numberOf("concurrency", call.text("concurrency"), 1, CONCURRENCY_MOST) ?? CONCURRENCY
  const graceMs = durationMsOf("grace", call.text("grace")) ?? GRACE_MS
  const { yard, ...access } = await where(call)
  const url = serverUrl(String(access.url))
  const isQuiet = call.flag("quiet")
  const progress = out.progress(`connecting to ${url}`)
  const stop = interruption({ first: () => out.say("taking no more jobs (Ctrl-C again leaves at once)") })
  try {
    const working = await openWorker({
      ...access,
      yard,
      blueprints,
      concurrency,
      onConnection: (stands) => {
        out.event({ event: stands ? "connected" : "disconnected" }, () => undefined)
        out.say(stands ? "connected again" : "… the connection was lost: jobs go on for a while")
      },
      report: (report) => {
        if (!isQuiet) tell(out, report)
      },
    }).finally(() => progress.done())
    try {
      const { name, types } = working.worker
      const jobs = `${count(concurrency, "job")} at once`
      out.event({ event: "ready", nats: url, yard, worker: name, types, concurrency }, () =>
        [`${out.c.green("●")} ${name} works for yard ${yard} on ${url}`, types.join(", "), jobs].join(": "),
      )
      working.worker.start()
      await Promise.race([aborted(stop.signal), working.denied])
    } finally {
      await working.stop(graceMs)
    }
  } finally {
    stop.end()
  }
  out.event({ event: "stopped" }, () => "stopped")
  return 0
}

/** Throws CliError `usage` when a type is unknown or there is no work to do at all. */
function chosen(all: readonly Blueprint[], types: string | undefined): readonly Blueprint[] {
  const able = withWork(all)
  const known = able.map(({ policy }) => policy.type)
  const cures = ["drydock worker --blueprints my-blueprint.js"]
  if (types === undefined) {
    if (able.length > 0) return able
    throw new CliError("usage", "no blueprint type that is installed here has work for a worker", { cures })
  }
  const wanted = [...new Set(types.split(",").map((type) => type.trim()))]
  const unknown = wanted.filter((type) => !known.includes(type))
  if (unknown.length === 0) return able.filter(({ policy }) => wanted.includes(policy.type))
  throw new CliError("usage", `no work is installed here for ${unknown.join(", ")}`, {
    why: [known.length === 0 ? "there is none for any type" : `there is for ${known.join(", ")}`],
    cures,
  })
}

/** The server, and who this worker is there: as the options say, or the `drydock up` of the store. */
async function where(call: Call): Promise<NatsAccess & { readonly yard: string }> {
  const user = call.text("user")
  const password = process.env.DRYDOCK_WORKER_PASSWORD
  const server = call.text("server")
  const said = call.text("yard")
  if (server !== undefined) return { url: server.split(","), user, password, yard: yardNameOf(said) }
  const store = resolve(call.text("store") ?? DEFAULT_STORE)
  const up = await readUpFile(store)
  if (up === undefined)
    throw new CliError("no-address", `no \`drydock up\` runs on ${store}, and no server is named`, {
      cures: ["drydock up                         in the same folder", "drydock worker --server URL …"],
    })
  // A server of somebody else has users of its own.
  const own = password ?? (await knownPassword(store, "worker"))
  return {
    url: up.nats,
    user: user ?? (own === undefined ? undefined : WORKER_USER),
    password: own,
    yard: yardNameOf(said ?? up.yard),
  }
}

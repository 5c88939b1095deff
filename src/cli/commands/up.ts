// `drydock up`: the embedded server (or the one that DRYDOCK_NATS_URL names), the yard's host, and what happens there.
//
// It ends in the opposite order: what shows things, the host, the server. Whatever fails on the way, what was started
// is stopped.

import { mkdir, rm, writeFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import type { Host } from "../../actors/hosting/host.js"
import type { Report } from "../../actors/hosting/reports.js"
import type { WorkerReport } from "../../actors/worker/reports.js"
import { CONCURRENCY_MOST } from "../../actors/worker/worker.js"
import { loadBlueprints } from "../../blueprints/installed.js"
import type { Drydock } from "../../client/index.js"
import { type Backend, openBackend } from "../backend.js"
import type { Call } from "../call.js"
import { demo } from "../demo.js"
import { CliError, failureOf } from "../failure.js"
import { generationIn, keepNoting } from "../generation.js"
import { numberOf, yardNameOf } from "../input.js"
import { aborted, type Interruption, interruption } from "../interruption.js"
import { Live } from "../live.js"
import type { Output } from "../output.js"
import { packageVersion } from "../package.js"
import { reportJson, reportLine, serve, settled } from "../serving.js"
import { count, spell } from "../text.js"
import { openWorker, tell, type Working, type WorkingOptions, withWork } from "../working.js"
import type { UpFile } from "../yard.js"

const DEFAULT_STORE = ".drydock"
/** Jobs that run when it stops may end within so long; the rest is tried again when it is back. */
const WORKER_GRACE_MS = 5_000

export async function up(call: Call): Promise<number> {
  const { out } = call
  const yard = yardNameOf(call.text("yard"))
  const port = numberOf("port", call.text("port"), 0, 65_535)
  const store = resolve(call.text("store") ?? DEFAULT_STORE)
  if (call.flag("exit") && !call.flag("demo"))
    throw new CliError("usage", "--exit goes with --demo", { cures: ["drydock up --demo --exit"] })
  const concurrency = numberOf("worker-concurrency", call.text("worker-concurrency"), 1, CONCURRENCY_MOST)
  const blueprints = await loadBlueprints(call.list("blueprints"))
  const startedMs = performance.now()
  const stop = interruption({ first: () => out.say(out.ce.dim("\nstopping (Ctrl-C again leaves at once)")) })
  let wasReady = false
  const undo: (() => Promise<unknown>)[] = []
  try {
    return await serveYard()
  } finally {
    const progress = out.progress("stopping")
    for (const step of undo.reverse()) await step()
    progress.done()
    if (wasReady) out.event({ event: "stopped" }, () => "stopped; what the yard knows is kept")
    stop.end()
  }

  async function serveYard(): Promise<number> {
    // 1. The server, on a store that is ours alone.
    const backend = await openBackend(out, { store, port })
    undo.push(() => backend.stop())
    if (stop.signal.aborted) return 0

    // 2. The host, until it is active.
    const progress = out.progress("the yard's host is starting")
    const said = (report: Report) =>
      out.event({ event: "report", ...reportJson(report) }, () => reportLine(report))
    const generation = backend.isOurs ? await generationIn(store, yard) : undefined
    const serving = await serve({
      ...backend.access,
      yard,
      blueprints,
      isServerNew: backend.isOurs,
      ...generation?.known,
      report: (report) => {
        // That the journal is shortened ends this command: its error says so.
        if (!["recovered", "role", "journal-shortened"].includes(report.event)) said(report)
      },
    })
    const { host } = serving
    const noteLast = generation && keepNoting(generation, host, (fault) => said(noteTrouble(fault)))
    undo.push(async () => {
      await serving.stop()
      await noteLast?.()
    })
    // On a server of somebody else another host may have the yard: then this one stands by.
    const taking = backend.isOurs ? host.active() : settled(host)
    await Promise.race([taking, aborted(stop.signal)])
    progress.done()
    if (stop.signal.aborted) return 0

    // 3. A worker for all that these blueprints have to do.
    const working = await workerFor(call, backend, { yard, blueprints, concurrency })
    if (working !== undefined) undo.push(() => working.stop(WORKER_GRACE_MS))

    // 4. Clients find it.
    const upFile = await writeUpFile(store, { nats: backend.url, yard, pid: process.pid })
    undo.push(() => rm(upFile, { force: true }))
    const { connect } = await import("../../client/index.js")
    const client = await connect({
      url: backend.url,
      yard,
      onTrouble: (error) => out.say(`… ${error.message}`),
    })
    undo.push(() => client.close())
    await banner(out, client, {
      backend,
      yard,
      role: host.role,
      store,
      tookMs: performance.now() - startedMs,
      isDemo: call.flag("demo"),
      works: working?.worker.types ?? [],
    })

    wasReady = true
    working?.worker.start()
    working?.denied.catch((error: unknown) => out.failureNote(failureOf(error)))

    // 5. What happens, until somebody ends it.
    return await live(call, client, { backend, host }, stop)
  }
}

function noteTrouble(fault: unknown): Report {
  return { event: "trouble", doing: "noting in the store how far the journal goes", fault }
}

interface Parts {
  readonly backend: Backend
  readonly host: Host
}

/** Takes no jobs yet. Undefined when there is nothing for one to do. */
async function workerFor(
  call: Call,
  backend: Backend,
  options: Pick<WorkingOptions, "yard" | "blueprints" | "concurrency">,
): Promise<Working | undefined> {
  if (!call.unless("worker") || withWork(options.blueprints).length === 0) return undefined
  const report = (said: WorkerReport) => {
    if (!call.flag("quiet")) tell(call.out, said)
  }
  return await openWorker({ ...backend.workerAccess, ...options, report })
}

async function live(
  call: Call,
  client: Drydock,
  { backend, host }: Parts,
  stop: Interruption,
): Promise<number> {
  const { out } = call
  const showing = call.flag("quiet") ? undefined : await Live.start(out, client)
  try {
    if (call.flag("demo")) {
      const exits = call.flag("exit")
      try {
        await demo(out, client, { signal: stop.signal, shown: async () => showing?.caughtUp(), exits })
      } catch (error) {
        // The yard is as good as before: who only wanted to see the demonstration can go on using it.
        if (exits || stop.signal.aborted) throw error
        out.failure(failureOf(error))
      }
      if (exits) return 0
    }
    const stopped = aborted(stop.signal).then(() => undefined)
    const ended = await Promise.race([stopped, backend.exited, host.refused()])
    if (ended === undefined) return 0
    if (ended instanceof Error) throw ended
    throw new CliError("server-failed", `the nats-server ended by itself (exit code ${ended.code})`, {
      why: ended.log.split("\n").slice(-5),
      cures: ["drydock up                         start it again: nothing that was acknowledged is lost"],
    })
  } catch (error) {
    if (stop.signal.aborted) return 0
    throw error
  } finally {
    await showing?.stop()
  }
}

async function writeUpFile(store: string, content: UpFile): Promise<string> {
  await mkdir(store, { recursive: true, mode: 0o700 })
  const file = join(store, "up.json")
  await writeFile(file, `${JSON.stringify(content)}\n`)
  return file
}

interface BannerFacts {
  readonly backend: Backend
  readonly yard: string
  readonly role: "active" | "standby"
  readonly store: string
  readonly tookMs: number
  readonly isDemo: boolean
  /** Blueprint types that its worker does. */
  readonly works: readonly string[]
}

async function banner(out: Output, client: Drydock, facts: BannerFacts): Promise<void> {
  const { backend, yard, role, store, tookMs, isDemo, works } = facts
  if (out.json)
    return out.event(
      { event: "ready", nats: backend.url, yard, ...(role === "active" ? {} : { role }) },
      () => undefined,
    )
  const blueprints = (await client.list("blueprint", { limit: 1_000 })).items
  const held = (await client.list("lease", { state: "active", limit: 1_000 })).items.length
  const { c } = out
  const row = (label: string, text: string) => `  ${c.dim(label.padEnd(11))}${text}`
  const next =
    blueprints.length === 0
      ? "drydock apply examples/localhost.yaml"
      : "drydock run --type host -- uname -a      (in another terminal, in this folder)"
  out.data(
    [
      "",
      `  ${c.bold("drydock")} ${packageVersion()}   ${c.green("ready")} in ${spell(tookMs)}`,
      "",
      ...(role === "active" ? [] : [row("Host", "stands by: another one serves this yard")]),
      row("Server", `${backend.url}   ${backend.about}`),
      row("Yard", `${yard}   ${count(blueprints.length, "blueprint")}, ${count(held, "active lease")}`),
      row("State", `${store}   ${backend.state}`),
      ...(works.length === 0 ? [] : [row("Worker", works.join(", "))]),
      ...(isDemo ? [] : [row("Try", next)]),
      row("Stop", "Ctrl-C"),
      "",
    ].join("\n"),
  )
}

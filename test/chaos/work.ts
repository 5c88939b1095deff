// Everything that takes time, while workers and hosts die: mixed load on the stand-in provider, kills and stops at
// random. At the end every object is over or healthy, and the provider has exactly what the records say.

import { setTimeout as pause } from "node:timers/promises"
import { startWorkerProcess, type WorkerProcess } from "../actors/worker/worker-process.js"
import { startPerson, type TestRecord } from "../support/person.js"
import type { TestServer } from "../support/server.js"
import { startProvider } from "../support/stand-in/provider.js"
import { type ChaosHost, startChaosHost } from "./host.js"
import { type Random, random } from "./random.js"

export interface WorkChaosOptions {
  readonly server: TestServer
  readonly seed: number
  readonly seconds: number
}

export interface WorkChaosResult {
  /** What is wrong, in words; empty when all is well. */
  readonly problems: readonly string[]
  readonly leases: number
  readonly resources: number
  readonly records: number
  readonly kills: { readonly workers: number; readonly hosts: number; readonly stops: number }
}

/** The yard of the workers' test processes. */
const YARD = "default"
const LEASES_AT_ONCE = 12
const WORKERS = 3
/** How long everything may take to come to rest when nobody disturbs it any more. */
const REST_MS = 120_000

export async function workChaos({ server, seed, seconds }: WorkChaosOptions): Promise<WorkChaosResult> {
  const choices = random(seed)
  const provider = await startProvider()
  let host = startChaosHost(server, YARD)
  await host.active()
  const person = await startPerson(server.personOptions)
  const crew = await Promise.all(Array.from({ length: WORKERS }, () => hire(server)))
  const kills = { workers: 0, hosts: 0, stops: 0 }
  const endMs = Date.now() + seconds * 1_000
  const isOn = () => Date.now() < endMs
  const asked: string[] = []
  try {
    for (const [id, config, terms] of [
      ["b0", { script: { allocate: { ms: 100 } } }, { limit: 4 }],
      [
        "b1",
        { leases: 2, script: { allocate: { failTimes: 1 }, destroy: { failTimes: 1 } } },
        { limit: 3, idle: "2s" },
      ],
      ["b2", { script: { activate: { ms: 200 } } }, { limit: 2, immunity: "1s", resourceTtl: "10s" }],
    ] as const) {
      const work = { attempts: 6, firstDelay: "100ms", longestDelay: "1s", silence: "3s" }
      const body = {
        type: "stand-in",
        config: { folder: provider.folder, ...config },
        work,
        suspendAfter: 50,
        ...terms,
      }
      await person.say(`blueprint/${id} create`, body)
    }
    await Promise.all([
      load(person, choices, isOn, asked),
      killWorkers(server, crew, choices, isOn, kills),
      (async () => {
        while (isOn()) {
          await pause(3_000 + choices.below(4_000))
          host.signal("SIGKILL")
          await host.exited
          kills.hosts++
          host = startChaosHost(server, YARD)
        }
      })(),
    ])
    await host.active()
    // A blueprint of the load kills its worker: whoever died so and was not replaced yet is replaced now.
    const replace = async () => {
      for (const [at, worker] of crew.entries()) if (worker.hasExited) crew[at] = await hire(server)
    }
    const problems = await rest(person, provider, asked, replace)
    const { items: resources } = await person.ask("list", { kind: "resource", limit: 1_000 })
    const { journal } = await person.ask("status")
    return {
      problems,
      leases: asked.length,
      resources: (resources as unknown[]).length,
      records: Number(journal),
      kills,
    }
  } finally {
    await Promise.all(crew.map((worker) => worker.end()))
    await person.close()
    await dismiss(host)
    await provider.remove()
  }
}

type Somebody = Awaited<ReturnType<typeof startPerson>>

async function hire(server: TestServer): Promise<WorkerProcess> {
  return await startWorkerProcess({ ...server.workerOptions, concurrency: 4 })
}

async function dismiss(host: ChaosHost): Promise<void> {
  host.signal("SIGKILL")
  await host.exited
}

/** People ask, use, let go early and late; operators release, drain and reclaim what they see. */
async function load(person: Somebody, choices: Random, isOn: () => boolean, asked: string[]): Promise<void> {
  const one = async (index: number) => {
    while (isOn()) {
      const id = `W${index}x${asked.length}`
      asked.push(id)
      const script = {
        activate: { ms: choices.below(300), failTimes: choices.below(2), terminal: choices.below(20) === 0 },
        release: { ms: choices.below(100), failTimes: choices.below(2) },
      }
      const died = choices.below(12) === 0 ? { dieTimes: 1 } : {}
      const body = {
        type: "thing",
        attributes: { script: { ...script, activate: { ...script.activate, ...died } } },
        ...(choices.below(3) === 0 ? { ttl: "2s" } : {}),
      }
      // Nobody may be there to answer: then it is asked again, under the same id.
      await told(person, `lease/${id} request`, body, isOn)
      await pause(choices.below(1_500))
      await told(person, `lease/${id} release`, {}, isOn)
    }
  }
  const operate = async () => {
    while (isOn()) {
      await pause(500 + choices.below(1_500))
      const seen = person.events.filter(({ record }) => record.kind === "resource").slice(-20)
      const id = seen[choices.below(Math.max(1, seen.length))]?.record.id
      const verb = choices.pick(["release", "drain", "reclaim"])
      if (id !== undefined) await told(person, `resource/${id} ${verb}`, {}, isOn)
    }
  }
  await Promise.all([...Array.from({ length: LEASES_AT_ONCE }, (_, index) => one(index)), operate()])
}

async function told(person: Somebody, target: string, body: object, isOn: () => boolean): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    try {
      await person.say(target, body, { timeoutMs: 3_000 })
      return
    } catch {
      // No host at the moment. The command may be in the queue all the same: every verb may be repeated.
      if (!isOn() && tries > 5) return
    }
  }
}

async function killWorkers(
  server: TestServer,
  crew: WorkerProcess[],
  choices: Random,
  isOn: () => boolean,
  kills: { workers: number; stops: number },
): Promise<void> {
  while (isOn()) {
    await pause(800 + choices.below(2_000))
    const at = choices.below(crew.length)
    const worker = crew[at]
    if (worker === undefined) continue
    if (choices.below(4) === 0) {
      // Longer than its silence may last: somebody else has its jobs when it wakes.
      kills.stops++
      worker.signal("SIGSTOP")
      await pause(choices.below(5_000))
      worker.signal("SIGCONT")
    } else {
      kills.workers++
      await worker.end()
      crew[at] = await hire(server)
    }
  }
}

/** Lets everything end, and compares. */
async function rest(
  person: Somebody,
  provider: Awaited<ReturnType<typeof startProvider>>,
  asked: readonly string[],
  replace: () => Promise<void>,
): Promise<string[]> {
  const problems: string[] = []
  const always = () => true
  for (const id of asked) await told(person, `lease/${id} release`, {}, always)
  const isRestless = ({ kind, to, context }: TestRecord) =>
    to !== "destroyed" && !(kind === "resource" && to === "active" && context.quarantine === null)
  const endMs = Date.now() + REST_MS
  for (;;) {
    await replace()
    const objects = [...(await all(person, "lease")), ...(await all(person, "resource"))]
    const restless = objects.filter(isRestless)
    if (restless.length === 0) break
    for (const record of restless)
      if (record.context.quarantine !== null)
        await told(person, `${record.kind}/${record.id} retry`, {}, always)
    if (Date.now() > endMs) {
      for (const { kind, id, to, context } of restless.slice(0, 10))
        problems.push(
          `${kind}/${id} is still ${to}: ${JSON.stringify(context.job ?? context.waiting ?? null)}`,
        )
      break
    }
    await pause(250)
  }
  const alive = (await all(person, "resource")).filter(({ to }) => to === "active")
  compare(
    problems,
    await provider.inventory(),
    alive.map(({ id }) => `resource-${id}`).sort(),
    "while some are kept",
  )
  for (const { id } of alive) await told(person, `resource/${id} release`, {}, always)
  while ((await all(person, "resource")).some(({ to }) => to !== "destroyed") && Date.now() < endMs + 30_000)
    await pause(250)
  compare(problems, await provider.inventory(), [], "when all are released")
  for (const clash of await provider.clashes()) problems.push(`two at once: ${clash}`)
  const { items: slots } = await person.ask("slots", {})
  for (const slot of slots as unknown[]) problems.push(`a slot is left: ${JSON.stringify(slot)}`)
  return problems
}

function compare(problems: string[], there: readonly string[], known: readonly string[], when: string): void {
  for (const name of there)
    if (!known.includes(name)) problems.push(`${when}: ${name} is there, and no record knows it`)
  for (const name of known)
    if (!there.includes(name)) problems.push(`${when}: ${name} is in the records, and not there`)
}

async function all(person: Somebody, kind: string): Promise<TestRecord[]> {
  const found: TestRecord[] = []
  let after: unknown
  do {
    const page = await person.ask("list", { kind, limit: 500, ...(after === undefined ? {} : { after }) })
    // The parser's edge of a test.
    found.push(...(page.items as TestRecord[]))
    after = page.next ?? undefined
  } while (after !== undefined)
  return found
}

// One of the clients that race: it speaks the bare protocol as a person, with nothing but the NATS client. It asks for
// leases, gives some up while they wait, holds the others for a moment, and lets a few run out. At the end it prints
// what it heard, as one JSON text.

import { setTimeout as pause } from "node:timers/promises"
import { connect, headers } from "nats"
import { random } from "../random.js"
import { type ClientReport, clientOptions } from "./options.js"

/** An outcome that stays away for so long is asked for again under a new id. */
const PATIENCE_MS = 6_000
const PUB_ACK_MS = 2_000

interface Said {
  outcome: "accepted" | "rejected"
  actor: string
  code?: string
  message?: string
}
interface Seen {
  to: string
  resource: string
}

const options = clientOptions.parse(JSON.parse(process.argv[2] ?? ""))
const { yard, principal } = options
const { next, below } = random(options.seed)
const report: ClientReport = { principal, leases: [], outcomes: [], holds: [], repeats: 0 }

const nc = await connect({ servers: options.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
const awaited = new Map<string, (said: Said) => void>()
/** What was seen of each lease, by state: no lease of a race comes back to a state. */
const seen = new Map<string, Map<string, Seen>>()
let watchers: (() => void)[] = []
nc.subscribe(`drydock.${yard}.outcome.${principal}.>`, {
  callback: (error, message) => {
    if (error !== null) return
    const id = message.subject.split(".").at(-1) ?? ""
    const said = message.json<Said>()
    report.outcomes.push({ id, actor: said.actor, text: message.string() })
    awaited.get(id)?.(said)
    awaited.delete(id)
  },
})
nc.subscribe(`drydock.${yard}.event.lease.*`, {
  callback: (error, message) => {
    const lease = message.subject.split(".").at(-1) ?? ""
    if (error !== null || !lease.startsWith(`${principal}_`)) return
    const state = stateIn(message.string())
    if (state === undefined) return
    const states = seen.get(lease) ?? new Map<string, Seen>()
    seen.set(lease, states.set(state.to, state))
    const waiting = watchers
    watchers = []
    for (const look of waiting) look()
  },
})
await nc.flush()

/** Somebody may have written garbage into the journal: subscribers see it too. */
function stateIn(text: string): Seen | undefined {
  try {
    const { to, context } = JSON.parse(text) as { to: string; context: { resource?: string | null } }
    return typeof to === "string" ? { to, resource: context.resource ?? "" } : undefined
  } catch {
    return undefined
  }
}

let ids = 0
async function say(target: string, verb: string, body: object): Promise<Said> {
  doing.set(target.slice(target.indexOf("/") + 1), verb)
  for (;;) {
    const id = `${principal}-${++ids}`
    const outcome = new Promise<Said>((resolve) => awaited.set(id, resolve))
    if (
      await isQueued(id, `drydock.${yard}.command.${target.replace("/", ".")}.${verb}.${principal}`, body)
    ) {
      const said = await Promise.race([outcome, pause(PATIENCE_MS, undefined, { ref: false })])
      const isPassedOver = said?.code === "stale" && said.message?.includes("went past") === true
      if (said !== undefined && !isPassedOver) return said
    }
    awaited.delete(id)
    report.repeats++
  }
}

async function isQueued(id: string, subject: string, body: object): Promise<boolean> {
  const sent = headers()
  sent.set("Drydock-Id", id)
  try {
    const ack = await nc.request(subject, JSON.stringify(body), { headers: sent, timeout: PUB_ACK_MS })
    if (ack.json<{ error?: object }>().error === undefined) return true
  } catch {
    // No answer: it may be in the queue or not. Saying it again under a new id is right in both cases.
  }
  await pause(50)
  return false
}

/** What each lease that is not through waits for. */
const doing = new Map<string, string>()

async function until(lease: string, ...states: string[]): Promise<Seen> {
  doing.set(lease, states.join(" or "))
  for (;;) {
    for (const state of states) {
      const found = seen.get(lease)?.get(state)
      if (found !== undefined) return found
    }
    await new Promise<void>((resolve) => watchers.push(resolve))
  }
}

async function live(lease: string): Promise<void> {
  const expires = next() < options.expiring
  const givesUpAfterMs = !expires && next() < options.cancelled ? below(300) - 100 : undefined
  const ended = (end: ClientReport["leases"][number]["end"], message = "") => {
    doing.delete(lease)
    report.leases.push({ lease, end, message })
  }
  const request = say(`lease/${lease}`, "request", { type: "host", ...(expires ? { ttl: "1s" } : {}) })
  if (givesUpAfterMs !== undefined) {
    // A third of them in the same breath as the request.
    if (givesUpAfterMs >= 0) {
      await request
      await Promise.race([pause(givesUpAfterMs), until(lease, "active", "destroyed")])
    }
    if (!seen.get(lease)?.has("active") && !seen.get(lease)?.has("destroyed")) {
      let said = await say(`lease/${lease}`, "release", { reason: "cancelled" })
      await request
      while (said.outcome === "rejected") said = await say(`lease/${lease}`, "release", {})
      await until(lease, "destroyed")
      ended("gave-up")
      return
    }
  }
  const said = await request
  if (said.outcome === "rejected") {
    ended("refused", said.message)
    return
  }
  const { to, resource } = await until(lease, "active", "destroyed")
  if (to === "destroyed" || expires) {
    await until(lease, "destroyed")
    ended(expires ? "expired" : "released")
    return
  }
  const fromMs = Date.now()
  await pause(next() * options.holdMs)
  report.holds.push({ lease, resource, fromMs, untilMs: Date.now() })
  await say(`lease/${lease}`, "release", {})
  await until(lease, "destroyed")
  ended("released")
}

// Its time is over: what it heard so far, and what it waits for.
process.once("SIGTERM", () => {
  for (const [lease, message] of doing) report.leases.push({ lease, end: "waiting", message })
  process.stdout.write(JSON.stringify(report), () => process.exit())
})

// Whoever started it has ended.
process.stdin.resume().once("end", () => process.exit(1))

let asked = 0
await Promise.all(
  Array.from({ length: options.atOnce }, async () => {
    while (asked < options.requests) await live(`${principal}_${++asked}`)
  }),
)
await nc.close()
process.stdout.write(JSON.stringify(report), () => process.exit())

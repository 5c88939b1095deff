// Somebody who speaks the protocol with nothing but the NATS client: no line of src/client is used here, so that the
// contract is tested as strangers see it.

import { connect, headers, type Msg, type MsgHdrs, type NatsConnection } from "nats"

export type Json = { [key: string]: unknown }
export interface Outcome {
  outcome: "accepted" | "rejected"
  command: number
  actor: string
  record?: TestRecord
  code?: string
  message?: string
  issues?: { path: string; message: string }[]
}
export interface TestRecord {
  v: number
  yard: string
  kind: string
  id: string
  rev: number
  from: string | null
  to: string
  path: string[]
  event: Json
  context: Json & { slots?: string[]; token?: number; resource?: string; waiting?: Json; reason?: Json }
  cause: { command: number; id: string | null; verb: string; by: string }
  at: string
  machine: Json
  jobs: unknown[]
  timers: { id: string; at: string }[]
  sends: Json[]
}
export interface PubAck {
  stream?: string
  seq?: number
  duplicate?: boolean
  error?: { code: number; err_code: number; description: string }
}

export interface SayOptions {
  readonly as?: string
  readonly id?: string
  readonly timeoutMs?: number
  /** Beside `Drydock-Id`. */
  readonly headers?: { readonly [name: string]: string }
}

export interface Person {
  readonly nc: NatsConnection
  /** Publishes a command; resolves to its PubAck. */
  publish(target: string, body?: unknown, extra?: { [name: string]: string }): Promise<PubAck>
  /** Publishes a command and waits for its outcome. */
  say(target: string, body?: unknown, options?: SayOptions): Promise<Outcome>
  ask(name: string, body?: unknown): Promise<Json>
  /** Records seen on `event`, in order of arrival. */
  readonly events: {
    seq: number
    last: number
    record: TestRecord
    subject: string
    headers: MsgHdrs | undefined
  }[]
  /** Every outcome seen, those of others included, in order of arrival. */
  readonly outcomes: { subject: string; body: Outcome }[]
  readonly rejected: { subject: string; body: Outcome }[]
  /** Resolves when an event satisfies a condition, past ones included. */
  seen(matches: (record: TestRecord) => boolean, timeoutMs?: number): Promise<TestRecord>
  close(): Promise<void>
}

let ids = 0
export function uniqueId(prefix = "c"): string {
  return `${prefix}${process.pid}x${Date.now().toString(36)}x${++ids}`
}

/** Connects as `alice` (or another) to yard `default` (or another). */
export async function startPerson(
  options: { servers: string; user?: string; pass?: string },
  as = "alice",
  yard = "default",
): Promise<Person> {
  const nc = await connect({ ...options, reconnectTimeWait: 50, maxReconnectAttempts: -1 })
  const events: Person["events"] = []
  const outcomes: Person["outcomes"] = []
  const rejected: Person["rejected"] = []
  const waiting = new Map<string, (outcome: Outcome) => void>()
  const watchers = new Set<() => void>()
  const each = (subject: string, hear: (message: Msg) => void) =>
    nc.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) hear(message)
      },
    })
  each(`drydock.${yard}.event.>`, (message) => {
    let record: TestRecord
    try {
      record = message.json<TestRecord>()
    } catch {
      return // Somebody wrote garbage into the journal: subscribers see it too.
    }
    const seq = Number(message.headers?.get("Nats-Sequence"))
    events.push({
      seq,
      last: Number(message.headers?.get("Nats-Last-Sequence")),
      record,
      subject: message.subject,
      headers: message.headers,
    })
    for (const watch of [...watchers]) watch()
  })
  each(`drydock.${yard}.outcome.>`, (message) => {
    const id = message.subject.split(".").at(-1) ?? ""
    const body = message.json<Outcome>()
    outcomes.push({ subject: message.subject, body })
    waiting.get(id)?.(body)
    waiting.delete(id)
  })
  each(`drydock.${yard}.rejected.>`, (message) =>
    rejected.push({ subject: message.subject, body: message.json<Outcome>() }),
  )
  await nc.flush()

  const payload = (body: unknown) =>
    typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body)
  const subject = (target: string, who: string) => {
    const [kind, id, verb] = target.split(/[/ ]/)
    return `drydock.${yard}.command.${kind}.${id}.${verb}.${who}`
  }
  return {
    nc,
    events,
    outcomes,
    rejected,
    async publish(target, body = {}, extra = {}) {
      const sent = headers()
      for (const [name, value] of Object.entries(extra)) sent.set(name, value)
      const answer = await nc.request(subject(target, as), payload(body), { headers: sent, timeout: 5_000 })
      return answer.json<PubAck>()
    },
    async say(
      target,
      body = {},
      { as: who = as, id = uniqueId(), timeoutMs = 10_000, headers: extra = {} } = {},
    ) {
      const sent = headers()
      for (const [name, value] of Object.entries(extra)) sent.set(name, value)
      sent.set("Drydock-Id", id)
      const outcome = new Promise<Outcome>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`no outcome of ${target} within ${timeoutMs} ms`)),
          timeoutMs,
        )
        waiting.set(id, (said) => {
          clearTimeout(timer)
          resolve(said)
        })
      })
      nc.publish(subject(target, who), payload(body), { headers: sent })
      return outcome
    },
    async ask(name, body = {}) {
      const answer = await nc.request(`drydock.${yard}.query.${name}.${as}`, JSON.stringify(body), {
        timeout: 20_000,
      })
      return answer.json<Json>()
    },
    seen(matches, timeoutMs = 10_000) {
      return new Promise((resolve, reject) => {
        const look = () => {
          const found = events.find(({ record }) => matches(record))
          if (found === undefined) return
          clearTimeout(timer)
          watchers.delete(look)
          resolve(found.record)
        }
        const timer = setTimeout(() => {
          watchers.delete(look)
          reject(
            new Error(
              `no such event within ${timeoutMs} ms; the last: ${JSON.stringify(events.at(-1)?.record)}`,
            ),
          )
        }, timeoutMs)
        watchers.add(look)
        look()
      })
    },
    close: () => nc.close(),
  }
}

/** Device, service and blueprint: `hosts` hosts, so many leases on each; undefined = any number. */
export async function makePool(
  person: Person,
  hosts: number,
  leasesPerHost?: number,
  name = "lab",
): Promise<void> {
  const expectAccepted = (outcome: Outcome) => {
    if (outcome.outcome !== "accepted") throw new Error(JSON.stringify(outcome))
  }
  expectAccepted(await person.say("network/net put"))
  const bindings: Json = {}
  for (let n = 0; n < hosts; n++) {
    const device = `${name}-h${n}`
    const eth0 = { network: "net", address: "127.0.0.1", transport: "local" }
    expectAccepted(await person.say(`device/${device} put`, { interfaces: { eth0 } }))
    bindings[`b${n}`] = { device, interface: "eth0" }
  }
  expectAccepted(await person.say(`service/${name}-pool put`, { type: "drydock.pool", bindings }))
  const config = { services: [`${name}-pool`], ...(leasesPerHost === undefined ? {} : { leasesPerHost }) }
  expectAccepted(await person.say(`blueprint/${name} create`, { type: "almanac-service-host", config }))
}

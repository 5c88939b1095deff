// Gives a yard its pool through the public protocol: one network, one device with 64 interfaces, one service, one
// blueprint; then every host is leased once, so that all resources exist before anything is measured.

import { connect, headers, type NatsConnection } from "nats"

export const HOSTS = 64
const PRINCIPAL = "bench"
const PATIENCE_MS = 60_000

interface Answer {
  readonly outcome: string
  readonly message?: string
  readonly record?: { readonly to: string }
}

/** `leasesPerHost`: 1 = exclusive, undefined = any number. Throws with the yard's own words when it refuses. */
export async function buildPool(url: string, leasesPerHost: number | undefined): Promise<void> {
  const connection = await connect({ servers: url })
  const yard = new Speaker(connection)
  const numbers = Array.from({ length: HOSTS }, (_, index) => index)
  const named = <Value>(name: string, value: (n: number) => Value) =>
    Object.fromEntries(numbers.map((n) => [`${name}${n}`, value(n)]))
  await yard.say("network", "lab", "put", {})
  const interfaces = named("eth", (n) => ({ network: "lab", address: `10.0.0.${n + 1}` }))
  await yard.say("device", "rack", "put", { interfaces })
  const bindings = named("b", (n) => ({ device: "rack", interface: `eth${n}` }))
  await yard.say("service", "pool", "put", { type: "drydock.pool", bindings })
  const config = { services: ["pool"], ...(leasesPerHost === undefined ? {} : { leasesPerHost }) }
  await yard.say("blueprint", "hosts", "create", { type: "almanac-service-host", config })
  await Promise.all(numbers.map((n) => yard.hold(`${PRINCIPAL}_first-${n}`)))
  await Promise.all(numbers.map((n) => yard.say("lease", `${PRINCIPAL}_first-${n}`, "release", {})))
  await connection.close()
}

class Speaker {
  #count = 0
  readonly #answers = new Map<string, (answer: Answer) => void>()
  readonly #holders = new Map<string, () => void>()

  constructor(private readonly connection: NatsConnection) {
    const last = (subject: string) => subject.slice(subject.lastIndexOf(".") + 1)
    connection.subscribe(`drydock.default.outcome.${PRINCIPAL}.*`, {
      callback: (error, message) => {
        if (error === null) this.#answers.get(last(message.subject))?.(message.json())
      },
    })
    connection.subscribe("drydock.default.event.lease.*", {
      callback: (error, message) => {
        if (error === null && message.json<{ to: string }>().to === "active")
          this.#holders.get(last(message.subject))?.()
      },
    })
  }

  async say(kind: string, id: string, verb: string, body: object): Promise<Answer> {
    const command = `setup${this.#count++}`
    const answered = new Promise<Answer>((resolve) => this.#answers.set(command, resolve))
    const hdrs = headers()
    hdrs.set("Drydock-Id", command)
    const subject = `drydock.default.command.${kind}.${id}.${verb}.${PRINCIPAL}`
    this.connection.publish(subject, JSON.stringify(body), { headers: hdrs })
    const answer = await within(answered, `${kind}/${id} ${verb}`)
    if (answer.outcome !== "accepted") throw new Error(`${kind}/${id} ${verb}: ${answer.message}`)
    return answer
  }

  /** Asks for a lease and waits until it is active. */
  async hold(lease: string): Promise<void> {
    const active = new Promise<void>((resolve) => this.#holders.set(lease, resolve))
    const answer = await this.say("lease", lease, "request", { type: "host" })
    if (answer.record?.to !== "active") await within(active, lease)
  }
}

async function within<Value>(promise: Promise<Value>, what: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no answer in ${PATIENCE_MS} ms`)), PATIENCE_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

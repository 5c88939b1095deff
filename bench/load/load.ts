// The load: N closed loops in a process of their own, the same for the floor and for the yard. Prints a line of JSON
// when it begins to measure, when it stops, and with what it has measured.
// Usage: node load.js '{"url": …, "clients": 64, …}' (a LoadOrder).

import { build, type Histogram } from "hdr-histogram-js"
import { connect, type NatsConnection } from "nats"
import { Client } from "./client.js"
import type { LoadOrder, LoadReport } from "./order.js"

/** Loops share connections, as the parts of a program do. */
const CONNECTIONS = 4
const FAILURES_LIMIT = 100
/** Nothing heard for so long: something hangs. */
const SILENCE_LIMIT_MS = 15_000

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const say = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`)
const toUs = (ms: number) => Math.max(1, Math.round(ms * 1_000))

/** Latencies of 1 µs to 10 minutes. */
function histogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 600_000_000,
    numberOfSignificantValueDigits: 3,
  })
}

class Load {
  readonly #clients: Client[] = []
  readonly #connections: NatsConnection[] = []
  readonly #watched = new Map<string, Client>()
  #acquires = histogram()
  #releases = histogram()
  #waited = 0
  #failures = 0
  #firstFailure: string | null = null
  #lastSign = performance.now()
  #allIdle = () => {}

  constructor(private readonly order: LoadOrder) {}

  async connect(): Promise<void> {
    const { url, clients, contended } = this.order
    for (let index = 0; index < Math.min(CONNECTIONS, clients); index++) await this.#share(url, index)
    if (contended) await this.#listen(url)
  }

  /** One connection and the loops that use it. */
  async #share(url: string, index: number): Promise<void> {
    const { yard, clients, run } = this.order
    const connection = await connect({ servers: url })
    this.#connections.push(connection)
    const principal = `bench${index}`
    const mine = new Map<string, Client>()
    connection.subscribe(`drydock.${yard}.outcome.${principal}.*`, {
      callback: (error, message) => {
        if (error !== null) return this.failed(error.message)
        const id = message.subject.slice(message.subject.lastIndexOf(".") + 1)
        mine.get(id.slice(0, id.indexOf("-")))?.hear(message.json())
      },
    })
    for (let number = index; number < clients; number += CONNECTIONS) {
      const name = `${run}c${number}`
      const client = new Client(name, yard, principal, connection, this)
      mine.set(name, client)
      this.#clients.push(client)
    }
    await connection.flush()
  }

  /** Who may have to wait hears from events that the wait is over. */
  async #listen(url: string): Promise<void> {
    const connection = await connect({ servers: url })
    this.#connections.push(connection)
    connection.subscribe(`drydock.${this.order.yard}.event.lease.*`, {
      callback: (error, message) => {
        if (error !== null) return this.failed(error.message)
        const lease = message.subject.slice(message.subject.lastIndexOf(".") + 1)
        this.#watched.get(lease)?.seen(lease, message.json<{ to: string }>().to)
      },
    })
    await connection.flush()
  }

  asking(lease: string, client: Client): void {
    if (this.order.contended) this.#watched.set(lease, client)
  }

  acquired(lease: string, ms: number): void {
    this.#watched.delete(lease)
    this.#lastSign = performance.now()
    this.#acquires.recordValue(toUs(ms))
  }

  released(ms: number): void {
    this.#releases.recordValue(toUs(ms))
  }

  waits(lease: string): void {
    this.#waited++
    if (!this.order.contended) this.failed(`${lease} had to wait, in a pool with room for all`)
  }

  failed(why: string): void {
    this.#firstFailure ??= why
    if (++this.#failures >= FAILURES_LIMIT)
      throw new Error(`${this.#failures} failures; the first: ${this.#firstFailure}`)
  }

  ended(): void {
    if (this.#clients.every((client) => !client.busy)) this.#allIdle()
  }

  async run(): Promise<LoadReport> {
    const watchdog = setInterval(() => this.#checkAlive(), 1_000)
    for (const client of this.#clients) client.start()
    await pause(this.order.warmUpMs)
    this.#acquires = histogram()
    this.#releases = histogram()
    this.#waited = 0
    say({ event: "measuring" })
    const cpu = process.cpuUsage()
    const begin = performance.now()
    await pause(this.order.measureMs)
    const seconds = (performance.now() - begin) / 1_000
    const used = process.cpuUsage(cpu)
    say({ event: "measured" })
    const report = this.#report(seconds, used.user + used.system)
    const idle = new Promise<void>((resolve) => {
      this.#allIdle = resolve
    })
    for (const client of this.#clients) client.stop()
    await idle
    clearInterval(watchdog)
    for (const connection of this.#connections) await connection.close()
    return report
  }

  #report(seconds: number, cpuUs: number): LoadReport {
    const cycles = this.#releases.totalCount
    const at = (percentile: number) => this.#acquires.getValueAtPercentile(percentile) / 1_000
    return {
      cycles,
      seconds,
      cyclesPerSecond: cycles / seconds,
      acquireP50Ms: at(50),
      acquireP99Ms: at(99),
      acquireMaxMs: this.#acquires.maxValue / 1_000,
      releaseP50Ms: this.#releases.getValueAtPercentile(50) / 1_000,
      waited: this.#waited,
      failures: this.#failures,
      firstFailure: this.#firstFailure,
      cpuUsPerCycle: cpuUs / Math.max(1, cycles),
    }
  }

  #checkAlive(): void {
    if (performance.now() - this.#lastSign < SILENCE_LIMIT_MS) return
    const busy = this.#clients.filter((client) => client.busy)
    const first = busy.slice(0, 3).map((client) => client.standing)
    throw new Error(
      `no lease for ${SILENCE_LIMIT_MS} ms; ${busy.length} loops hang: ${first.join(", ")}; first failure: ${this.#firstFailure ?? "none"}`,
    )
  }
}

const load = new Load(JSON.parse(process.argv[2] ?? "{}"))
await load.connect()
say({ event: "report", report: await load.run() })

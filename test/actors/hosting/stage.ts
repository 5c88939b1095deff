// A host, or two, on a log in memory under a clock that only the test moves.

import type { Clock } from "../../../src/actors/hosting/clock.js"
import { type Host, type HostOptions, startHost } from "../../../src/actors/hosting/host.js"
import type { Report } from "../../../src/actors/hosting/reports.js"
import type { Log } from "../../../src/actors/log/log.js"
import { type MemoryLog, openMemoryLog } from "../../../src/actors/log/memory-log.js"
import { MemoryServer } from "../../../src/actors/log/memory-server.js"
import { policies } from "../../support/policies.js"
import { settled, VirtualClock } from "../../support/virtual-clock.js"

interface Said {
  readonly outcome: string
  readonly code?: string
  readonly record?: { to: string; rev: number; context: { [name: string]: unknown } }
}

export class Stage {
  readonly clock = new VirtualClock()
  readonly server = new MemoryServer({ yard: "default", clock: this.clock })
  readonly outcomes = new Map<string, Said>()
  /** Everything that was told, by the command's id, repetitions included. */
  readonly told = new Map<string, Said[]>()
  readonly events: { seq: number; body: string }[] = []
  readonly hosts: { readonly host: Host; readonly log: MemoryLog; readonly reports: Report[] }[] = []

  constructor() {
    this.server.subscribe("drydock.default.outcome.>", ({ subject, data }) => {
      const id = subject.split(".").at(-1) ?? ""
      const said = JSON.parse(new TextDecoder().decode(data)) as Said
      this.outcomes.set(id, said)
      this.told.set(id, [...(this.told.get(id) ?? []), said])
    })
    this.server.subscribe("drydock.default.event.>", ({ headers, data }) =>
      this.events.push({ seq: Number(headers["Nats-Sequence"]), body: new TextDecoder().decode(data) }),
    )
  }

  /** `options`: what the host is started with beside what is the same for all; `around` puts something before its log. */
  async enter(
    name: string,
    clock: Clock = this.clock,
    generation?: number,
    { around = (log: Log) => log, ...options }: Partial<HostOptions> & { around?: (log: Log) => Log } = {},
  ): Promise<(typeof this.hosts)[number]> {
    const log = openMemoryLog(this.server)
    const reports: Report[] = []
    const host = await startHost({
      ...options,
      log: around(log),
      yard: "default",
      policies: options.policies ?? policies,
      version: "test",
      clock,
      host: name,
      ...(generation === undefined ? {} : { generation }),
      report: (said) => reports.push(said),
    })
    const entered = { host, log, reports }
    this.hosts.push(entered)
    await this.clock.advance(10)
    return entered
  }

  /** Lets everything that can happen without time passing happen. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await settled()
  }

  /** Publishes a command as a person; its id is its place. */
  async publish(
    target: string,
    body: unknown = {},
    id = target.replace(/[^A-Za-z0-9]/g, "-"),
  ): Promise<number> {
    const [kind, object, verb] = target.split(/[/ ]/)
    const data = typeof body === "string" ? body : JSON.stringify(body)
    const headers = { "Drydock-Id": id }
    const ack = await this.server.publish(
      `drydock.default.command.${kind}.${object}.${verb}.alice`,
      data,
      headers,
    )
    if (ack === undefined || !("seq" in ack)) throw new Error(`refused: ${JSON.stringify(ack)}`)
    return ack.seq
  }

  /** Publishes and lets the yard get on; the outcome, if there is one by then. */
  async say(target: string, body: unknown = {}, id?: string): Promise<Said | undefined> {
    await this.publish(target, body, id)
    await this.settle()
    return this.outcomes.get(id ?? target.replace(/[^A-Za-z0-9]/g, "-"))
  }

  async pool(hosts: number): Promise<void> {
    const bindings: { [name: string]: object } = {}
    for (let n = 0; n < hosts; n++) {
      await this.say(`device/h${n} put`, { interfaces: { eth0: { network: "net", address: "10.0.0.1" } } })
      bindings[`b${n}`] = { device: `h${n}`, interface: "eth0" }
    }
    await this.say("service/pool put", { type: "drydock.pool", bindings })
    await this.say("blueprint/lab create", {
      type: "almanac-service-host",
      config: { services: ["pool"], leasesPerHost: 1 },
    })
  }

  async ask(name: string, body: unknown = {}): Promise<object> {
    const answer = await this.server.request(`drydock.default.query.${name}.alice`, JSON.stringify(body))
    return JSON.parse(new TextDecoder().decode(answer)) as object
  }

  /** Every journal message as it lies there. */
  journal(): {
    seq: number
    subject: string
    record: { [name: string]: unknown } | undefined
    headers: object
  }[] {
    return (this.server.stream("JOURNAL")?.from(1) ?? []).map(({ seq, subject, data, headers }) => {
      let record: { [name: string]: unknown } | undefined
      try {
        record = JSON.parse(new TextDecoder().decode(data)) as { [name: string]: unknown }
      } catch {
        record = undefined
      }
      return { seq, subject, record, headers: headers ?? {} }
    })
  }

  async leave(): Promise<void> {
    for (const { host, log } of this.hosts) {
      const stopped = host.stop()
      await this.clock.advance(6_000)
      await stopped
      await log.close()
    }
  }
}

// A yard without hosting: commands go straight into the pure step, follow-ups come back as commands at once.

import { type Command, createYard, step, type Verdict, type Yard } from "../../src/actors/kernel/index.js"
import almanacServiceHost from "../../src/blueprints/almanac-service-host/index.js"
import type { Kind } from "../../src/machines/names.js"
import type { Send } from "../../src/machines/record.js"
import { commandSubject, internalSubject } from "../../src/machines/subjects.js"

const encoder = new TextEncoder()
const HASH = "0123456789abcdef"
const hashes = {
  lease: HASH,
  resource: HASH,
  blueprint: HASH,
  device: HASH,
  service: HASH,
  network: HASH,
  yard: HASH,
}

export class Ledger {
  readonly yard: Yard = createYard({ name: "default", policies: [almanacServiceHost], hashes })
  #seq = 0
  #now = Date.parse("2026-01-01T00:00:00.000Z")

  /** A command of a person, as it would lie in COMMANDS. */
  command(kind: Kind, id: string, verb: string, body: unknown): Command {
    return this.#message(commandSubject("default", kind, id, verb, "bench"), body, {
      "Drydock-Id": `c${this.#seq}`,
    })
  }

  /** A follow-up as it would lie in COMMANDS. */
  followUp(send: Send): Command {
    return this.#message(internalSubject("default", send.kind, send.id, send.verb, send.sender), send.body, {
      "Drydock-Cause": `${this.yard.journal}.0`,
    })
  }

  /** Decides one command; anything but a record or "no longer needed" is a mistake of the benchmark. */
  step(command: Command): readonly Send[] {
    const verdict: Verdict = step(this.yard, command)
    if (verdict.kind === "recorded") return verdict.record.sends
    if (verdict.kind === "nothing") return []
    throw new Error(`${command.subject}: ${JSON.stringify(verdict)}`)
  }

  /** Decides a person's command and everything that follows from it. */
  run(kind: Kind, id: string, verb: string, body: unknown): void {
    const queue = [...this.step(this.command(kind, id, verb, body))]
    for (let send = queue.shift(); send !== undefined; send = queue.shift())
      queue.push(...this.step(this.followUp(send)))
  }

  /** A pool of hosts on one device. `leasesPerHost`: 1 = exclusive, undefined = any number. */
  build(hosts: number, leasesPerHost: number | undefined): void {
    this.run("network", "lab", "put", {})
    const bindings: [string, object][] = []
    for (let device = 0; device * INTERFACES < hosts; device++) {
      const interfaces: [string, object][] = []
      for (let port = 0; port < INTERFACES && device * INTERFACES + port < hosts; port++) {
        interfaces.push([`eth${port}`, { network: "lab", address: `10.0.${device}.${port}` }])
        bindings.push([`b${device}-${port}`, { device: `d${device}`, interface: `eth${port}` }])
      }
      this.run("device", `d${device}`, "put", { interfaces: Object.fromEntries(interfaces) })
    }
    this.run("service", "pool", "put", { type: "drydock.pool", bindings: Object.fromEntries(bindings) })
    const config = { services: ["pool"], ...(leasesPerHost === undefined ? {} : { leasesPerHost }) }
    this.run("blueprint", "hosts", "create", { type: "almanac-service-host", config })
  }

  #message(subject: string, body: unknown, headers: { readonly [name: string]: string }): Command {
    this.#seq++
    this.#now++
    return {
      seq: this.#seq,
      timestampMs: this.#now,
      subject,
      headers,
      data: encoder.encode(JSON.stringify(body)),
    }
  }
}

const INTERFACES = 64

// A yard without hosting: commands lie in an array, follow-ups are appended to it as the hosting would publish them.

import {
  type Command,
  createYard,
  forgottenUpTo,
  restore,
  step,
  type Verdict,
  type Yard,
} from "../../../src/actors/kernel/index.js"
import type { ActorKey } from "../../../src/machines/names.js"
import { keyOf, type YardRecord } from "../../../src/machines/record.js"
import { policies } from "../../support/policies.js"
import { slow } from "./slow.js"

const START_MS = Date.UTC(2026, 0, 1)
const encoder = new TextEncoder()

export const hashes = {
  lease: "h",
  resource: "h",
  blueprint: "h",
  service: "h",
  device: "h",
  network: "h",
  yard: "h",
}

export function emptyYard(): Yard {
  return createYard({ name: "default", policies: [...policies, slow], hashes })
}

export interface Spoken {
  readonly subject: string
  readonly body: unknown
  readonly headers?: { readonly [name: string]: string } | undefined
  readonly afterMs?: number
}

export class Workbench {
  yard = emptyYard()
  /** Every command, in order. */
  readonly commands: Command[] = []
  readonly verdicts: Verdict[] = []
  readonly records: { readonly seq: number; readonly record: YardRecord }[] = []
  #nowMs = START_MS
  #decided = 0
  /** Called after every verdict. */
  after: (verdict: Verdict) => void = () => {}

  get nowMs(): number {
    return this.#nowMs
  }

  /** Time goes on without anybody speaking. */
  wait(ms: number): void {
    this.#nowMs += ms
  }

  publish({ subject, body, headers, afterMs = 1 }: Spoken): void {
    this.#nowMs += afterMs
    const data =
      body instanceof Uint8Array
        ? body
        : typeof body === "string"
          ? encoder.encode(body)
          : encoder.encode(JSON.stringify(body))
    this.commands.push({ seq: this.commands.length + 1, timestampMs: this.#nowMs, subject, headers, data })
  }

  /** Publishes as a person and decides everything up to it, but none of what it causes. */
  say(target: string, body: unknown = {}, by = "alice"): Verdict {
    const [kind, id, verb] = target.split(/[/ ]/)
    this.publish({ subject: `drydock.default.command.${kind}.${id}.${verb}.${by}`, body })
    const at = this.commands.length
    while (this.#decided < at) this.decideNext()
    const verdict = this.verdicts.at(at - 1)
    if (verdict === undefined) throw new Error("nothing was decided")
    return verdict
  }

  get backlog(): number {
    return this.commands.length - this.#decided
  }

  /** Decides the next command; its follow-ups go to the end of the queue. */
  decideNext(): Verdict | undefined {
    const command = this.commands[this.#decided]
    if (command === undefined) return undefined
    this.#decided++
    const verdict = step(this.yard, command)
    this.verdicts.push(verdict)
    if (verdict.kind === "recorded") {
      // What is read back is text: whatever JSON cannot keep would show here.
      this.records.push({
        seq: verdict.seq,
        record: JSON.parse(JSON.stringify(verdict.record)) as YardRecord,
      })
      for (const send of verdict.record.sends)
        this.publish({
          subject: `drydock.default.internal.${send.kind}.${send.id}.${send.verb}.${send.sender}`,
          body: send.body,
        })
    }
    this.after(verdict)
    return verdict
  }

  /** Decides until nothing is left: follow-ups of follow-ups included. */
  drain(limit = 10_000): void {
    for (let count = 0; this.decideNext() !== undefined; count++)
      if (count > limit) throw new Error("the queue does not become empty")
  }

  /** A yard read back from the last record of every actor, without what sweeps forgot. */
  recovered(): Yard {
    const gone = forgottenUpTo(this.records)
    const last = new Map<ActorKey, { seq: number; record: YardRecord }>()
    for (const { seq, record } of this.records) {
      const key = keyOf(record)
      // The yard itself is never gone: only its own old records are.
      if (seq > (gone.get(key) ?? 0)) last.set(key, { seq, record })
    }
    const yard = emptyYard()
    // As a host reads them: in the order of the journal.
    restore(
      yard,
      [...last.values()].sort((a, b) => a.seq - b.seq),
    )
    return yard
  }
}

/** Networks, devices, a service and a blueprint, drained. */
export function pool(
  bench: Workbench,
  hosts: number,
  config: object = { leasesPerHost: 1 },
  name = "lab",
): void {
  const bindings: { [binding: string]: object } = {}
  for (let n = 0; n < hosts; n++) {
    bench.say(`device/${name}${n} put`, { interfaces: { eth0: { network: "net", address: `10.0.0.${n}` } } })
    bindings[`b${n}`] = { device: `${name}${n}`, interface: "eth0" }
  }
  bench.say(`service/${name}pool put`, { type: "drydock.pool", bindings })
  bench.say(`blueprint/${name} create`, {
    type: "almanac-service-host",
    config: { services: [`${name}pool`], ...config },
  })
  bench.drain()
}

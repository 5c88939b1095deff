// A small history in which all is well, made by the pure kernel: a pool of two hosts, four leases, one of them given
// up while it waits. The checkers' own tests doctor it.

import { restore, step } from "../../src/actors/kernel/index.js"
import type { CommandMessage, JournalMessage } from "../../src/actors/log/log.js"
import { keyOf, type YardRecord } from "../../src/machines/record.js"
import { freshYard } from "./checkers/replay.js"
import type { History } from "./history.js"

const YARD = "default"
const STARTED_MS = Date.UTC(2026, 0, 1)

export function sampleHistory(): History {
  const commands: CommandMessage[] = []
  const journal: JournalMessage[] = []
  const outcomes: { id: string; actor: string; text: string }[] = []
  const yard = freshYard({ yard: YARD })
  const last = new Map<string, { record: YardRecord; seq: number }>()
  const publish = (subject: string, body: object, headers: { [name: string]: string }) => {
    const seq = commands.length + 1
    const data = new TextEncoder().encode(JSON.stringify(body))
    commands.push({
      seq,
      timestampMs: STARTED_MS + seq,
      subject: `drydock.${YARD}.${subject}`,
      headers,
      data,
    })
  }
  let decided = 0
  const decideAll = () => {
    for (let command = commands[decided]; command !== undefined; command = commands[decided]) {
      decided++
      const after = yard.journal
      const verdict = step(yard, command)
      const about = { command: command.seq, actor: verdict.actor }
      const id = command.headers?.["Drydock-Id"] ?? ""
      if (verdict.kind === "recorded") {
        const { record, seq } = verdict
        const headers = { "Drydock-After": String(after), "Drydock-Cursor": "0", "Drydock-Sent": "0" }
        const text = JSON.stringify(record)
        const subject = `drydock.${YARD}.journal.${record.kind}.${record.id}`
        journal.push({
          seq,
          timestampMs: command.timestampMs,
          subject,
          headers,
          data: new TextEncoder().encode(text),
        })
        last.set(keyOf(record), { record, seq })
        for (const [index, send] of record.sends.entries())
          publish(`internal.${send.kind}.${send.id}.${send.verb}.${send.sender}`, send.body, {
            "Drydock-Cause": `${seq}.${index}`,
          })
        outcomes.push({
          id,
          actor: verdict.actor,
          text: JSON.stringify({ outcome: "accepted", ...about, record }),
        })
      }
      if (verdict.kind === "rejected") {
        const { code } = verdict.rejection
        outcomes.push({
          id,
          actor: verdict.actor,
          text: JSON.stringify({ outcome: "rejected", ...about, code }),
        })
      }
    }
  }
  let ids = 0
  const say = (target: string, body: object = {}) => {
    publish(`command.${target}.c0`, body, { "Drydock-Id": `c${++ids}` })
    decideAll()
  }
  say("network.net.put")
  for (const host of ["h1", "h2"])
    say(`device.${host}.put`, { interfaces: { eth0: { network: "net", address: "10.0.0.1" } } })
  const bindings = { b1: { device: "h1", interface: "eth0" }, b2: { device: "h2", interface: "eth0" } }
  say("service.pool.put", { type: "drydock.pool", bindings })
  say("blueprint.lab.create", {
    type: "almanac-service-host",
    config: { services: ["pool"], leasesPerHost: 1 },
  })
  for (const lease of ["c0_1", "c0_2", "c0_3", "c0_4", "c0_5"])
    say(`lease.${lease}.request`, { type: "host" })
  say("lease.nobody.release")
  say("lease.c0_3.release")
  for (const lease of ["c0_1", "c0_2", "c0_4", "c0_5"]) say(`lease.${lease}.release`)

  const recovered = freshYard({ yard: YARD })
  restore(recovered, last.values())
  const leases = ["c0_1", "c0_2", "c0_3", "c0_4", "c0_5"].map((lease) => ({
    lease,
    end: "released" as const,
    message: "",
  }))
  const holds = [
    { lease: "c0_1", resource: "r1", fromMs: 1, untilMs: 5 },
    { lease: "c0_4", resource: "r1", fromMs: 6, untilMs: 9 },
  ]
  return {
    yard: YARD,
    hosts: 2,
    commands,
    journal,
    events: journal.map(({ seq, subject, data }) => ({
      seq,
      subject: subject.replace(".journal.", ".event."),
      data,
    })),
    clients: [{ principal: "c0", leases, outcomes, holds, repeats: 0 }],
    recovered,
  }
}

// Listens to a yard from outside while it runs, and reads both streams when it is quiet.

import { connect } from "nats"
import { machineHashes } from "../../src/actors/hosting/host.js"
import { recover } from "../../src/actors/hosting/recovery.js"
import type { CommandMessage, JournalMessage, Log } from "../../src/actors/log/log.js"
import { openNatsLog } from "../../src/actors/log/nats-log.js"
import { type Person, startPerson } from "../support/person.js"
import { policies } from "../support/policies.js"
import type { TestServer } from "../support/server.js"
import type { HeardEvent, History } from "./history.js"

export interface Recorder {
  readonly person: Person
  /** With the host's own credentials. */
  readonly log: Log
  readonly events: readonly HeardEvent[]
  /** Resolves when every command has been decided, follow-ups included. Throws after `timeoutMs` (30 s). */
  quiet(timeoutMs?: number): Promise<void>
  history(heard: Pick<History, "hosts" | "clients">): Promise<History>
  close(): Promise<void>
}

export async function startRecorder(server: TestServer, yard: string): Promise<Recorder> {
  const { servers: url, user, pass } = server.hostOptions
  const log = await openNatsLog({ url, user, password: pass, yard })
  await log.setUp()
  const events: HeardEvent[] = []
  const nc = await connect({ ...server.personOptions })
  nc.subscribe(`drydock.${yard}.event.>`, {
    callback: (error, { subject, headers, data }) => {
      if (error === null) events.push({ seq: Number(headers?.get("Nats-Sequence")), subject, data })
    },
  })
  await nc.flush()
  const person = await startPerson(server.personOptions, "watcher", yard)
  return {
    person,
    log,
    events,
    async quiet(timeoutMs = 30_000) {
      const deadlineMs = Date.now() + timeoutMs
      for (;;) {
        // It is decided behind everything before it; if nothing came after it meanwhile, nothing is under way.
        const { command } = await person.say("network/quiet remove", {}, { timeoutMs })
        const { lastSeq } = await log.commandFacts()
        if (lastSeq === command) return
        if (Date.now() > deadlineMs) throw new Error(`still not quiet after ${timeoutMs} ms`)
      }
    },
    async history(heard) {
      const commands: CommandMessage[] = []
      for await (const command of log.commands(1)) commands.push(command)
      const journal: JournalMessage[] = []
      for await (const message of log.journal(1)) journal.push(message)
      await nc.flush()
      const options = { name: yard, policies, hashes: machineHashes() }
      const { yard: recovered } = await recover(log, options, () => {})
      return { ...heard, yard, commands, journal, events, recovered }
    },
    async close() {
      await person.close()
      await nc.close()
      await log.close()
    },
  }
}

// Asks a yard for its status again and again, and notes which host answered. A question goes to everybody who listens,
// so two hosts that both think they are active would both be heard. It also follows the events, as anybody may, and
// notes with each question what it had seen by then: no answer may rest on less.

import { connect } from "nats"
import type { TestServer } from "../support/server.js"

const EVERY_MS = 25

export interface StatusAnswer {
  readonly host: string
  readonly askedMs: number
  readonly atMs: number
  /** The last record that was seen when the question was asked, and the one that the answer rests on. */
  readonly seen: number
  readonly journal: number
}

export interface Questioner {
  readonly answers: readonly StatusAnswer[]
  /** The first answer of a host to a question that was asked at or after a time. Throws after 10 s. */
  answeredBy(host: string, sinceMs: number): Promise<StatusAnswer>
  close(): Promise<void>
}

export async function startQuestioner(server: TestServer, yard: string): Promise<Questioner> {
  const nc = await connect({ ...server.personOptions })
  const answers: StatusAnswer[] = []
  const inbox = `_INBOX.questions${process.pid}`
  let heard: (() => void)[] = []
  let lastSeen = 0
  nc.subscribe(`drydock.${yard}.event.>`, {
    callback: (_, { headers }) => {
      lastSeen = Math.max(lastSeen, Number(headers?.get("Nats-Sequence") ?? 0))
    },
  })
  nc.subscribe(`${inbox}.*.*`, {
    callback: (error, message) => {
      if (error !== null || message.data.length === 0) return // Nobody listened: there is no active host.
      const { host, journal } = message.json<{ host: string; journal: number }>()
      const [askedMs = 0, seen = 0] = message.subject.split(".").slice(-2).map(Number)
      answers.push({ host, journal, askedMs, seen, atMs: Date.now() })
      for (const look of heard.splice(0)) look()
    },
  })
  const timer = setInterval(() => {
    nc.publish(`drydock.${yard}.query.status.watcher`, "{}", { reply: `${inbox}.${Date.now()}.${lastSeen}` })
  }, EVERY_MS)
  return {
    answers,
    async answeredBy(host, sinceMs) {
      const deadlineMs = Date.now() + 10_000
      for (;;) {
        const found = answers.find((answer) => answer.host === host && answer.askedMs >= sinceMs)
        if (found !== undefined) return found
        if (Date.now() > deadlineMs) throw new Error(`${host} answered nothing for 10 s`)
        await new Promise<void>((resolve) => heard.push(resolve))
      }
    },
    async close() {
      clearInterval(timer)
      heard = []
      await nc.close()
    },
  }
}

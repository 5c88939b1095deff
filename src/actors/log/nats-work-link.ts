// The port of workers over nats-server: this file only joins the parts, which share one connection and one inbox.

import { streamName } from "../../machines/subjects.js"
import { type NatsAccess, openConnection } from "../../nats/connect.js"
import { type Clock, systemClock } from "../hosting/clock.js"
import { NatsJobIntake } from "./job-intake.js"
import { Link } from "./link.js"
import { LogError } from "./log.js"
import { storedSequence } from "./pub-ack.js"
import { Replies } from "./replies.js"
import type { WorkLink } from "./work-link.js"

export interface NatsWorkLinkOptions extends NatsAccess {
  readonly yard: string
  /** How long the server or the host may take to answer, milliseconds. Default 5,000. */
  readonly answerTimeoutMs?: number | undefined
  readonly clock?: Clock | undefined
}

/** Connects. Throws DrydockError `no-server`, `not-authorized`, `bad-url`. It owns its connection. */
export async function openNatsWorkLink(options: NatsWorkLinkOptions): Promise<WorkLink> {
  const nats = await openConnection(options)
  const clock = options.clock ?? systemClock
  const link = new Link(nats)
  const replies = new Replies(link, clock, options.answerTimeoutMs ?? 5_000)
  const work = streamName(options.yard, "WORK")
  return {
    takeJobs: (type, deliver) => new NatsJobIntake(replies, clock, work, type, deliver),
    send: async (subject, data, headers) => {
      storedSequence(await replies.ask(subject, data, headers), "queue-full")
    },
    ask: async (subject, data) => (await replies.ask(subject, data)).data,
    listen: (pattern, hear) => {
      const subscription = nats.subscribe(pattern, {
        callback: (error, message) => {
          if (error !== null) return
          try {
            hear(message.subject, message.data)
          } catch (fault) {
            // What is thrown here would end the client library's reading loop without a word.
            queueMicrotask(() => {
              throw fault
            })
          }
        },
      })
      return () => subscription.unsubscribe()
    },
    connected: () => link.connected,
    flush: async () => {
      try {
        await nats.flush()
      } catch (error) {
        throw new LogError("unavailable", "the connection broke before everything had left", { cause: error })
      }
    },
    close: async () => {
      replies.close()
      await nats.close()
    },
  }
}

// The port of workers over nats-server: this file only joins the parts, which share one connection and one inbox.

import { errors, type NatsConnection } from "nats"
import { streamName } from "../../machines/subjects.js"
import { type NatsAccess, openConnection } from "../../nats/connect.js"
import { DrydockError } from "../error.js"
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
  /** The server does not let this user do what a worker must: it is not the user of workers. */
  readonly onDenied?: ((error: DrydockError) => void) | undefined
  /** Told at every loss of the connection, and when it stands again. */
  readonly onConnection?: ((stands: boolean) => void) | undefined
}

/** Connects. Throws DrydockError `no-server`, `not-authorized`, `bad-url`. It owns its connection. */
export async function openNatsWorkLink(options: NatsWorkLinkOptions): Promise<WorkLink> {
  const nats = await openConnection(options)
  const clock = options.clock ?? systemClock
  const link = new Link(nats)
  const replies = new Replies(link, clock, options.answerTimeoutMs ?? 5_000)
  const work = streamName(options.yard, "WORK")
  let closing = false
  link.onLost(() => {
    if (!closing) options.onConnection?.(false)
  })
  link.onRegained(() => options.onConnection?.(true))
  if (options.onDenied !== undefined) void watchDenials(nats, options.onDenied)
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
      closing = true
      replies.close()
      await nats.close()
    },
  }
}

async function watchDenials(nats: NatsConnection, denied: (error: DrydockError) => void): Promise<void> {
  for await (const status of nats.status()) {
    if (status.type !== "error" || !(status.error instanceof errors.PermissionViolationError)) continue
    const { operation, subject } = status.error
    denied(
      new DrydockError(
        "not-authorized",
        `The NATS server does not let this user ${operation === "publish" ? "publish to" : "listen to"} ${subject}.`,
        "Give the user and password of the yard's workers: --user, DRYDOCK_WORKER_PASSWORD.",
        { cause: status.error },
      ),
    )
  }
}

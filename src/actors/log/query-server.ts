// Queries come as plain requests. A reply subject that lies in the yard's own subjects, or in the server's, is never
// answered: the answer would be a message of the host's, written where the asker may not write.

import type { Subscription } from "nats"
import type { Clock } from "../hosting/clock.js"
import type { Link } from "./link.js"
import { LogError, type Question, type Reading } from "./log.js"

/** How long the server may take to hand on what it has for a subscription that ends. */
const DRAIN_MS = 2_000

/** Resolves when the server knows that questions are taken here. Throws LogError `unavailable`. */
export async function serveQueries(
  link: Link,
  clock: Clock,
  yard: string,
  ask: (question: Question) => void,
): Promise<Reading> {
  const { nats } = link
  if (!link.connected) throw new LogError("unavailable", "not connected to the server")
  const subscription = nats.subscribe(`drydock.${yard}.query.*.*`, {
    callback: (error, message) => {
      if (error !== null) return
      const [, , , name, principal] = message.subject.split(".")
      const reply = message.reply
      if (name === undefined || principal === undefined) return
      if (reply === undefined || reply === "" || !mayAnswer(reply)) return
      const question: Question = {
        name,
        principal,
        data: message.data,
        answer: (body) => {
          const largest = nats.info?.max_payload
          if (largest !== undefined && body.length > largest) {
            throw new LogError("too-large", `an answer of ${body.length} bytes; the server takes ${largest}`)
          }
          if (link.connected) nats.publish(reply, body)
        },
      }
      try {
        ask(question)
      } catch (cause) {
        // What is thrown here would end the client library's reading loop without a word.
        queueMicrotask(() => {
          throw cause
        })
      }
    },
  })
  try {
    await nats.flush()
  } catch (error) {
    subscription.unsubscribe()
    throw new LogError("unavailable", "the connection broke", { cause: error })
  }
  return {
    stop: async () => {
      if (link.connected && !subscription.isClosed()) await drained(link, clock, subscription)
      // Already gone with a closed connection; the library ignores the repetition.
      subscription.unsubscribe()
    },
  }
}

/** The server sends no more; what it had sent has come, or the connection broke, or it says nothing any more. */
async function drained(link: Link, clock: Clock, subscription: Subscription): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      unhook()
      timer.cancel()
      resolve()
    }
    const unhook = link.onLost(done)
    const timer = clock.after(DRAIN_MS, done)
    // It fails with the connection only.
    subscription.drain().then(done, done)
  })
}

/** Whether the host may publish to this reply subject; see above. */
export function mayAnswer(reply: string): boolean {
  return !reply.startsWith("drydock.") && !reply.startsWith("$") && !/[\s*>]|\.\.|^\.|\.$/.test(reply)
}

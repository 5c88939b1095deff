// The few requests of the JetStream API that the log makes while it runs, each with its answer parsed. Reads go to the
// stream's leader (`STREAM.MSG.GET`, consumers), never to a replica that may lag behind.

import { randomBytes } from "node:crypto"
import { z } from "zod"
import { streamName } from "../../machines/subjects.js"
import type { StreamMessage } from "./delivery.js"
import { LogError, type StreamFacts } from "./log.js"
import { decodeHeaders } from "./message-headers.js"
import { faultOf, json } from "./pub-ack.js"
import type { Replies } from "./replies.js"
import { ACK_WAIT_MS, workSubject } from "./work-link.js"

const NO_MESSAGE = 10037
const NO_CONSUMER = 10014
const NANOS_PER_MS = 1_000_000

const failure = z.object({
  error: z.object({ err_code: z.number().default(0), description: z.string().default("no description") }),
})
const info = z.object({
  config: z.looseObject({ max_msgs: z.number() }),
  state: z.object({ messages: z.number(), first_seq: z.number(), last_seq: z.number() }),
})
const consumer = z.object({ name: z.string(), num_pending: z.number() })
const stored = z.object({
  message: z.object({
    subject: z.string(),
    seq: z.number(),
    hdrs: z.string().optional(),
    data: z.string().optional(),
    time: z.string(),
  }),
})
const anything = z.object({})

export interface ConsumerSettings {
  readonly policy: "by_start_sequence" | "last_per_subject"
  /** For `by_start_sequence`. */
  readonly from?: number | undefined
  /** Default: every subject of the stream; `last_per_subject` must name them. */
  readonly subjects?: readonly string[] | undefined
  /** The server removes it when nobody pulled for so long. */
  readonly idleMs: number
}

export class StreamApi {
  constructor(private readonly replies: Replies) {}

  async facts(stream: string): Promise<StreamFacts> {
    const { config, state } = await this.#ask(`STREAM.INFO.${stream}`, {}, info)
    return {
      // A stream that never held anything says 0.
      firstSeq: Math.max(1, state.first_seq),
      lastSeq: state.last_seq,
      messages: state.messages,
      maxMessages: config.max_msgs,
    }
  }

  async setMaxMessages(stream: string, maxMessages: number): Promise<void> {
    const { config } = await this.#ask(`STREAM.INFO.${stream}`, {}, info)
    await this.#ask(`STREAM.UPDATE.${stream}`, { ...config, max_msgs: maxMessages }, anything)
  }

  /**
   * Removes everything below a sequence, also beyond the end: then the next sequence moves there. With a subject only
   * what lies on that.
   */
  async purge(stream: string, below: number, subject?: string): Promise<void> {
    const filter = subject === undefined ? {} : { filter: subject }
    await this.#ask(`STREAM.PURGE.${stream}`, { seq: below, ...filter }, anything)
  }

  /** The last message of a subject. */
  async lastOf(stream: string, subject: string): Promise<StreamMessage | undefined> {
    const answer = await this.#askRaw(`STREAM.MSG.GET.${stream}`, { last_by_subj: subject })
    const failed = failure.safeParse(answer)
    if (failed.success && failed.data.error.err_code === NO_MESSAGE) return undefined
    const { message } = parsed(answer, stored, `STREAM.MSG.GET.${stream}`)
    return {
      seq: message.seq,
      timestampMs: Date.parse(message.time),
      subject: message.subject,
      headers: message.hdrs === undefined ? undefined : decodeHeaders(Buffer.from(message.hdrs, "base64")),
      data: message.data === undefined ? new Uint8Array() : Buffer.from(message.data, "base64"),
    }
  }

  /**
   * Makes a pull consumer that needs no acks, in memory, under a name that nobody can guess.
   * `pending`: how many messages it will deliver from what is there now.
   */
  async createConsumer(
    stream: string,
    settings: ConsumerSettings,
  ): Promise<{ readonly name: string; readonly pending: number }> {
    const name = `drydock_${randomBytes(16).toString("hex")}`
    const config = {
      name,
      deliver_policy: settings.policy,
      ...(settings.from === undefined ? {} : { opt_start_seq: Math.max(1, settings.from) }),
      ...(settings.subjects === undefined ? {} : { filter_subjects: settings.subjects }),
      ack_policy: "none",
      replay_policy: "instant",
      inactive_threshold: settings.idleMs * NANOS_PER_MS,
      num_replicas: 1,
      mem_storage: true,
    }
    const request = { stream_name: stream, config, action: "create" }
    const made = await this.#ask(`CONSUMER.CREATE.${stream}.${name}`, request, consumer)
    return { name, pending: made.num_pending }
  }

  /**
   * Makes, or makes again as it should be, the consumer through which workers of one blueprint type take jobs. Its name
   * is the type: workers ask for it by that and can make none.
   */
  async makeWorkConsumer(yard: string, type: string): Promise<void> {
    const stream = streamName(yard, "WORK")
    const config = {
      name: type,
      durable_name: type,
      filter_subject: workSubject(yard, type, "*"),
      deliver_policy: "all",
      ack_policy: "explicit",
      ack_wait: ACK_WAIT_MS * NANOS_PER_MS,
      max_deliver: -1,
      replay_policy: "instant",
    }
    await this.#ask(
      `CONSUMER.CREATE.${stream}.${type}.${config.filter_subject}`,
      { stream_name: stream, config },
      anything,
    )
  }

  /** Removes a consumer; whether that succeeded is not waited for, since the server removes it by itself later. */
  forgetConsumer(stream: string, name: string): void {
    if (!this.replies.link.connected) return
    const gone = this.#askRaw(`CONSUMER.DELETE.${stream}.${name}`, {})
    gone.catch((error: unknown) => {
      if (!(error instanceof LogError)) throw error
    })
  }

  async #ask<T>(request: string, body: object, schema: z.ZodType<T>): Promise<T> {
    return parsed(await this.#askRaw(request, body), schema, request)
  }

  async #askRaw(request: string, body: object): Promise<unknown> {
    const answer = await this.replies.ask(
      `$JS.API.${request}`,
      new TextEncoder().encode(JSON.stringify(body)),
    )
    return json(answer.data)
  }
}

function parsed<T>(answer: unknown, schema: z.ZodType<T>, request: string): T {
  const failed = failure.safeParse(answer)
  if (failed.success) {
    const { err_code: code, description } = failed.data.error
    const fault = code === NO_CONSUMER ? "unavailable" : faultOf(code, description)
    throw new LogError(fault, `${request}: ${description} (${code})`)
  }
  const good = schema.safeParse(answer)
  if (!good.success) {
    throw new LogError("unavailable", `${request}: the server answered something unknown`, {
      cause: good.error,
    })
  }
  return good.data
}

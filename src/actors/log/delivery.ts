// What a pull consumer sends to its inbox: messages of the stream, under their own subjects, and the server's remarks,
// under the inbox itself. Where a message stands is written in its reply subject.

import type { Msg } from "nats"
import { plainHeaders, statusOf } from "./message-headers.js"

/** A message of any stream. */
export interface StreamMessage {
  readonly seq: number
  readonly timestampMs: number
  readonly subject: string
  readonly headers: { readonly [name: string]: string } | undefined
  readonly data: Uint8Array
}

export interface Place {
  readonly streamSeq: number
  /** 1, 2, 3 … per consumer: a hole means that a message was lost on its way. */
  readonly deliverySeq: number
  readonly timestampMs: number
}

/**
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<delivery seq>.<nanoseconds>.<pending>`, with the domain and
 * the account before the stream in the longer form. Undefined when it is neither.
 */
export function placeOf(reply: string): Place | undefined {
  const tokens = reply.split(".")
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined
  const shift = tokens.length === 9 ? 0 : tokens.length >= 11 ? 2 : undefined
  if (shift === undefined) return undefined
  const streamSeq = Number(tokens[5 + shift])
  const deliverySeq = Number(tokens[6 + shift])
  const timestampMs = Math.floor(Number(tokens[7 + shift]) / 1_000_000)
  return Number.isNaN(streamSeq + deliverySeq + timestampMs)
    ? undefined
    : { streamSeq, deliverySeq, timestampMs }
}

export function streamMessage(message: Msg, place: Place): StreamMessage {
  return {
    seq: place.streamSeq,
    timestampMs: place.timestampMs,
    subject: message.subject,
    headers: plainHeaders(message),
    data: message.data,
  }
}

/** What the server remarks about a pull. */
export type Remark =
  /** Still there, nothing to deliver. */
  | { readonly kind: "heartbeat" }
  /** The pull is over; so many messages that it asked for will not come, because its bytes are used up or none is left. */
  | { readonly kind: "over"; readonly missing: number; readonly why: "bytes" | "none left" }
  /** The consumer is gone or its server steps down. */
  | { readonly kind: "gone"; readonly status: number }

export function remarkOf(message: Msg): Remark {
  const status = statusOf(message)
  if (status === 100) return { kind: "heartbeat" }
  const headers = plainHeaders(message)
  const missing = headers?.["Nats-Pending-Messages"]
  if (status === 404 || status === 408 || (status === 409 && missing !== undefined)) {
    return { kind: "over", missing: Number(missing ?? 0), why: status === 409 ? "bytes" : "none left" }
  }
  return { kind: "gone", status }
}

// Headers between messages and plain objects, without the client library's own code for it. Its reading throws on
// names and values that strangers may send, inside its receiving loop, and takes seconds for the 13,000 headers that
// fit into one command; its writing searches linearly and canonicalises every name.

import { type Msg, type MsgHdrs, MsgHdrsImpl, MsgImpl } from "nats"

export interface PlainHeaders {
  readonly [name: string]: string
}

const LINE_BREAK = /[\r\n]/
const decoder = new TextDecoder()

/** Throws TypeError on a name or value that would break out of its line. */
export function encodeHeaders(plain: PlainHeaders, extra?: PlainHeaders): MsgHdrs {
  const lists: Record<string, string[]> = {}
  for (const source of extra === undefined ? [plain] : [plain, extra]) {
    for (const [name, value] of Object.entries(source)) {
      if (/[\r\n: ]/.test(name) || LINE_BREAK.test(value)) {
        throw new TypeError(`header ${JSON.stringify(name)} holds characters that headers cannot carry`)
      }
      lists[name] = [value]
    }
  }
  return MsgHdrsImpl.fromRecord(lists)
}

/** The headers of a message, the first value of each name; undefined when there are none. */
export function plainHeaders(message: Msg): PlainHeaders | undefined {
  const block = headerBlock(message)
  return block === undefined ? undefined : decodeHeaders(block)
}

/** The same of a block of headers as it stands in a stream. What is malformed in it is left out. */
export function decodeHeaders(block: Uint8Array): PlainHeaders | undefined {
  const [, ...lines] = decoder.decode(block).split("\r\n")
  // No prototype: `__proto__` is then a name like any other.
  const plain: Record<string, string> = Object.create(null)
  let any = false
  for (const line of lines) {
    const colon = line.indexOf(":")
    if (colon <= 0 || LINE_BREAK.test(line)) continue
    const name = line.slice(0, colon)
    if (name in plain) continue
    plain[name] = line.slice(colon + 1).trim()
    any = true
  }
  return any ? plain : undefined
}

/** The server's status code of a protocol message (100, 404, 503 …), in the first line; 0 when there is none. */
export function statusOf(message: Msg): number {
  const block = headerBlock(message)
  if (block === undefined) return 0
  const code = /^NATS\/1\.0 +(\d{3})/.exec(decoder.decode(block.subarray(0, 16)))?.[1]
  return code === undefined ? 0 : Number(code)
}

/** The bytes before the body: a message's size counts its subject, its reply subject, its headers and its body. */
function headerBlock(message: Msg): Uint8Array | undefined {
  if (!(message instanceof MsgImpl)) throw new TypeError("a message of another client library")
  const { data, subject, reply = "" } = message
  const length = message.size() - Buffer.byteLength(subject) - Buffer.byteLength(reply) - data.length
  // A subject of invalid UTF-8 may be longer decoded than it was sent: then its headers are not worth reading.
  if (length <= 0 || length > data.byteOffset) return undefined
  return new Uint8Array(data.buffer, data.byteOffset - length, length)
}

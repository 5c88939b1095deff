// Headers between the client library and plain objects. The library's own reading throws on names and values that
// strangers may send, its own writing searches linearly and canonicalises every name: so neither is used.

import { type Msg, type MsgHdrs, MsgHdrsImpl } from "nats"

export interface PlainHeaders {
  readonly [name: string]: string
}

/** Throws TypeError on a name or value that would break out of its line. */
export function encodeHeaders(plain: PlainHeaders, extra?: PlainHeaders): MsgHdrs {
  const lists: Record<string, string[]> = {}
  for (const source of extra === undefined ? [plain] : [plain, extra]) {
    for (const [name, value] of Object.entries(source)) {
      if (/[\r\n: ]/.test(name) || /[\r\n]/.test(value)) {
        throw new TypeError(`header ${JSON.stringify(name)} holds characters that headers cannot carry`)
      }
      lists[name] = [value]
    }
  }
  return MsgHdrsImpl.fromRecord(lists)
}

/**
 * The headers of a message, the first value of each name; undefined when there are none, or when they are malformed:
 * then nothing in them can be trusted, and a command without headers is still a command.
 */
export function plainHeaders(message: Pick<Msg, "headers">): PlainHeaders | undefined {
  const headers = headersOf(message)
  if (headers === undefined) return undefined
  // No prototype: `__proto__` is then a name like any other.
  const plain: Record<string, string> = Object.create(null)
  let any = false
  for (const [name, values] of headers) {
    const first = values[0]
    if (first === undefined) continue
    plain[name] = first
    any = true
  }
  return any ? plain : undefined
}

/** The server's status code of a protocol message (100, 404, 503 …); 0 when there is none. */
export function statusOf(message: Pick<Msg, "headers">): number {
  return headersOf(message)?.code ?? 0
}

/** The same of a block of headers as it stands in a stream. */
export function decodeHeaders(block: Uint8Array): PlainHeaders | undefined {
  return plainHeaders({
    get headers() {
      return MsgHdrsImpl.decode(block)
    },
  })
}

function headersOf(message: Pick<Msg, "headers">): MsgHdrs | undefined {
  try {
    return message.headers
  } catch {
    // Malformed by whoever sent it; see above.
    return undefined
  }
}

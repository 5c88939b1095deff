// A NATS client that sends whatever it is told and checks nothing: what a stranger with a socket can do.

import { once } from "node:events"
import { connect as connectSocket, type Socket } from "node:net"

export interface RawMessage {
  readonly subject: string
  readonly sid: string
  readonly reply: string | undefined
  readonly headers: string
  readonly body: string
}

export interface RawPublish {
  readonly reply?: string
  /** Name and value of each, as they go over the wire. */
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: string
}

export class RawClient {
  readonly messages: RawMessage[] = []
  /** What the server refused, in its words. */
  readonly errors: string[] = []
  private buffer = Buffer.alloc(0)
  private pongs: (() => void)[] = []
  private sids = 0

  private constructor(private readonly socket: Socket) {
    socket.on("data", (chunk) => this.receive(chunk))
    socket.on("error", () => {})
    socket.on("close", () => this.release())
  }

  static async connect(port: number, options: { readonly [name: string]: unknown } = {}): Promise<RawClient> {
    const socket = connectSocket(port, "127.0.0.1")
    await once(socket, "connect")
    const client = new RawClient(socket)
    const hello = {
      verbose: false,
      pedantic: false,
      headers: true,
      no_responders: true,
      lang: "raw",
      version: "0",
    }
    client.send(`CONNECT ${JSON.stringify({ ...hello, ...options })}`)
    await client.settle()
    return client
  }

  /** Resolves when the server has handled everything sent so far, or has hung up. */
  settle(): Promise<void> {
    if (this.socket.destroyed) return Promise.resolve()
    return new Promise((resolve) => {
      this.pongs.push(resolve)
      this.send("PING")
    })
  }

  publish(subject: string, { reply = "", headers, body = "{}" }: RawPublish = {}): void {
    const size = Buffer.byteLength(body)
    if (headers === undefined) {
      this.send(`PUB ${subject} ${reply} ${size}\r\n${body}`)
      return
    }
    const block = `NATS/1.0\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`
    const head = Buffer.byteLength(block)
    this.send(`HPUB ${subject} ${reply} ${head} ${head + size}\r\n${block}${body}`)
  }

  subscribe(subject: string): void {
    this.sids += 1
    this.send(`SUB ${subject} ${this.sids}`)
  }

  /** Publishes with a reply inbox and resolves to the answer. */
  async request(subject: string, message: RawPublish = {}): Promise<RawMessage> {
    const inbox = `_INBOX.${crypto.randomUUID()}`
    this.subscribe(inbox)
    this.publish(subject, { ...message, reply: inbox })
    for (;;) {
      const answer = this.messages.find((one) => one.subject === inbox)
      if (answer !== undefined) return answer
      if (this.socket.destroyed) throw new Error(`hung up: ${this.errors.join(", ")}`)
      await once(this.socket, "data")
    }
  }

  close(): void {
    this.socket.destroy()
  }

  send(line: string): void {
    this.socket.write(`${line}\r\n`)
  }

  private release(): void {
    for (const resolve of this.pongs.splice(0)) resolve()
  }

  private receive(chunk: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, chunk])
    for (;;) {
      const end = this.buffer.indexOf("\r\n")
      if (end < 0) return
      const line = this.buffer.subarray(0, end).toString()
      const rest = this.buffer.subarray(end + 2)
      const words = line.split(/\s+/)
      if (words[0] === "MSG" || words[0] === "HMSG") {
        const sizes = words[0] === "MSG" ? [0, Number(words.at(-1))] : words.slice(-2).map(Number)
        const [head = 0, total = 0] = sizes
        if (rest.length < total + 2) return
        const fixed = words[0] === "MSG" ? 4 : 5
        this.messages.push({
          subject: words[1] ?? "",
          sid: words[2] ?? "",
          reply: words.length > fixed ? words[3] : undefined,
          headers: rest.subarray(0, head).toString(),
          body: rest.subarray(head, total).toString(),
        })
        this.buffer = rest.subarray(total + 2)
        continue
      }
      this.buffer = rest
      if (words[0] === "PONG") this.pongs.shift()?.()
      else if (words[0] === "PING") this.send("PONG")
      else if (words[0] === "-ERR") this.errors.push(line.slice(5))
    }
  }
}

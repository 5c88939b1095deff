// A line between client and nats-server that loses what a test wants lost. It reads the server's side of the NATS
// protocol message by message, so that single events can disappear as they do at a change of leader; it can also be
// cut, or fall silent as a network does that drops every packet.

import { createServer, connect as dial, type Socket } from "node:net"

export interface Passing {
  readonly subject: string
  readonly payload: string
}

export interface LossyProxy {
  readonly url: string
  /** Asked about every message to a client: true loses it. */
  lose: (message: Passing) => boolean
  /** How many were lost. */
  readonly lost: number
  /** Breaks every connection; new ones are taken. */
  cut(): void
  /** Nothing passes in either direction, until `flow`. Connections stay open. */
  freeze(): void
  flow(): void
  close(): Promise<void>
}

export async function startLossyProxy(port: number): Promise<LossyProxy> {
  const pairs = new Set<{ client: Socket; server: Socket }>()
  let frozen = false
  const listener = createServer((client) => {
    const server = dial({ port, host: "127.0.0.1" })
    const pair = { client, server }
    pairs.add(pair)
    const end = () => {
      client.destroy()
      server.destroy()
      pairs.delete(pair)
    }
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on("error", end)
      socket.on("close", end)
    }
    if (frozen) {
      client.pause()
      server.pause()
    }
    client.on("data", (chunk) => server.write(chunk))
    const parser = new ServerParser((message) => {
      if (!proxy.lose(message)) return true
      proxy.lost++
      return false
    })
    server.on("data", (chunk) => client.write(parser.pass(chunk)))
  })
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve))
  const address = listener.address()
  const own = typeof address === "object" && address !== null ? address.port : 0
  const proxy = {
    url: `nats://127.0.0.1:${own}`,
    lose: (_: Passing): boolean => false,
    lost: 0,
    cut() {
      for (const { client, server } of pairs) {
        client.destroy()
        server.destroy()
      }
    },
    freeze() {
      frozen = true
      for (const { client, server } of pairs) {
        client.pause()
        server.pause()
      }
    },
    flow() {
      frozen = false
      for (const { client, server } of pairs) {
        client.resume()
        server.resume()
      }
    },
    async close() {
      for (const { client, server } of pairs) {
        client.destroy()
        server.destroy()
      }
      await new Promise((resolve) => listener.close(resolve))
    },
  }
  return proxy
}

/** Takes the server's bytes apart into lines and messages, and gives back those that may pass. */
class ServerParser {
  #rest = Buffer.alloc(0)
  constructor(private readonly mayPass: (message: Passing) => boolean) {}

  pass(chunk: Buffer): Buffer {
    let rest = Buffer.concat([this.#rest, chunk])
    const out: Buffer[] = []
    for (;;) {
      const end = rest.indexOf("\r\n")
      if (end < 0) break
      const line = rest.toString("latin1", 0, end)
      const [op, subject = "", ...fields] = line.split(" ")
      const isMessage = op === "MSG" || op === "HMSG"
      const size = isMessage ? end + 2 + Number(fields.at(-1)) + 2 : end + 2
      if (rest.length < size) break
      const whole = rest.subarray(0, size)
      const message = { subject, payload: whole.toString("utf8", end + 2, size - 2) }
      if (!isMessage || this.mayPass(message)) out.push(whole)
      rest = rest.subarray(size)
    }
    this.#rest = rest
    return Buffer.concat(out)
  }
}

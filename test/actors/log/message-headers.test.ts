import { once } from "node:events"
import { createConnection } from "node:net"
import { connect, type Msg, type NatsConnection } from "nats"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { decodeHeaders, encodeHeaders, plainHeaders } from "../../../src/actors/log/message-headers.js"
import { startTestServer, type TestServer } from "../../support/server.js"

const bytes = (text: string) => new TextEncoder().encode(text)

describe("headers of a message", () => {
  let server: TestServer
  let connection: NatsConnection
  beforeAll(async () => {
    server = await startTestServer({ accounts: false })
    connection = await connect(server.hostOptions)
  }, 120_000)
  afterAll(async () => {
    await connection.close()
    await server.stop()
  })

  /** What a subscriber receives when these bytes are sent. */
  async function received(block: string, body: string, subject = "a.b", reply = ""): Promise<Msg> {
    const subscription = connection.subscribe(subject, { max: 1 })
    await connection.flush()
    const socket = createConnection(server.port, "127.0.0.1")
    await once(socket, "data")
    const size = Buffer.byteLength(block)
    const publish = `HPUB ${subject} ${reply} ${size} ${size + Buffer.byteLength(body)}\r\n${block}${body}\r\n`
    socket.write(`CONNECT {"verbose":false,"headers":true}\r\n${publish}`)
    for await (const message of subscription) {
      socket.destroy()
      return message
    }
    throw new Error("nothing came")
  }

  it("are found before the body, however long subject, reply and body are", async () => {
    for (const [body, subject, reply] of [
      ["", "a", ""],
      ["body", "a.bé.c", "reply.é"],
      ["ü".repeat(1_000), "a.b", ""],
    ] as const) {
      const message = await received("NATS/1.0\r\nDrydock-Id: x-1\r\nÄ: ö\r\n\r\n", body, subject, reply)
      expect(plainHeaders(message)).toEqual({ "Drydock-Id": "x-1", Ä: "ö" })
      expect(message.string()).toBe(body)
    }
  })

  it("are undefined when there are none", async () => {
    expect(plainHeaders(await received("NATS/1.0\r\n\r\n", "x"))).toBeUndefined()
    const subscription = connection.subscribe("plain", { max: 1 })
    connection.publish("plain", "x")
    for await (const message of subscription) expect(plainHeaders(message)).toBeUndefined()
  })

  it("are read where they are well-formed, and left out where they are not", async () => {
    const message = await received(
      "NATS/1.0\r\nbad name: 1\r\n: nameless\r\nnothing\r\ntraceparent: a\nb\r\nDrydock-Id: good\r\n\r\n",
      "x",
    )
    expect(plainHeaders(message)).toEqual({ "bad name": "1", "Drydock-Id": "good" })
  })

  it("are read in a moment, also when there are 13,000 of them", async () => {
    const lines = Array.from({ length: 13_000 }, (_, index) => `${index.toString(36)}:\r\n`).join("")
    const message = await received(`NATS/1.0\r\n${lines}\r\n`, "x")
    const startMs = performance.now()
    expect(Object.keys(plainHeaders(message) ?? {}).length).toBe(13_000)
    expect(performance.now() - startMs).toBeLessThan(200)
  })

  it("come back as they were written", async () => {
    const subscription = connection.subscribe("written", { max: 1 })
    const plain = { "Drydock-Cause": "1.0", traceparent: "00-ä-01" }
    connection.publish("written", "x", { headers: encodeHeaders(plain, { "Nats-Batch-Id": "b" }) })
    for await (const message of subscription) {
      expect(plainHeaders(message)).toEqual({ ...plain, "Nats-Batch-Id": "b" })
    }
  })

  it("give the first value of a repeated name, and no inherited ones", () => {
    const plain = decodeHeaders(bytes("NATS/1.0\r\na: 1\r\na: 2\r\n__proto__: 3\r\n\r\n"))
    expect(plain?.a).toBe("1")
    expect(Object.keys(plain ?? {})).toEqual(["a", "__proto__"])
    expect(plain?.toString).toBeUndefined()
  })

  it("cannot be written with a line break or a colon in the wrong place", () => {
    expect(() => encodeHeaders({ a: "1\r\nb: 2" })).toThrow(TypeError)
    expect(() => encodeHeaders({ "a: 1\r\nb": "2" })).toThrow(TypeError)
  })
})

// Just enough of a WebSocket to speak NATS over it as a web page could: Node 20 has none of its own.

import { randomBytes } from "node:crypto"
import { request } from "node:http"
import type { Duplex } from "node:stream"

/** Sends lines in one frame and resolves to everything that comes back until it hangs up or answers the last PING. */
export async function overWebSocket(port: number, lines: readonly string[]): Promise<string> {
  const socket = await upgrade(port)
  const said = new Promise<string>((resolve) => {
    let text = ""
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1")
      if (text.includes("PONG")) resolve(text)
    })
    socket.on("close", () => resolve(text))
    socket.on("error", () => resolve(text))
  })
  socket.write(frame(Buffer.from([...lines, "PING"].map((line) => `${line}\r\n`).join(""))))
  const text = await said
  socket.destroy()
  return text
}

function upgrade(port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      Origin: "http://elsewhere.example",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    }
    const asked = request({ host: "127.0.0.1", port, headers })
    asked.once("upgrade", (_response, socket) => resolve(socket))
    asked.once("response", (response) => reject(new Error(`answered ${response.statusCode}`)))
    asked.once("error", reject)
    asked.end()
  })
}

/** A masked binary frame, as clients must send them. */
function frame(payload: Buffer): Buffer {
  const mask = randomBytes(4)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(payload.length)
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0))
  return Buffer.concat([Buffer.from([0x82, 0x80 | 126]), length, mask, masked])
}

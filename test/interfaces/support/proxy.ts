// A line to a server that can be cut.

import { connect, createServer, type Socket } from "node:net"

export interface Line {
  readonly port: number
  /** Both ends see the connection end at once. */
  cut(): void
  stop(): Promise<void>
}

export async function startLine(toPort: number): Promise<Line> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect({ host: "127.0.0.1", port: toPort })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on("close", () => sockets.delete(socket))
      socket.on("error", () => socket.destroy())
    }
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address.port,
    cut,
    async stop() {
      cut()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

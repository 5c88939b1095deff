// The caller's stdin into a command. The caller's stream stays the caller's: it is never destroyed or ended here.

import { finished, type Readable, type Writable } from "node:stream"
import type { RunOptions } from "./command.js"

/**
 * Feeds the command and then closes its stdin. `fail` is called when the caller's stream breaks off. A command that
 * stops reading is no failure. Returns what takes the caller's stream off again.
 */
export function feed(target: Writable, input: RunOptions["stdin"], fail: (error: Error) => void): () => void {
  if (input === undefined || typeof input === "string" || input instanceof Uint8Array) {
    target.on("error", () => undefined) // EPIPE: the command reads no more
    if (input === undefined) target.end()
    else target.end(input)
    return () => undefined
  }
  return pipe(input, target, fail)
}

function pipe(input: Readable, target: Writable, fail: (error: Error) => void): () => void {
  const stopWaiting = finished(input, { writable: false }, (error) => {
    if (error === undefined || error === null) target.end()
    else fail(error)
  })
  const disconnect = (): void => {
    stopWaiting()
    input.unpipe(target)
    if (!input.destroyed) input.pause()
  }
  target.on("error", disconnect) // EPIPE: the command reads no more
  input.pipe(target, { end: false })
  return disconnect
}

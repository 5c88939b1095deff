// Output of a command into a sink, never faster than the sink takes it.

import type { Readable, Writable } from "node:stream"
import type { OutputSink } from "./command.js"

export interface Pump {
  /** When everything was delivered; rejects with what the sink threw. */
  readonly done: Promise<void>
  /** Settles `done` now, whatever is still to come. */
  cut(): void
}

export function pump(source: Readable, sink: OutputSink): Pump {
  const write = typeof sink === "function" ? sink : writer(sink)
  let cut = (): void => undefined
  const done = new Promise<void>((resolve, reject) => {
    let pending = Promise.resolve()
    const release = (): void => {
      source.removeListener("data", take)
      if (typeof sink !== "function") sink.removeListener("error", fail)
    }
    const fail = (error: unknown): void => {
      release()
      // What still comes is thrown away, so that the command does not wait for a reader while it is stopped.
      source.resume()
      reject(error)
    }
    const take = (chunk: Buffer): void => {
      try {
        const wait = write(chunk)
        if (!(wait instanceof Promise)) return
        source.pause()
        pending = wait.then(() => void source.resume())
        pending.catch(fail)
      } catch (error) {
        fail(error)
      }
    }
    const finish = (): void => {
      release()
      resolve()
    }
    // A rejection has gone to `fail` already; here it only matters that everything was taken.
    const end = (): void => void pending.then(finish, () => undefined)
    cut = finish
    source.on("data", take)
    source.once("end", end)
    source.once("close", end)
    source.once("error", end)
    if (typeof sink !== "function") sink.once("error", fail)
  })
  return { done, cut }
}

function writer(sink: Writable): (chunk: Buffer) => void | Promise<void> {
  return (chunk) => {
    if (sink.destroyed || sink.writableEnded) throw new Error("the sink is closed")
    if (sink.write(chunk)) return
    return new Promise((resolve, reject) => {
      const over = (error?: Error): void => {
        sink.removeListener("drain", over)
        sink.removeListener("close", closed)
        sink.removeListener("error", over)
        if (error === undefined) resolve()
        else reject(error)
      }
      const closed = (): void => over(new Error("the sink was closed"))
      sink.once("drain", over)
      sink.once("close", closed)
      sink.once("error", over)
    })
  }
}

/** Keeps the beginning of an output. */
export class Capture {
  private readonly chunks: Buffer[] = []
  private kept = 0
  truncated = false

  constructor(private readonly limitBytes: number) {}

  readonly take = (chunk: Buffer): void => {
    const room = this.limitBytes - this.kept
    if (chunk.length > room) this.truncated = true
    if (room <= 0) return
    const part = chunk.subarray(0, room)
    this.kept += part.length
    this.chunks.push(part)
  }

  content(): Buffer {
    return Buffer.concat(this.chunks)
  }
}

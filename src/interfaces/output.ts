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
  const { write, taken } = typeof sink === "function" ? caller(sink) : writer(sink)
  let cut = (): void => undefined
  const done = new Promise<void>((resolve, reject) => {
    let pending = Promise.resolve()
    const release = (): void => {
      source.removeListener("data", take)
      if (typeof sink !== "function") sink.removeListener("error", fail).removeListener("close", closed)
    }
    const closed = (): void => fail(new Error("it was closed"))
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
    const end = (): void => void pending.then(taken).then(finish, fail)
    cut = finish
    source.on("data", take)
    source.once("end", end)
    source.once("close", end)
    source.once("error", end)
    if (typeof sink !== "function") sink.once("error", fail).once("close", closed)
  })
  return { done, cut }
}

interface Taker {
  /** Returns a promise when no more may come until it is done. */
  readonly write: (chunk: Buffer) => void | Promise<void>
  /** When everything that was written has been dealt with. */
  readonly taken: () => Promise<void>
}

function caller(sink: (chunk: Buffer) => void | Promise<void>): Taker {
  return { write: sink, taken: async () => undefined }
}

function writer(sink: Writable): Taker {
  let last = Promise.resolve()
  return {
    taken: () => last,
    write(chunk) {
      if (sink.destroyed || sink.writableEnded) throw new Error("it is closed")
      let hasRoom = true
      last = new Promise((resolve, reject) => {
        hasRoom = sink.write(chunk, (error) => {
          if (error) reject(error)
          else resolve()
        })
      })
      // Whoever waits for the last one hears of a failure; so does the listener for `error`.
      last.catch(() => undefined)
      return hasRoom ? undefined : last
    },
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

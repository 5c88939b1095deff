// Moves the bytes of one file with many requests under way, so that a long line does not make it slow, and with a
// bounded window, so that a large file does not fill the memory. Chunks are delivered in order.

import { once } from "node:events"
import type { Writable } from "node:stream"
import { abortedError } from "./errors.js"
import type { OpenFile } from "./file-driver.js"

/** As much as every SFTP server takes in one request. */
const CHUNK_BYTES = 32 * 1024
const WINDOW = 32
const PROGRESS_MS = 100

export interface Progress {
  readonly bytes: number
  /** Null when the source is a stream. */
  readonly total: number | null
}

export interface Transfer {
  readonly total: number | null
  readonly onProgress?: ((progress: Progress) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The content in order, with up to `WINDOW` reads under way. `size`, as far as it is known, only says how far to read
 * ahead; the end is where the file ends.
 */
export async function* readChunks(
  file: OpenFile,
  { size, signal }: { readonly size: number; readonly signal: AbortSignal | undefined },
): AsyncGenerator<Buffer, void> {
  const underWay: Promise<Buffer>[] = []
  let position = 0
  try {
    while (true) {
      while (underWay.length === 0 || (underWay.length < WINDOW && position < size)) {
        const read = file.read(position, CHUNK_BYTES)
        read.catch(() => undefined) // thrown below, when its turn comes
        underWay.push(read)
        position += CHUNK_BYTES
      }
      stopIfAborted(signal)
      const chunk = await underWay.shift()
      if (chunk === undefined || chunk.length === 0) return
      yield chunk
      if (chunk.length < CHUNK_BYTES) return
    }
  } finally {
    // The file must not be closed under a read.
    await Promise.allSettled(underWay)
  }
}

/** Cuts whatever a stream gives into chunks. */
export async function* streamChunks(
  source: AsyncIterable<unknown> | Iterable<unknown>,
): AsyncGenerator<Buffer, void> {
  for await (const piece of source) {
    const data = typeof piece === "string" ? Buffer.from(piece) : piece
    if (!(data instanceof Uint8Array)) throw new TypeError("the stream gives neither text nor bytes")
    const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    for (let from = 0; from < buffer.length; from += CHUNK_BYTES)
      yield buffer.subarray(from, from + CHUNK_BYTES)
  }
}

/** Writes all chunks from the beginning, with up to `WINDOW` writes under way. */
export async function writeChunks(
  file: OpenFile,
  chunks: AsyncIterable<Buffer>,
  transfer: Transfer,
): Promise<void> {
  const report = reporter(transfer)
  const underWay = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | null = null
  let position = 0
  try {
    for await (const chunk of chunks) {
      stopIfAborted(transfer.signal)
      const write = file
        .write(position, chunk)
        .then(() => report.add(chunk.length))
        .catch((error: unknown) => {
          failure ??= { error }
        })
      position += chunk.length
      underWay.add(write)
      void write.then(() => underWay.delete(write))
      if (underWay.size >= WINDOW) await Promise.race(underWay)
      if (failure !== null) break
    }
  } finally {
    await Promise.all(underWay)
  }
  throwIf(failure)
  report.end()
}

/** Into a stream, as fast as it takes it; the stream is ended. */
export async function writeStream(
  target: Writable,
  chunks: AsyncIterable<Buffer>,
  transfer: Transfer,
): Promise<void> {
  const report = reporter(transfer)
  // `once` rejects when the stream fails, and here nobody else may be waiting for it.
  let failure: { readonly error: unknown } | null = null
  const failed = (error: unknown): void => {
    failure ??= { error }
  }
  target.on("error", failed)
  try {
    for await (const chunk of chunks) {
      throwIf(failure)
      stopIfAborted(transfer.signal)
      if (!target.write(chunk))
        await once(target, "drain", transfer.signal === undefined ? {} : { signal: transfer.signal })
      report.add(chunk.length)
    }
    await new Promise<void>((resolve, reject) => {
      target.once("error", reject)
      target.end(resolve)
    })
    report.end()
  } finally {
    target.removeListener("error", failed)
  }
}

function throwIf(failure: { readonly error: unknown } | null): void {
  if (failure !== null) throw failure.error
}

function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError("the transfer", signal)
}

function reporter({ onProgress, total }: Transfer): { add(bytes: number): void; end(): void } {
  let bytes = 0
  let toldAt = 0
  return {
    add(count) {
      bytes += count
      const now = performance.now()
      if (onProgress === undefined || now - toldAt < PROGRESS_MS) return
      toldAt = now
      onProgress({ bytes, total })
    },
    end: () => onProgress?.({ bytes, total: total ?? bytes }),
  }
}

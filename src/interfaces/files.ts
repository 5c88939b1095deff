// What a caller can do with the files of a host, over any FileDriver.
//
// Invariants:
// - A file that is written appears whole or not at all: a temporary file beside it, then a rename. What a broken
//   connection leaves is `.<name>.drydock-<random>` beside the target.
// - Memory for a transfer is bounded (`WINDOW` chunks), whatever its size.

import type { Readable, Writable } from "node:stream"
import { HostError } from "./errors.js"
import type { FileDriver, FileEntry, FileStat } from "./file-driver.js"
import { makeTree, readFrom, removeTree, replaceFile } from "./file-steps.js"
import { localFiles } from "./local-files.js"
import { type Progress, readChunks, streamChunks, writeChunks, writeStream } from "./transfer.js"

const READ_BYTES = 16 * 1024 * 1024
const LIST_ENTRIES = 100_000
const LARGE_FILE_CURE = "use host.files.download, or raise `limitBytes`"

export interface TransferOptions {
  /** Called at most ten times a second and at the end. */
  readonly onProgress?: (progress: Progress) => void
  readonly signal?: AbortSignal
  /** Permission bits of the new file. Default: those of the file that is replaced; else of the source; else 0o644. */
  readonly mode?: number
}

export class HostFiles {
  /** `driver`: opened at the first use. */
  constructor(private readonly driver: () => Promise<FileDriver>) {}

  /** The whole file. Throws `file-too-large` above `limitBytes` (default 16 MiB): use `download`. */
  async read(
    path: string,
    options: { readonly limitBytes?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Buffer> {
    const { limitBytes = READ_BYTES, signal } = options
    const chunks: Buffer[] = []
    let size = 0
    await readFrom(await this.at(path), path, async (file, stat) => {
      if (stat.size > limitBytes) throw tooLarge(path, `${limitBytes} bytes`, LARGE_FILE_CURE)
      for await (const chunk of readChunks(file, { size: stat.size, signal })) {
        size += chunk.length
        if (size > limitBytes) throw tooLarge(path, `${limitBytes} bytes`, LARGE_FILE_CURE)
        chunks.push(chunk)
      }
    })
    return Buffer.concat(chunks)
  }

  /** Replaces or creates the file, whole or not at all. */
  async write(
    path: string,
    content: string | Uint8Array,
    options: Pick<TransferOptions, "mode" | "signal"> = {},
  ): Promise<void> {
    const data = typeof content === "string" ? Buffer.from(content, "utf8") : content
    await replaceFile(await this.at(path), path, { mode: options.mode, otherwise: undefined }, (file) =>
      writeChunks(file, streamChunks([data]), { total: data.length, ...options }),
    )
  }

  /** Entries sorted by name, without `.` and `..`; links are not followed. Throws `file-too-large` above 100,000. */
  async list(path: string): Promise<FileEntry[]> {
    const entries = await (await this.at(path)).list(path)
    if (entries.length > LIST_ENTRIES)
      throw tooLarge(path, `${LIST_ENTRIES} entries`, "list it by a command (find)")
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Follows links. Throws `file-not-found`. */
  async stat(path: string): Promise<FileStat> {
    return (await this.at(path)).stat(path)
  }

  /**
   * Removes a file, a link or an empty directory; with `recursive` a whole tree, without following links. With `force`
   * it is no error when nothing is there.
   */
  async remove(
    path: string,
    options: { readonly recursive?: boolean; readonly force?: boolean } = {},
  ): Promise<void> {
    const driver = await this.at(path)
    try {
      await removeTree(driver, path, options.recursive === true)
    } catch (error) {
      if (!(options.force === true && error instanceof HostError && error.code === "file-not-found"))
        throw error
    }
  }

  /** Creates a directory; with `recursive` its parents too, and it is no error when it exists. */
  async mkdir(
    path: string,
    options: { readonly recursive?: boolean; readonly mode?: number } = {},
  ): Promise<void> {
    const driver = await this.at(path)
    if (options.recursive === true) await makeTree(driver, path, options.mode)
    else await driver.mkdir(path, options.mode)
  }

  /** From a file of this machine, or a stream, to the host. Whole or not at all. */
  async upload(source: string | Readable, path: string, options: TransferOptions = {}): Promise<void> {
    const driver = await this.at(path)
    const { mode, signal } = options
    if (typeof source !== "string") {
      await replaceFile(driver, path, { mode, otherwise: undefined }, (target) =>
        writeChunks(target, streamChunks(source), { total: null, ...options }),
      )
      return
    }
    await readFrom(localFiles, source, async (file, { size, mode: otherwise }) => {
      await replaceFile(driver, path, { mode, otherwise }, (target) =>
        writeChunks(target, readChunks(file, { size, signal }), { total: size, ...options }),
      )
    })
  }

  /** From the host to a file of this machine (whole or not at all) or into a stream, which is ended. */
  async download(path: string, target: string | Writable, options: TransferOptions = {}): Promise<void> {
    const { mode, signal } = options
    await readFrom(await this.at(path), path, async (file, { size, mode: otherwise }) => {
      const chunks = readChunks(file, { size, signal })
      const transfer = { total: size, ...options }
      if (typeof target !== "string") return writeStream(target, chunks, transfer)
      await replaceFile(localFiles, target, { mode, otherwise }, (copy) =>
        writeChunks(copy, chunks, transfer),
      )
    })
  }

  private async at(path: string): Promise<FileDriver> {
    if (path === "" || path.includes("\0")) {
      throw new HostError(
        "file-failed",
        "a path is empty or has a NUL character",
        "name a file or a directory",
      )
    }
    return this.driver()
  }
}

function tooLarge(path: string, limit: string, cure: string): HostError {
  return new HostError("file-too-large", `${path} has more than ${limit}`, cure)
}

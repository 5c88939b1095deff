// The files of an SSH host as a FileDriver, over one SFTP session (version 3, as OpenSSH speaks it).
// SFTP has one FAILURE for many causes, so a second look tells "exists" and "not empty" apart.

import type { InputAttributes, SFTPWrapper, Stats } from "ssh2"
import { HostError } from "./errors.js"
import type { FileDriver, FileEntry, FileStat, FileType, OpenFile } from "./file-driver.js"
import { fileError } from "./file-error.js"

const NO_SUCH_FILE = 2
const PERMISSION_DENIED = 3
const FAILURE = 4
const UNSUPPORTED = 8

type Done<T> = (error: Error | null | undefined, value: T) => void

export class SftpFiles implements FileDriver {
  /** Requests without an answer: ssh2 forgets those that come when the session is gone. */
  private readonly waiting = new Set<(reason: unknown) => void>()

  constructor(
    private readonly sftp: SFTPWrapper,
    private readonly ended: AbortSignal,
  ) {
    ended.addEventListener("abort", () => {
      for (const reject of this.waiting) reject(ended.reason)
    })
  }

  async openToRead(path: string): Promise<OpenFile> {
    const handle = await this.ask<Buffer>(path, (done) => this.sftp.open(path, "r", done))
    return new SftpFile(this, this.sftp, path, handle)
  }

  async create(path: string): Promise<OpenFile> {
    const attributes: InputAttributes = { mode: 0o600 }
    const handle = await this.orExists(path, () =>
      this.ask<Buffer>(path, (done) => this.sftp.open(path, "wx", attributes, done)),
    )
    return new SftpFile(this, this.sftp, path, handle)
  }

  async stat(path: string): Promise<FileStat> {
    return statOf(await this.ask<Stats>(path, (done) => this.sftp.stat(path, done)))
  }

  async lstat(path: string): Promise<FileStat> {
    return statOf(await this.ask<Stats>(path, (done) => this.sftp.lstat(path, done)))
  }

  realpath(path: string): Promise<string> {
    return this.ask(path, (done) => this.sftp.realpath(path, done))
  }

  async list(path: string): Promise<FileEntry[]> {
    try {
      type Listed = { readonly filename: string; readonly attrs: Stats }
      const entries = await this.ask<readonly Listed[]>(path, (done) => this.sftp.readdir(path, done))
      return entries.map(({ filename, attrs }) => ({ name: filename, ...statOf(attrs) }))
    } catch (error) {
      if ((await this.typeOf(path)) === "file") throw fileError("ENOTDIR", path, error)
      throw error
    }
  }

  mkdir(path: string, mode?: number): Promise<void> {
    return this.orExists(path, () =>
      this.ask<void>(path, (done) => {
        if (mode === undefined) this.sftp.mkdir(path, callback(done))
        else this.sftp.mkdir(path, { mode }, callback(done))
      }),
    )
  }

  async rmdir(path: string): Promise<void> {
    try {
      await this.ask<void>(path, (done) => this.sftp.rmdir(path, callback(done)))
    } catch (error) {
      if (statusOf(error) === FAILURE && (await this.list(path)).length > 0)
        throw fileError("ENOTEMPTY", path, error)
      throw error
    }
  }

  unlink(path: string): Promise<void> {
    return this.ask<void>(path, (done) => this.sftp.unlink(path, callback(done)))
  }

  /** Atomic where the server has OpenSSH's posix-rename; elsewhere the old file goes first. */
  async rename(from: string, to: string): Promise<void> {
    const plain = (): Promise<void> =>
      this.ask<void>(to, (done) => this.sftp.rename(from, to, callback(done)))
    try {
      await this.ask<void>(to, (done) => this.sftp.ext_openssh_rename(from, to, callback(done)))
    } catch (error) {
      if (!isUnsupported(error)) throw error
      if ((await this.typeOf(to)) !== null) await this.unlink(to)
      await plain()
    }
  }

  /** Runs one request. Throws what the server says as HostError. */
  ask<T>(path: string, request: (done: Done<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.ended.aborted) return reject(this.ended.reason)
      this.waiting.add(reject)
      const fail = (error: unknown): void => {
        this.waiting.delete(reject)
        reject(this.ended.aborted ? this.ended.reason : fileError(errnoOf(error), path, error))
      }
      try {
        request((error, value) => {
          if (error) return fail(error)
          this.waiting.delete(reject)
          resolve(value)
        })
      } catch (error) {
        fail(error) // ssh2 throws when the session is gone, or when the server lacks an extension
      }
    })
  }

  private async orExists<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (statusOf(error) === FAILURE && (await this.typeOf(path)) !== null)
        throw fileError("EEXIST", path, error)
      throw error
    }
  }

  private async typeOf(path: string): Promise<FileType | null> {
    try {
      return (await this.lstat(path)).type
    } catch (error) {
      if (error instanceof HostError && error.code.startsWith("file-")) return null
      throw error
    }
  }
}

class SftpFile implements OpenFile {
  constructor(
    private readonly files: SftpFiles,
    private readonly sftp: SFTPWrapper,
    private readonly path: string,
    private readonly handle: Buffer,
  ) {}

  async stat(): Promise<FileStat> {
    return statOf(await this.files.ask<Stats>(this.path, (done) => this.sftp.fstat(this.handle, done)))
  }

  async read(position: number, length: number): Promise<Buffer> {
    const parts: Buffer[] = []
    let total = 0
    // A server may give less than was asked for; only nothing is the end.
    while (total < length) {
      const part = await this.readOnce(position + total, length - total)
      if (part.length === 0) break
      parts.push(part)
      total += part.length
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
  }

  private readOnce(position: number, length: number): Promise<Buffer> {
    return this.files.ask<Buffer>(this.path, (done) =>
      this.sftp.read(this.handle, Buffer.alloc(length), 0, length, position, (error, count, buffer) =>
        done(error, error ? Buffer.alloc(0) : buffer.subarray(0, count)),
      ),
    )
  }

  write(position: number, data: Uint8Array): Promise<void> {
    const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    return this.files.ask<void>(this.path, (done) =>
      this.sftp.write(this.handle, buffer, 0, buffer.length, position, callback(done)),
    )
  }

  chmod(mode: number): Promise<void> {
    return this.files.ask<void>(this.path, (done) => this.sftp.fchmod(this.handle, mode, callback(done)))
  }

  async sync(): Promise<void> {
    try {
      await this.files.ask<void>(this.path, (done) =>
        this.sftp.ext_openssh_fsync(this.handle, callback(done)),
      )
    } catch (error) {
      if (!isUnsupported(error)) throw error // without the extension the server decides when it writes
    }
  }

  close(): Promise<void> {
    return this.files.ask<void>(this.path, (done) => this.sftp.close(this.handle, callback(done)))
  }
}

function callback(done: Done<void>): (error?: Error | null) => void {
  return (error) => done(error, undefined)
}

function errnoOf(error: unknown): string | undefined {
  const status = codeOf(error)
  if (status === NO_SUCH_FILE) return "ENOENT"
  return status === PERMISSION_DENIED ? "EACCES" : undefined
}

function statusOf(error: unknown): unknown {
  return error instanceof HostError ? codeOf(error.cause) : undefined
}

/** ssh2 throws "Server does not support this extended request" without a code; a server answers OP_UNSUPPORTED. */
function isUnsupported(error: unknown): boolean {
  if (!(error instanceof HostError) || !(error.cause instanceof Error)) return false
  return codeOf(error.cause) === UNSUPPORTED || error.cause.message.includes("does not support")
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined
}

function statOf(stats: Stats): FileStat {
  return {
    type: typeOf(stats),
    size: stats.size,
    mode: stats.mode & 0o7777,
    modifiedAt: new Date(stats.mtime * 1000),
  }
}

function typeOf(stats: Stats): FileType {
  if (stats.isFile()) return "file"
  if (stats.isDirectory()) return "directory"
  return stats.isSymbolicLink() ? "link" : "other"
}

// The file system of this machine as a FileDriver.

import type { Stats } from "node:fs"
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rmdir,
  stat,
  unlink,
} from "node:fs/promises"
import { join } from "node:path"
import { HostError } from "./errors.js"
import type { FileDriver, FileStat, FileType, OpenFile } from "./file-driver.js"
import { fileError } from "./file-error.js"

export const localFiles: FileDriver = {
  openToRead: (path) => told(path, async () => openFile(path, await open(path, "r"))),
  create: (path) => told(path, async () => openFile(path, await open(path, "wx", 0o600))),
  stat: (path) => told(path, async () => statOf(await stat(path))),
  lstat: (path) => told(path, async () => statOf(await lstat(path))),
  realpath: (path) => told(path, () => realpath(path)),
  list: (path) =>
    told(path, async () => {
      const entries = []
      for (const name of await readdir(path)) {
        try {
          entries.push({ name, ...statOf(await lstat(join(path, name))) })
        } catch (error) {
          if (codeOf(error) !== "ENOENT") throw error // it was removed meanwhile
        }
      }
      return entries
    }),
  mkdir: (path, mode) =>
    told(path, async () => {
      await mkdir(path)
      if (mode !== undefined) await chmod(path, mode)
    }),
  rmdir: (path) => told(path, () => rmdir(path)),
  unlink: (path) => told(path, () => unlink(path)),
  rename: (from, to) => told(to, () => rename(from, to)),
}

function openFile(path: string, handle: FileHandle): OpenFile {
  return {
    stat: () => told(path, async () => statOf(await handle.stat())),
    read: (position, length) =>
      told(path, async () => {
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position)
        return buffer.subarray(0, bytesRead)
      }),
    write: (position, data) =>
      told(path, async () => {
        let written = 0
        while (written < data.length) {
          const { bytesWritten } = await handle.write(
            data,
            written,
            data.length - written,
            position + written,
          )
          written += bytesWritten
        }
      }),
    chmod: (mode) => told(path, () => handle.chmod(mode)),
    sync: () => told(path, () => handle.sync()),
    close: () => told(path, () => handle.close()),
  }
}

async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof HostError ? error : fileError(codeOf(error), path, error)
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined
}

function statOf(stats: Stats): FileStat {
  return { type: typeOf(stats), size: stats.size, mode: stats.mode & 0o7777, modifiedAt: stats.mtime }
}

function typeOf(stats: Stats): FileType {
  if (stats.isFile()) return "file"
  if (stats.isDirectory()) return "directory"
  return stats.isSymbolicLink() ? "link" : "other"
}

// The SFTP side of the ssh2 test server: plain version 3 on this machine's files, without any extension.

import { constants, type Stats } from "node:fs"
import {
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
import type { Attributes, SFTPWrapper } from "ssh2"
import ssh2 from "ssh2"

const { STATUS_CODE, OPEN_MODE } = ssh2.utils.sftp

type Opened = { readonly file: FileHandle } | { readonly folder: string; listed: boolean }

export function serveSftp(sftp: SFTPWrapper): void {
  const opened = new Map<number, Opened>()
  let count = 0
  const keep = (what: Opened): Buffer => {
    count += 1
    opened.set(count, what)
    const handle = Buffer.alloc(4)
    handle.writeUInt32BE(count)
    return handle
  }
  const fileOf = (handle: Buffer): FileHandle => {
    const found = opened.get(handle.readUInt32BE())
    if (found === undefined || !("file" in found)) throw new Error("no such handle")
    return found.file
  }
  const answer = (id: number, work: () => Promise<void>): void => {
    work().catch((error: unknown) => sftp.status(id, statusOf(error)))
  }
  sftp.on("close", () => {
    for (const what of opened.values()) if ("file" in what) void what.file.close()
  })
  const ok = (id: number): void => sftp.status(id, STATUS_CODE.OK)

  sftp.on("OPEN", (id, path, flags, attrs) =>
    answer(id, async () => sftp.handle(id, keep({ file: await open(path, openFlags(flags), attrs.mode) }))),
  )
  sftp.on("READ", (id, handle, offset, length) =>
    answer(id, async () => {
      // Short answers are allowed: this server never gives more than 10,000 bytes.
      const want = Math.min(length, 10_000)
      const { bytesRead, buffer } = await fileOf(handle).read(Buffer.alloc(want), 0, want, offset)
      if (bytesRead === 0) sftp.status(id, STATUS_CODE.EOF)
      else sftp.data(id, buffer.subarray(0, bytesRead))
    }),
  )
  sftp.on("WRITE", (id, handle, offset, data) =>
    answer(id, async () => {
      await fileOf(handle).write(data, 0, data.length, offset)
      ok(id)
    }),
  )
  sftp.on("CLOSE", (id, handle) =>
    answer(id, async () => {
      const found = opened.get(handle.readUInt32BE())
      opened.delete(handle.readUInt32BE())
      if (found !== undefined && "file" in found) await found.file.close()
      ok(id)
    }),
  )
  sftp.on("FSTAT", (id, handle) =>
    answer(id, async () => sftp.attrs(id, attributes(await fileOf(handle).stat()))),
  )
  sftp.on("FSETSTAT", (id, handle, attrs) =>
    answer(id, async () => {
      await fileOf(handle).chmod(attrs.mode)
      ok(id)
    }),
  )
  sftp.on("STAT", (id, path) => answer(id, async () => sftp.attrs(id, attributes(await stat(path)))))
  sftp.on("LSTAT", (id, path) => answer(id, async () => sftp.attrs(id, attributes(await lstat(path)))))
  sftp.on("REALPATH", (id, path) =>
    answer(id, async () => {
      const filename = await realpath(path)
      sftp.name(id, [{ filename, longname: filename, attrs: attributes(await stat(filename)) }])
    }),
  )
  sftp.on("OPENDIR", (id, path) =>
    answer(id, async () => {
      await readdir(path)
      sftp.handle(id, keep({ folder: path, listed: false }))
    }),
  )
  sftp.on("READDIR", (id, handle) =>
    answer(id, async () => {
      const found = opened.get(handle.readUInt32BE())
      if (found === undefined || !("folder" in found) || found.listed) return sftp.status(id, STATUS_CODE.EOF)
      found.listed = true
      const { folder } = found
      const names = await readdir(folder)
      const entries = names.map(async (filename) => ({
        filename,
        longname: filename,
        attrs: attributes(await lstat(join(folder, filename))),
      }))
      sftp.name(id, await Promise.all(entries))
    }),
  )
  const simple = (work: () => Promise<unknown>, id: number): void =>
    answer(id, async () => {
      await work()
      ok(id)
    })
  sftp.on("REMOVE", (id, path) => simple(() => unlink(path), id))
  sftp.on("RMDIR", (id, path) => simple(() => rmdir(path), id))
  sftp.on("MKDIR", (id, path) => simple(() => mkdir(path), id))
  sftp.on("RENAME", (id, from, to) =>
    simple(async () => {
      // Version 3 says that a rename onto a file that exists fails.
      if (
        await stat(to).then(
          () => true,
          () => false,
        )
      )
        throw new Error("exists")
      await rename(from, to)
    }, id),
  )
  sftp.on("EXTENDED", (id) => sftp.status(id, STATUS_CODE.OP_UNSUPPORTED))
}

function openFlags(flags: number): number {
  let result = flags & OPEN_MODE.WRITE ? (flags & OPEN_MODE.READ ? constants.O_RDWR : constants.O_WRONLY) : 0
  if (flags & OPEN_MODE.CREAT) result |= constants.O_CREAT
  if (flags & OPEN_MODE.TRUNC) result |= constants.O_TRUNC
  if (flags & OPEN_MODE.EXCL) result |= constants.O_EXCL
  return result
}

function statusOf(error: unknown): number {
  const code = error instanceof Error && "code" in error ? error.code : undefined
  if (code === "ENOENT") return STATUS_CODE.NO_SUCH_FILE
  return code === "EACCES" || code === "EPERM" ? STATUS_CODE.PERMISSION_DENIED : STATUS_CODE.FAILURE
}

function attributes({ mode, uid, gid, size, atimeMs, mtimeMs }: Stats): Attributes {
  return { mode, uid, gid, size, atime: Math.floor(atimeMs / 1000), mtime: Math.floor(mtimeMs / 1000) }
}

import { createHash, randomBytes } from "node:crypto"
import { createReadStream } from "node:fs"
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable, Writable } from "node:stream"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { Host, Progress } from "../../src/interfaces/index.js"
import { connectTo, HOST_KINDS } from "./support/hosts.js"
import type { TestSshServer } from "./support/open-ssh.js"

const hashOf = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex")

describe.each(HOST_KINDS)("files of $name", ({ available, start }) => {
  describe.skipIf(!available)("", () => {
    let server: TestSshServer | null
    let host: Host
    /** On the host. */
    let there: string
    /** On this machine. */
    let here: string

    beforeAll(async () => {
      server = await start()
      host = await connectTo(server)
    })
    afterAll(async () => {
      await host.close()
      await server?.stop()
    })
    beforeEach(async () => {
      there = await realpath(await mkdtemp(join(tmpdir(), "drydock there ünï '-")))
      here = await realpath(await mkdtemp(join(tmpdir(), "drydock-here-")))
    })
    afterEach(async () => {
      await rm(there, { recursive: true, force: true })
      await rm(here, { recursive: true, force: true })
    })

    it("are written and read whole, and leave nothing beside them", async () => {
      const path = join(there, "täxt $(x)")
      await host.files.write(path, "grüße\n")
      expect((await host.files.read(path)).toString()).toBe("grüße\n")
      const data = randomBytes(1_000_003)
      await host.files.write(path, data)
      expect(hashOf(await host.files.read(path))).toBe(hashOf(data))
      await host.files.write(path, "")
      expect(await host.files.read(path)).toHaveLength(0)
      expect(await readdir(there)).toEqual(["täxt $(x)"])
    })

    it("keep their mode when they are replaced, and get the one that is asked for", async () => {
      const path = join(there, "script")
      await host.files.write(path, "1")
      expect((await stat(path)).mode & 0o777).toBe(0o644)
      await chmod(path, 0o751)
      await host.files.write(path, "2")
      expect((await stat(path)).mode & 0o777).toBe(0o751)
      await host.files.write(path, "3", { mode: 0o600 })
      expect((await stat(path)).mode & 0o777).toBe(0o600)
    })

    it("stay links where they are links", async () => {
      await writeFile(join(there, "real"), "old")
      await symlink("real", join(there, "link"))
      await host.files.write(join(there, "link"), "new")
      expect(await readFile(join(there, "real"), "utf8")).toBe("new")
      expect((await lstat(join(there, "link"))).isSymbolicLink()).toBe(true)
    })

    it("are not read beyond the limit", async () => {
      await writeFile(join(there, "big"), randomBytes(2000))
      await expect(host.files.read(join(there, "big"), { limitBytes: 1999 })).rejects.toMatchObject({
        code: "file-too-large",
      })
      expect(await host.files.read(join(there, "big"), { limitBytes: 2000 })).toHaveLength(2000)
    })

    it("are listed by name, with what they are", async () => {
      await writeFile(join(there, "b"), "12345")
      await mkdir(join(there, "a"))
      await symlink("nowhere", join(there, "c"))
      const entries = await host.files.list(there)
      expect(entries.map(({ name, type }) => [name, type])).toEqual([
        ["a", "directory"],
        ["b", "file"],
        ["c", "link"],
      ])
      expect(entries[1]).toMatchObject({ size: 5 })
      expect(Math.abs((entries[1]?.modifiedAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
    })

    it("are described", async () => {
      await writeFile(join(there, "f"), "123", { mode: 0o640 })
      expect(await host.files.stat(join(there, "f"))).toMatchObject({ type: "file", size: 3, mode: 0o640 })
      expect(await host.files.stat(there)).toMatchObject({ type: "directory" })
    })

    it("are removed, trees only on demand, links never followed", async () => {
      await mkdir(join(there, "tree/deep"), { recursive: true })
      await writeFile(join(there, "tree/deep/f"), "x")
      await writeFile(join(there, "keep"), "x")
      await symlink(there, join(there, "tree/up"))
      await expect(host.files.remove(join(there, "tree"))).rejects.toMatchObject({
        code: "directory-not-empty",
      })
      await host.files.remove(join(there, "tree"), { recursive: true })
      expect(await readdir(there)).toEqual(["keep"])
      await host.files.remove(join(there, "keep"))
      await expect(host.files.remove(join(there, "keep"))).rejects.toMatchObject({ code: "file-not-found" })
      await host.files.remove(join(there, "keep"), { force: true })
      await expect(host.files.remove("/", { recursive: true })).rejects.toMatchObject({
        code: "file-permission",
      })
    })

    it("need folders, which are made one by one or with their parents", async () => {
      const deep = join(there, "x/y/z")
      await expect(host.files.mkdir(deep)).rejects.toMatchObject({ code: "file-not-found" })
      await expect(host.files.write(join(deep, "f"), "")).rejects.toMatchObject({
        code: "file-not-found",
        cure: expect.stringContaining("mkdir"),
      })
      await host.files.mkdir(deep, { recursive: true })
      await host.files.mkdir(deep, { recursive: true })
      await expect(host.files.mkdir(deep)).rejects.toMatchObject({ code: "file-exists" })
      await writeFile(join(there, "file"), "")
      await expect(host.files.mkdir(join(there, "file"), { recursive: true })).rejects.toMatchObject({
        code: "file-exists",
      })
    })

    it("that are missing, or are something else, are said so", async () => {
      const missing = join(there, "missing")
      await expect(host.files.read(missing)).rejects.toMatchObject({
        code: "file-not-found",
        message: expect.stringContaining(missing),
      })
      await expect(host.files.stat(missing)).rejects.toMatchObject({
        code: "file-not-found",
        retryable: false,
      })
      await expect(host.files.list(missing)).rejects.toMatchObject({ code: "file-not-found" })
      await expect(host.files.read(there)).rejects.toMatchObject({ code: "is-a-directory" })
      await expect(host.files.write(there, "")).rejects.toMatchObject({ code: "is-a-directory" })
      await writeFile(join(there, "file"), "")
      await expect(host.files.list(join(there, "file"))).rejects.toMatchObject({ code: "not-a-directory" })
      await expect(host.files.stat("a\0b")).rejects.toMatchObject({ code: "file-failed" })
    })

    it("go up and down whole, with progress", async () => {
      const data = randomBytes(20_000_003)
      const [source, copy] = [join(here, "source"), join(here, "copy")]
      await writeFile(source, data, { mode: 0o750 })
      const seen: Progress[] = []
      await host.files.upload(source, join(there, "up"), { onProgress: (progress) => seen.push(progress) })
      expect(hashOf(await readFile(join(there, "up")))).toBe(hashOf(data))
      expect((await stat(join(there, "up"))).mode & 0o777).toBe(0o750)
      expect(seen.at(-1)).toEqual({ bytes: data.length, total: data.length })
      expect(seen.every(({ bytes }, index) => index === 0 || bytes >= (seen[index - 1]?.bytes ?? 0))).toBe(
        true,
      )

      seen.length = 0
      await host.files.download(join(there, "up"), copy, { onProgress: (progress) => seen.push(progress) })
      expect(hashOf(await readFile(copy))).toBe(hashOf(data))
      expect(seen.at(-1)).toEqual({ bytes: data.length, total: data.length })
      expect(await readdir(there)).toEqual(["up"])
      expect(await readdir(here)).toEqual(["copy", "source"])
    })

    it("go up from a stream and down into one", async () => {
      const data = randomBytes(300_000)
      await writeFile(join(here, "source"), data)
      await host.files.upload(createReadStream(join(here, "source")), join(there, "up"))
      expect(hashOf(await readFile(join(there, "up")))).toBe(hashOf(data))
      const chunks: Buffer[] = []
      const slow = new Writable({
        highWaterMark: 1000,
        write(chunk: Buffer, _encoding, done) {
          chunks.push(chunk)
          setImmediate(done)
        },
      })
      await host.files.download(join(there, "up"), slow)
      expect(hashOf(Buffer.concat(chunks))).toBe(hashOf(data))
      expect(slow.writableFinished).toBe(true)
    })

    it("are left as they were when a transfer is aborted or its stream fails", async () => {
      const path = join(there, "up")
      await writeFile(path, "old")
      async function* endless(): AsyncGenerator<Buffer> {
        while (true) yield Buffer.alloc(100_000)
      }
      const abort = new AbortController()
      const upload = host.files.upload(Readable.from(endless()), path, {
        signal: abort.signal,
        onProgress: () => abort.abort(),
      })
      await expect(upload).rejects.toMatchObject({ code: "aborted" })
      const failing = new Readable({
        read() {
          this.destroy(new Error("tape torn"))
        },
      })
      await expect(host.files.upload(failing, path)).rejects.toThrow("tape torn")
      const closed = new Writable({ write: (_chunk, _encoding, done) => done(new Error("disk full")) })
      await expect(host.files.download(path, closed)).rejects.toThrow("disk full")
      expect(await readFile(path, "utf8")).toBe("old")
      expect(await readdir(there)).toEqual(["up"])
    })
  })
})

// The release archive, from a server of our own that publishes one: right, wrong, absent, stuck.

import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { fetchServer } from "../../../src/nats/server/fetch.js"
import { publishedChecksum, releaseSource, unpackRelease } from "../../../src/nats/server/fetch-release.js"
import type { ProgressEvent } from "../../../src/nats/server/progress.js"
import { binaryVersion } from "../../../src/nats/server/version.js"

let root: string
let web: Server
let base: string
/** What the server answers, by the last part of the path; everything else is 404. */
const published = new Map<string, Buffer>()
const source = () => {
  const found = releaseSource("linux", "x64", base)
  if (found === undefined) throw new Error("linux on x64 has an archive")
  return found
}

beforeAll(async () => {
  web = createServer((request, response) => {
    const body = published.get(request.url?.split("/").at(-1) ?? "")
    response.writeHead(body === undefined ? 404 : 200, body && { "content-length": body.length })
    response.end(body)
  })
  web.listen(0, "127.0.0.1")
  await once(web, "listening")
  const address = web.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  base = `http://127.0.0.1:${address.port}`
})
afterAll(() => web.close())

beforeEach(async (context) => {
  root = await mkdtemp(join(tmpdir(), "drydock release "))
  context.onTestFinished(() => rm(root, { recursive: true, force: true }))
  published.clear()
  const { name } = source()
  await mkdir(join(root, name))
  await writeFile(join(root, name, "nats-server"), '#!/bin/sh\necho "nats-server: v2.15.1"\n')
  await chmod(join(root, name, "nats-server"), 0o755)
  await promisify(execFile)("tar", ["-czf", join(root, "archive"), "-C", root, name])
  const archive = await readFile(join(root, "archive"))
  const sum = createHash("sha256").update(archive).digest("hex")
  published.set(`${name}.tar.gz`, archive)
  published.set("SHA256SUMS", Buffer.from(`${"0".repeat(64)}  other.tar.gz\n${sum}  ${name}.tar.gz\n`))
})

const fetchIt = (told: ProgressEvent[] = []) =>
  fetchServer(join(root, "tool"), (event) => told.push(event), [
    { name: "the release archive", unpack: (work, progress) => unpackRelease(source(), work, progress) },
  ])

test("an archive with the published checksum becomes a server that runs, and its download is shown", async () => {
  await mkdir(join(root, "tool"))
  const told: ProgressEvent[] = []
  expect(await binaryVersion(await fetchIt(told))).toBe("2.15.1")
  expect(told.at(-1)).toMatchObject({ stage: "downloading", share: 1 })
})

test("another checksum than the published one is refused", async () => {
  const { name } = source()
  published.set("SHA256SUMS", Buffer.from(`${"0".repeat(64)}  ${name}.tar.gz\n`))
  await expect(fetchIt()).rejects.toMatchObject({
    code: "server-missing",
    message: expect.stringContaining("checksum"),
  })
  expect(await binaryVersion(join(root, "tool", "bin", "nats-server"))).toBeUndefined()
})

test("a changed archive is refused", async () => {
  const { name } = source()
  const archive = published.get(`${name}.tar.gz`) ?? Buffer.alloc(0)
  published.set(`${name}.tar.gz`, Buffer.concat([archive, Buffer.from("x")]))
  await expect(fetchIt()).rejects.toMatchObject({ message: expect.stringContaining("checksum") })
})

test("no checksum for this archive, no checksums, no archive: each is an error", async () => {
  const { name } = source()
  published.set("SHA256SUMS", Buffer.from(`${"0".repeat(64)}  other.tar.gz\n`))
  await expect(fetchIt()).rejects.toMatchObject({ message: expect.stringContaining("does not list") })
  published.delete("SHA256SUMS")
  await expect(fetchIt()).rejects.toMatchObject({ message: expect.stringContaining("404") })
  published.set("SHA256SUMS", Buffer.from(`${"0".repeat(64)}  ${name}.tar.gz\n`))
  published.delete(`${name}.tar.gz`)
  await expect(fetchIt()).rejects.toMatchObject({ message: expect.stringContaining("404") })
})

test("a server that cannot be reached is an error", async () => {
  const away = releaseSource("linux", "x64", "http://127.0.0.1:9")
  if (away === undefined) throw new Error("linux on x64 has an archive")
  await expect(unpackRelease(away, root, () => {})).rejects.toThrow(/cannot be reached/)
})

test("the archive's name follows the system, and some systems have none", () => {
  expect(releaseSource("darwin", "arm64")?.name).toMatch(/^nats-server-v[\d.]+-darwin-arm64$/)
  expect(releaseSource("linux", "x64")?.name).toMatch(/-linux-amd64$/)
  expect(releaseSource("sunos", "x64")).toBeUndefined()
  expect(releaseSource("linux", "mips")).toBeUndefined()
})

test("checksums are read in both forms that sha256sum writes", () => {
  const sum = "A".repeat(64)
  expect(publishedChecksum(`${sum} *a.tar.gz\n`, "a.tar.gz")).toBe("a".repeat(64))
  expect(publishedChecksum(`${sum}  a.tar.gz\r\n`, "a.tar.gz")).toBe("a".repeat(64))
  expect(publishedChecksum(`${sum}  b/a.tar.gz\n`, "a.tar.gz")).toBeUndefined()
})

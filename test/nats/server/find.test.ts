import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { DrydockError } from "../../../src/actors/error.js"
import { fetchServer } from "../../../src/nats/server/fetch.js"
import { type FindOptions, findServer } from "../../../src/nats/server/find.js"
import { fetchedServer } from "../../../src/nats/server/place.js"
import { type ProgressEvent, progressLine } from "../../../src/nats/server/progress.js"
import { isNewEnough, parseVersion } from "../../../src/nats/server/version.js"

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drydock find "))
})
afterEach(() => rm(root, { recursive: true, force: true }))

/** A program that says it is a nats-server of this version. */
async function fakeServer(path: string, version: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `#!/bin/sh\necho "nats-server: v${version}"\n`)
  await chmod(path, 0o755)
  return path
}

function look(options: FindOptions): ReturnType<typeof findServer> {
  return findServer({
    env: { PATH: join(root, "path") },
    systemFolders: [],
    folders: { search: [join(root, "tool")], write: join(root, "tool") },
    fetch: () => Promise.reject(new Error("no fetch expected")),
    ...options,
  })
}

describe("finding a nats-server", () => {
  test("the one that DRYDOCK_NATS_SERVER names comes first", async () => {
    await fakeServer(join(root, "path", "nats-server"), "2.15.0")
    const named = await fakeServer(join(root, "named"), "2.12.3")
    expect(await look({ env: { DRYDOCK_NATS_SERVER: named, PATH: join(root, "path") } })).toEqual({
      path: named,
      version: "2.12.3",
      source: "named",
    })
  })

  test("a named one that is too old, or no nats-server, is an error and nothing else is tried", async () => {
    await fakeServer(join(root, "path", "nats-server"), "2.15.0")
    const old = await fakeServer(join(root, "old"), "2.9.10")
    const PATH = join(root, "path")
    await expect(look({ env: { DRYDOCK_NATS_SERVER: old, PATH } })).rejects.toMatchObject({
      code: "server-unusable",
      message: expect.stringContaining("2.9.10"),
    })
    await expect(look({ env: { DRYDOCK_NATS_SERVER: "/bin/true", PATH } })).rejects.toMatchObject({
      code: "server-unusable",
    })
    await expect(look({ env: { DRYDOCK_NATS_SERVER: join(root, "absent"), PATH } })).rejects.toMatchObject({
      code: "server-unusable",
    })
  })

  test("the PATH comes before one fetched earlier", async () => {
    const own = await fakeServer(join(root, "path", "nats-server"), "2.14.0")
    await fakeServer(fetchedServer(join(root, "tool")), "2.15.0")
    expect(await look({})).toMatchObject({ path: own, source: "machine" })
  })

  test("an old one on the PATH is told and passed over, for the next on the PATH", async () => {
    const old = await fakeServer(join(root, "old", "nats-server"), "2.9.10")
    const good = await fakeServer(join(root, "good", "nats-server"), "2.15.0")
    const told: ProgressEvent[] = []
    const found = await look({
      env: { PATH: `${dirname(old)}:${dirname(good)}` },
      onProgress: (event) => told.push(event),
    })
    expect(found).toMatchObject({ path: good, version: "2.15.0" })
    expect(told).toEqual([{ stage: "too-old", path: old, version: "2.9.10", least: "2.12.3" }])
    expect(told.map(progressLine)[0]).toContain("too old")
  })

  test("folders that a user's PATH lacks are looked at too", async () => {
    const found = await fakeServer(join(root, "sbin", "nats-server"), "2.15.0")
    expect(await look({ systemFolders: [join(root, "sbin")] })).toMatchObject({ path: found })
  })

  test("one fetched earlier is used without a fetch", async () => {
    await fakeServer(join(root, "path", "nats-server"), "2.9.10")
    const local = await fakeServer(fetchedServer(join(root, "tool")), "2.15.1")
    expect(await look({})).toEqual({ path: local, version: "2.15.1", source: "fetched-before" })
  })

  test("a fetched one that became too old is fetched again", async () => {
    const local = await fakeServer(fetchedServer(join(root, "tool")), "2.11.0")
    const told: ProgressEvent[] = []
    const found = await look({
      fetch: (folder) => fakeServer(fetchedServer(folder), "2.15.1"),
      onProgress: (event) => told.push(event),
    })
    expect(found).toEqual({ path: local, version: "2.15.1", source: "fetched-now" })
    expect(told).toEqual([{ stage: "fetched", path: local, version: "2.15.1" }])
  })

  test("what was fetched and does not run here is an error", async () => {
    const fetch = async (folder: string) => {
      await mkdir(join(folder, "bin"), { recursive: true })
      await writeFile(fetchedServer(folder), "not for this processor")
      return fetchedServer(folder)
    }
    await expect(look({ fetch })).rejects.toMatchObject({ code: "server-unusable" })
  })
})

describe("fetching", () => {
  const write = (version: string) => (work: string) => fakeServer(join(work, "x", "server"), version)

  test("falls back to the next way, and tells why", async () => {
    const told: ProgressEvent[] = []
    const path = await fetchServer(root, (event) => told.push(event), [
      { name: "the first", unpack: () => Promise.reject(new Error("no mirror")) },
      { name: "the second", unpack: write("2.15.1") },
    ])
    expect(path).toBe(fetchedServer(root))
    expect(told.map(progressLine)).toEqual(["nats-server from the first failed: no mirror"])
    expect(await readdir(root)).toEqual(["bin"])
  })

  test("when no way leads to one, the error has every reason and says how to install it", async () => {
    const failure = await fetchServer(root, () => {}, [
      { name: "the first", unpack: () => Promise.reject(new Error("no mirror")) },
      { name: "the second", unpack: () => Promise.reject(new Error("no network")) },
    ]).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(DrydockError)
    expect(failure).toMatchObject({
      code: "server-missing",
      message: expect.stringMatching(/the first: no mirror[\s\S]*the second: no network/),
      cure: expect.stringMatching(/brew[\s\S]*scoop[\s\S]*go install/),
    })
    expect(await readdir(root)).toEqual(["bin"])
  })

  test("what a killed fetch left is removed when it is old, and left to its owner when it is not", async () => {
    const [old, young] = [join(root, "fetch-old"), join(root, "fetch-young")]
    await mkdir(old)
    await mkdir(young)
    const yesterday = Date.now() / 1000 - 86_400
    await utimes(old, yesterday, yesterday)
    await fetchServer(root, () => {}, [{ name: "it", unpack: write("2.15.1") }])
    expect((await readdir(root)).sort()).toEqual(["bin", "fetch-young"])
  })

  test("several at once do not disturb each other", async () => {
    const versions = ["2.15.1", "2.15.2", "2.15.3", "2.15.4"]
    const paths = await Promise.all(
      versions.map((version) => fetchServer(root, () => {}, [{ name: "it", unpack: write(version) }])),
    )
    expect(new Set(paths)).toEqual(new Set([fetchedServer(root)]))
    expect(await readdir(root)).toEqual(["bin"])
    expect(await readdir(join(root, "bin"))).toEqual(["nats-server"])
  })
})

test("versions are compared as numbers", () => {
  expect(parseVersion("nats-server: v2.15.1")).toBe("2.15.1")
  expect(parseVersion("nats-server: v2.12.0-RC.1")).toBe("2.12.0")
  expect(parseVersion("something else")).toBeUndefined()
  for (const good of ["2.12.3", "2.12.10", "2.15.0", "3.0.0", "10.0.0"]) expect(isNewEnough(good)).toBe(true)
  for (const bad of ["2.12.2", "2.9.10", "1.99.99", "", "unknown"]) expect(isNewEnough(bad)).toBe(false)
})

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { findAddress, parseServer, principalOfUser } from "../../src/client/address.js"

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drydock-address-"))
})

afterEach(() => rm(folder, { recursive: true }))

const around = (env: { [name: string]: string } = {}, where = folder) => ({
  env,
  folder: where,
  userName: "ada",
})

async function writeUp(content: unknown): Promise<void> {
  await mkdir(join(folder, ".drydock"), { recursive: true })
  await writeFile(
    join(folder, ".drydock", "up.json"),
    typeof content === "string" ? content : JSON.stringify(content),
  )
}

describe("where the yard is", () => {
  test("the option wins over the environment, and that over the file of drydock up", async () => {
    await writeUp({ nats: "nats://127.0.0.1:3", yard: "c", pid: process.pid })
    const env = { DRYDOCK_NATS_URL: "nats://127.0.0.1:2", DRYDOCK_YARD: "b", DRYDOCK_PRINCIPAL: "eve" }
    expect(
      await findAddress({ url: "nats://127.0.0.1:1", yard: "a", principal: "bob" }, around(env)),
    ).toMatchObject({
      server: { shown: "nats://127.0.0.1:1" },
      yard: "a",
      principal: "bob",
    })
    expect(await findAddress({}, around(env))).toMatchObject({
      server: { shown: "nats://127.0.0.1:2" },
      yard: "b",
      principal: "eve",
    })
    expect(await findAddress({}, around())).toMatchObject({
      server: { shown: "nats://127.0.0.1:3" },
      yard: "c",
      principal: "ada",
    })
  })

  test("the file is found from a folder below", async () => {
    await writeUp({ nats: "nats://127.0.0.1:3" })
    const below = join(folder, "a", "b")
    await mkdir(below, { recursive: true })
    expect(await findAddress({}, around({}, below))).toMatchObject({ yard: "default" })
  })

  test("without any of them nothing is guessed", async () => {
    await expect(findAddress({}, around())).rejects.toMatchObject({ kind: "unavailable", code: "no-address" })
  })

  test("an empty variable is none", async () => {
    await expect(findAddress({}, around({ DRYDOCK_NATS_URL: "" }))).rejects.toMatchObject({
      code: "no-address",
    })
  })

  test("a file of a yard that has ended is said to be one", async () => {
    await writeUp({ nats: "nats://127.0.0.1:3", pid: 2 ** 22 + 1 })
    await expect(findAddress({}, around())).rejects.toThrow("has ended")
  })

  test("a broken file is named", async () => {
    await writeUp("{")
    await expect(findAddress({}, around())).rejects.toThrow("up.json is not JSON")
    await writeUp({ yard: "x" })
    await expect(findAddress({}, around())).rejects.toThrow("up.json does not say where")
  })

  test.each([
    ["nats://127.0.0.1:4222", { servers: ["nats://127.0.0.1:4222"] }],
    ["127.0.0.1:4222", { servers: ["nats://127.0.0.1:4222"] }],
    ["nats://a:1,nats://b:2", { servers: ["nats://a:1", "nats://b:2"] }],
    ["nats://ada:p%40ss@h:1", { servers: ["nats://h:1"], user: "ada", pass: "p@ss", shown: "nats://h:1" }],
    ["nats://t0ken@h:1", { servers: ["nats://h:1"], token: "t0ken" }],
  ])("reads %s", (url, expected) => {
    expect(parseServer(url)).toMatchObject(expected)
  })

  test.each(["nats://", "http://[", "nats://h:port"])("refuses %s", (url) => {
    expect(() => parseServer(url)).toThrowError(expect.objectContaining({ code: "invalid" }))
  })
})

describe("who speaks", () => {
  test.each([
    ["ada", "ada"],
    ["ada.lovelace", "ada-lovelace"],
    ["_www", "www"],
    ["DOMAIN\\Ada L", "DOMAIN-Ada-L"],
    ["", "user"],
    ["система", "user"],
    ["system", "user-system"],
    ["worker-x", "user-worker-x"],
    ["x".repeat(50), "x".repeat(32)],
  ])("%s becomes %s", (name, principal) => {
    expect(principalOfUser(name)).toBe(principal)
  })

  test.each(["a.b", "", "system", "allocator", "worker-ssh", "x".repeat(33)])(
    "%s is refused",
    async (principal) => {
      await expect(findAddress({ url: "nats://h:1", principal }, around())).rejects.toMatchObject({
        code: "invalid",
      })
    },
  )

  test("a yard outside the alphabet is refused", async () => {
    await expect(findAddress({ url: "nats://h:1", yard: "My.Yard" }, around())).rejects.toMatchObject({
      code: "invalid",
    })
  })
})

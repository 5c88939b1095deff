// With users configured the server lets each speak only under its own name, hear only its own outcomes and use only
// its own inbox. The client needs no more than that, and says clearly when the name is not its own.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { startHost } from "../../src/actors/hosting/host.js"
import { openNatsLog } from "../../src/actors/log/nats-log.js"
import { connect } from "../../src/client/index.js"
import { CONFIG_FILE, configEnvironment, HOST_USER } from "../../src/nats/server/config.js"
import { findServer } from "../../src/nats/server/find.js"
import { startServerProcess } from "../../src/nats/server/process.js"
import { policies } from "../support/policies.js"
import { makePool } from "./pool.js"

const stops: (() => Promise<unknown>)[] = []
let port: number
const password = "p-of-the-host"

beforeAll(async () => {
  const storeDir = await mkdtemp(join(tmpdir(), "drydock-users-"))
  stops.push(() => rm(storeDir, { recursive: true, force: true }))
  const config = join(storeDir, "users.conf")
  await writeFile(config, strict(await readFile(CONFIG_FILE, "utf8")))
  const { path: binary } = await findServer()
  const server = await startServerProcess({
    binary,
    args: ["-c", config, "-a", "127.0.0.1", "-p", "-1"],
    env: configEnvironment(password),
    storeDir,
  })
  stops.push(() => server.stop())
  port = server.port
  const log = await openNatsLog({
    url: `nats://127.0.0.1:${port}`,
    user: HOST_USER,
    password,
    yard: "default",
  })
  stops.push(() => log.close())
  const host = await startHost({ log, yard: "default", policies, version: "test" })
  stops.push(() => host.stop())
  await host.active()
})

afterAll(async () => {
  for (const stop of stops.reverse()) await stop()
})

/** nats.conf with one user that may only be itself. */
function strict(text: string): string {
  const publish = 'publish: ["drydock.*.command.*.*.*.alice", "drydock.*.query.*.alice"]'
  const subscribe =
    'subscribe: ["drydock.*.event.>", "drydock.*.rejected.>", "drydock.*.outcome.alice.*", "_INBOX_alice.>"]'
  const config = text
    .replace(/^no_auth_user: person$/m, "")
    .replace(/user: person\s+password: \$DRYDOCK_PERSON_PASSWORD/, 'user: alice, password: "of-alice"')
    .replace(/publish: \["drydock[^\]]*\]/, publish)
    .replace(/subscribe: \["drydock[^\]]*\]/, subscribe)
  if (!config.includes(publish) || !config.includes(subscribe) || !config.includes("user: alice"))
    throw new Error("nats.conf is not written as this test expects")
  return config
}

const url = () => `nats://alice:of-alice@127.0.0.1:${port}`

test("a user that may only be itself can lease, wait, watch and read", async () => {
  await using alice = await connect({ url: url(), principal: "alice", inboxPrefix: "_INBOX_alice" })
  expect(alice.url).not.toContain("of-alice")
  await makePool(alice, 1, 1)
  const events = alice.watch({ after: 0 })[Symbol.asyncIterator]()
  await using lease = await alice.lease({ type: "host" })
  expect(lease.id).toMatch(/^alice_/)
  for (let seen = ""; seen !== lease.id; ) seen = (await events.next()).value?.record.id ?? ""
})

test("under another name it is denied, at once and with the cure", async () => {
  await using mallory = await connect({ url: url(), principal: "mallory", inboxPrefix: "_INBOX_alice" })
  const started = performance.now()
  const thrownBy = (call: Promise<unknown>) => call.catch((thrown: unknown) => thrown)
  const denied = { kind: "denied", code: "no-access" }
  expect(await thrownBy(mallory.command("network", "n", "put"))).toMatchObject(denied)
  expect(await thrownBy(mallory.status())).toMatchObject(denied)
  expect(await thrownBy(mallory.lease({ type: "host" }))).toMatchObject(denied)
  expect(performance.now() - started).toBeLessThan(5_000)
})

test("with an inbox that is not its own it is denied too, instead of waiting for answers that cannot come", async () => {
  await using alice = await connect({ url: url(), principal: "alice" })
  const error: unknown = await alice.status({ timeoutMs: 3_000 }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ kind: "denied", code: "no-access" })
})

test("without credentials nobody gets in", async () => {
  const error: unknown = await connect({ url: `nats://127.0.0.1:${port}` }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ kind: "denied", code: "no-access" })
})

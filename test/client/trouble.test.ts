import { jetstreamManager } from "@nats-io/jetstream"
import { connect as connectNats } from "nats"
import { afterEach, beforeEach, expect, test } from "vitest"
import { connect, type Drydock, isClientError } from "../../src/client/index.js"
import { startTestServer, type TestServer } from "../support/server.js"
import { startTestHost, type TestHost } from "../support/yard.js"
import { makePool } from "./pool.js"

let server: TestServer
let host: TestHost
let alice: Drydock

beforeEach(async () => {
  server = await startTestServer()
  host = await startTestHost(server)
  await host.host.active()
  alice = await connect({ url: server.url, principal: "alice" })
})

afterEach(async () => {
  await alice?.close()
  await host?.stop()
  await server?.stop()
})

const thrownBy = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  )

test("without a host a query says so when its time is over", async () => {
  await host.stop()
  const error = await thrownBy(alice.status({ timeoutMs: 3_000 }))
  expect(error).toMatchObject({ kind: "unavailable", code: "no-host", retryable: true })
  expect(isClientError(error) && error.cure).toContain("drydock")
})

test("an attempt that the time limit cuts short does not hide what the one before was told", async () => {
  await host.stop()
  const asked = Array.from({ length: 20 }, (_, n) => thrownBy(alice.status({ timeoutMs: 700 + n / 7 })))
  // Said after all of those, over the same connection: each of them has heard by then that nobody is there.
  await thrownBy(alice.status({ timeoutMs: 50 }))
  const nats = await connectNats(server.hostOptions)
  nats.subscribe("drydock.default.query.>", { callback: () => {} })
  const codes = (await Promise.all(asked)).map((error) => (isClientError(error) ? error.code : error))
  await nats.close()
  expect(new Set(codes)).toEqual(new Set(["no-host"]))
})

test("a host that stops leaves no question without an answer", async () => {
  const nats = await connectNats(server.personOptions)
  const subject = "drydock.default.query.status.alice"
  // One after the other, without a pause: some are on their way at any moment of its end.
  const silent: number[] = []
  let ended = false
  const asking = (async () => {
    while (!ended) {
      const startedMs = performance.now()
      await nats.request(subject, "{}", { timeout: 5_000 }).catch((error: unknown) => {
        if (!String(error).includes("no responders")) silent.push(performance.now() - startedMs)
      })
    }
  })()
  for (let n = 0; n < 8; n++) {
    await host.stop()
    host = await startTestHost(server)
    await host.host.active()
  }
  ended = true
  await asking
  await nats.close()
  expect(silent).toEqual([])
}, 60_000)

test("without a host a command says so, and that it is queued; the next host does it", async () => {
  await host.stop()
  const error = await thrownBy(alice.command("network", "n1", "put", {}, { timeoutMs: 3_000 }))
  expect(error).toMatchObject({ kind: "unavailable", code: "no-host" })
  expect(String(error)).toMatch(/queued as command \d+/)
  host = await startTestHost(server)
  await host.host.active()
  for await (const { record } of alice.watch({ kind: "network", id: "n1", after: 0 })) {
    expect(record.to).toBe("present")
    break
  }
})

test("a lease that nobody decided is withdrawn, so that no host grants it later", async () => {
  await makePool(alice, 1, 1)
  await host.stop()
  const dd = await connect({ url: server.url, principal: "alice", timeoutMs: 500 })
  const error = await thrownBy(dd.lease({ type: "host", id: "alice_late" }))
  expect(error).toMatchObject({ kind: "unavailable", code: "no-host" })
  await dd.close()
  host = await startTestHost(server)
  await host.host.active()
  for await (const { record } of alice.watch({ kind: "lease", id: "alice_late", after: 0 })) {
    expect(record.to).not.toBe("broken")
    if (record.to === "destroyed") break
  }
})

test("a call survives that the host changes while it runs", async () => {
  const second = await startTestHost(server)
  await host.stop()
  const calls = [alice.status(), alice.command("network", "n1", "put", {}), alice.list("network")]
  expect(await Promise.all(calls)).toHaveLength(3)
  host = second
})

test("a server that restarts in the middle loses no watch, no lease and no call", async () => {
  await makePool(alice, 1, 1)
  const { journal } = await alice.status()
  const lease = await alice.lease({ type: "host", ttl: "30s", id: "alice_stays" })
  const events = alice.watch({ after: journal })[Symbol.asyncIterator]()
  expect((await events.next()).value?.record.id).toBe("alice_stays")
  const restarted = server.restart()
  const during = alice.command("network", "n2", "put", {})
  await restarted
  expect(await during).toMatchObject({ outcome: "accepted" })
  await lease.renew()
  expect(lease.lost.aborted).toBe(false)
  await lease.release()
  const seen: string[] = []
  while (!seen.includes("lease/alice_stays destroyed")) {
    const { value } = await events.next()
    if (value !== undefined) seen.push(`${value.record.kind}/${value.record.id} ${value.record.to}`)
  }
  expect(seen).toContain("network/n2 present")
  const { items } = await alice.query("events", { after: journal, limit: 500 })
  const written = items.map(({ record }) => `${record.kind}/${record.id} ${record.to}`)
  // The yard may have written more since; up to here nothing is missing and nothing is there twice.
  expect(seen).toEqual(written.slice(1, 1 + seen.length))
}, 60_000)

test("a full queue is busy, and nothing was taken", async () => {
  await host.stop()
  const nats = await connectNats(server.hostOptions)
  const manager = await jetstreamManager(nats)
  const { state } = await manager.streams.info("DRYDOCK_DEFAULT_COMMANDS")
  await manager.streams.update("DRYDOCK_DEFAULT_COMMANDS", { max_msgs: state.messages + 1 })
  await nats.close()
  await thrownBy(alice.command("network", "n1", "put", {}, { timeoutMs: 300 }))
  const error = await thrownBy(alice.command("network", "n2", "put", {}, { timeoutMs: 10_000 }))
  expect(error).toMatchObject({ kind: "unavailable", code: "busy", retryable: true })
})

test("a body that the stream refuses is over the limit, as is one that the server refuses", async () => {
  for (const bytes of [80 * 1024, 2 * 1024 * 1024]) {
    const started = performance.now()
    const error = await thrownBy(alice.command("network", "n1", "put", { name: "x".repeat(bytes) }))
    expect(error).toMatchObject({ kind: "impossible", code: "over-limit" })
    expect(performance.now() - started).toBeLessThan(2_000)
  }
})

test("a yard that this server does not have is named", async () => {
  const dd = await connect({ url: server.url, principal: "alice", yard: "elsewhere", timeoutMs: 400 })
  expect(await thrownBy(dd.command("network", "n", "put"))).toMatchObject({ code: "no-yard" })
  await dd.close()
})

test("a server that is not there is named at once, with the cure", async () => {
  const error = await thrownBy(connect({ url: "nats://127.0.0.1:1" }))
  expect(error).toMatchObject({ kind: "unavailable", code: "no-server" })
  expect(isClientError(error) && error.cure).toContain("drydock up")
})

test("wrong credentials are denied", async () => {
  const error = await thrownBy(connect({ url: `nats://host:wrong@127.0.0.1:${server.port}` }))
  expect(error).toMatchObject({ kind: "denied", code: "no-access" })
})

test("a call ends with the reason of its signal", async () => {
  await host.stop()
  const why = new Error("enough")
  const abort = new AbortController()
  const calls = [
    alice.command("network", "n1", "put", {}, { signal: abort.signal }),
    alice.status({ signal: abort.signal }),
  ].map(thrownBy)
  abort.abort(why)
  expect(await Promise.all(calls)).toEqual([why, why])
})

test("ids and verbs outside the alphabet never reach the server", async () => {
  for (const id of ["a.b", "", "-x", "a b", "*", "x".repeat(65)])
    expect(await thrownBy(alice.command("network", id, "put"))).toMatchObject({ code: "invalid" })
  expect(await thrownBy(alice.command("network", "n", "put.x"))).toMatchObject({ code: "invalid" })
})

test("a rejection is a value of command, and an error of release", async () => {
  const outcome = await alice.command("lease", "nobody", "release")
  expect(outcome).toMatchObject({ outcome: "rejected", code: "unknown-actor" })
  const error = await thrownBy(alice.release("nobody"))
  expect(error).toMatchObject({ kind: "impossible", code: "unknown-actor" })
})

test("what is unknown is undefined", async () => {
  expect(await alice.get("lease", "nobody")).toBeUndefined()
})

test("each goes through all pages", async () => {
  for (let n = 0; n < 7; n++) await alice.command("network", `n${n}`, "put", {})
  const ids: string[] = []
  for await (const { id } of alice.each("network", { limit: 3 })) ids.push(id)
  expect(ids).toEqual(["n0", "n1", "n2", "n3", "n4", "n5", "n6"])
})

test("after close every call fails at once, and closing again is fine", async () => {
  const dd = await connect({ url: server.url, principal: "bob" })
  await dd.close()
  await dd.close()
  const started = performance.now()
  expect(await thrownBy(dd.status())).toMatchObject({ code: "closed" })
  expect(await thrownBy(dd.command("network", "n", "put"))).toMatchObject({ code: "closed" })
  expect(performance.now() - started).toBeLessThan(1_000)
})

test("close ends a watch and a wait", async () => {
  const dd = await connect({ url: server.url, principal: "bob" })
  await makePool(dd, 1, 1)
  const held = await dd.lease({ type: "host" })
  const watching = (async () => {
    for await (const { record } of dd.watch()) if (record.yard === "") return "never"
    return "done"
  })()
  const waiting = thrownBy(dd.lease({ type: "host", wait: "forever", onWaiting: () => void dd.close() }))
  expect(await waiting).toMatchObject({ code: "closed" })
  expect(await watching).toBe("done")
  await alice.release(held.id)
})

test("what disposes a lease never hides the error of the body", async () => {
  await makePool(alice, 1, 1)
  const dd = await connect({ url: server.url, principal: "bob" })
  const failures: Error[] = []
  const body = async () => {
    await using _lease = await dd.lease({ type: "host", onReleaseError: (error) => failures.push(error) })
    await dd.close()
    throw new Error("the body's own")
  }
  await expect(body()).rejects.toThrow("the body's own")
  expect(failures).toMatchObject([{ code: "closed" }])
})

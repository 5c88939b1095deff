import { afterAll, beforeAll, expect, test } from "vitest"
import { ClientError, connect, type Drydock, LeaseLostError, type WhyAnswer } from "../../src/client/index.js"
import { startTestYard } from "../support/yard.js"
import { makePool } from "./pool.js"

let yard: Awaited<ReturnType<typeof startTestYard>>
let alice: Drydock
let bob: Drydock

beforeAll(async () => {
  yard = await startTestYard()
  alice = await connect({ url: yard.server.url, principal: "alice" })
  bob = await connect({ url: yard.server.url, principal: "bob" })
  await makePool(alice, 1, 1)
})

afterAll(async () => {
  await alice?.close()
  await bob?.close()
  await yard?.stop()
})

/** Resolves when the signal aborts, with its reason. */
function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason)
    else signal.addEventListener("abort", () => resolve(signal.reason), { once: true })
  })
}

test("a lease is active when it is given, and destroyed when its scope ends", async () => {
  let id = ""
  {
    await using lease = await alice.lease({ type: "host" })
    id = lease.id
    expect(id).toMatch(/^alice_/)
    expect(lease.token).toBeGreaterThan(2 ** 40)
    expect(lease.resource.context.attributes).toMatchObject({ transport: "local", address: "127.0.0.1" })
    expect(lease.record.to).toBe("active")
    expect(lease.until?.getTime()).toBeGreaterThan(Date.now())
    expect(lease.lost.aborted).toBe(false)
  }
  expect((await alice.get("lease", id))?.to).toBe("destroyed")
})

test("tokens grow from grant to grant", async () => {
  const first = await alice.lease({ type: "host" })
  await first.release()
  const second = await bob.lease({ type: "host" })
  await second.release()
  expect(second.token).toBeGreaterThan(first.token)
})

test("release can be repeated, and does not report the lease as lost", async () => {
  const lease = await alice.lease({ type: "host" })
  await lease.release({ reason: "done" })
  await lease.release()
  expect(lease.lost.aborted).toBe(false)
  expect((await alice.get("lease", lease.id))?.context.reason).toMatchObject({
    code: "released",
    message: "done",
  })
})

test("renew extends it and says until when", async () => {
  await using lease = await alice.lease({ type: "host", ttl: "1m", autoRenew: false })
  const before = lease.until?.getTime() ?? 0
  const after = await lease.renew({ ttl: "1h" })
  expect((after?.getTime() ?? 0) - before).toBeGreaterThan(50 * 60_000)
  expect(lease.until).toEqual(after)
})

test("who waits is told why, and gets it when the holder lets go", async () => {
  const held = await alice.lease({ type: "host" })
  const told: WhyAnswer[] = []
  let hear: () => void = () => {}
  const heard = new Promise<void>((resolve) => {
    hear = resolve
  })
  const states: string[] = []
  const waiting = bob.lease({
    type: "host",
    wait: "1m",
    onRecord: (record) => states.push(record.to),
    onWaiting: (why) => {
      told.push(why)
      hear()
    },
  })
  await heard
  expect(told[0]).toMatchObject({ state: "pending", position: 1, holders: [{ lease: held.id, by: "alice" }] })
  expect(told[0]?.unblock.join()).toContain(held.id)
  await held.release()
  await using lease = await waiting
  expect(lease.token).toBeGreaterThan(held.token)
  // It waited, so it was renewed at once to know its end.
  expect(states.slice(0, 2)).toEqual(["pending", "active"])
})

test("with wait 0 nobody is waited for, and nothing stays behind", async () => {
  await using _held = await alice.lease({ type: "host" })
  const id = "bob_zero"
  const error: unknown = await bob.lease({ type: "host", wait: 0, id }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ kind: "unavailable", code: "not-free" })
  expect((await bob.get("lease", id))?.to).toBe("destroyed")
})

test("a wait that ends says what it waited for and what would help, and gives its place back", async () => {
  await using held = await alice.lease({ type: "host" })
  const error: unknown = await bob
    .lease({ type: "host", wait: "100ms", id: "bob_short" })
    .catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ClientError)
  expect(error).toMatchObject({ kind: "timeout", code: "waited", explain: { position: 1 } })
  expect(error instanceof ClientError ? error.cure : "").toContain(held.id)
  expect((await bob.get("lease", "bob_short"))?.to).toBe("destroyed")
})

test("an abort ends the wait with its own reason, and gives the place back", async () => {
  await using _held = await alice.lease({ type: "host" })
  const abort = new AbortController()
  const why = new Error("changed my mind")
  const waiting = bob.lease({
    type: "host",
    id: "bob_abort",
    wait: "forever",
    signal: abort.signal,
    onWaiting: () => abort.abort(why),
  })
  await expect(waiting).rejects.toBe(why)
  expect((await bob.get("lease", "bob_abort"))?.to).toBe("destroyed")
})

test("what no blueprint can serve is impossible, at once", async () => {
  const error: unknown = await alice.lease({ type: "submarine" }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ kind: "impossible", code: "unsatisfiable" })
})

test("a request that is invalid names what is wrong", async () => {
  const error: unknown = await alice.lease({ type: "Not A Type" }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ kind: "impossible", code: "invalid" })
  expect(String(error)).toContain("resource type")
})

test("the same id with another content is a conflict, and the lease of before stays", async () => {
  await using lease = await alice.lease({ type: "host", id: "alice_mine" })
  const error: unknown = await alice
    .lease({ type: "host", id: "alice_mine", blueprints: ["lab"] })
    .catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ kind: "conflict", code: "already-exists" })
  expect((await alice.get("lease", lease.id))?.to).toBe("active")
})

test("the same id with the same content is the same lease", async () => {
  await using lease = await alice.lease({ type: "host", id: "alice_twice" })
  const again = await alice.lease({ type: "host", id: "alice_twice" })
  expect(again.token).toBe(lease.token)
  again.detach()
})

test("released by somebody else is lost, with who and why", async () => {
  const lease = await alice.lease({ type: "host" })
  const lost = aborted(lease.lost)
  await bob.release(lease.id, { reason: "needed it" })
  const reason = await lost
  expect(reason).toBeInstanceOf(LeaseLostError)
  expect(reason).toMatchObject({ kind: "lost", reason: { code: "released", message: "needed it" } })
  await expect(lease.renew()).rejects.toBe(reason)
  await lease.release()
})

test("the release of its resource is a loss", async () => {
  const lease = await alice.lease({ type: "host" })
  const lost = aborted(lease.lost)
  const outcome = await bob.command("resource", lease.resource.id, "release", { reason: "maintenance" })
  expect(outcome.outcome).toBe("accepted")
  expect(await lost).toMatchObject({ kind: "lost" })
})

test("without renewals it is lost at its end, before the yard gives it to anybody else", async () => {
  const lease = await alice.lease({ type: "host", ttl: "2s", autoRenew: false })
  const next = bob.lease({ type: "host", wait: "20s" })
  const lostAt = aborted(lease.lost).then((reason) => ({ reason, at: performance.now() }))
  const nextAt = next.then(() => performance.now())
  const { reason, at } = await lostAt
  expect(reason).toMatchObject({ kind: "lost", reason: { code: "expired" } })
  expect(at).toBeLessThan(await nextAt)
  await (await next).release()
})

test("an until is a hard end: nothing is renewed beyond it, and it is lost there", async () => {
  const until = new Date(Date.now() + 2_500)
  const lease = await alice.lease({ type: "host", ttl: "1s", until })
  const reason = await aborted(lease.lost)
  expect(reason).toMatchObject({ kind: "lost", reason: { code: "expired" } })
  expect(Date.now()).toBeGreaterThan(until.getTime() - 500)
  expect(Date.now()).toBeLessThan(until.getTime())
})

test("it renews itself for much longer than its ttl", async () => {
  const rounds = 4
  let renewals = 0
  let enough: () => void = () => {}
  const done = new Promise<void>((resolve) => {
    enough = resolve
  })
  await using lease = await alice.lease({
    type: "host",
    ttl: "1s",
    onRecord: (record) => {
      if (record.event.type === "renew" && ++renewals === rounds) enough()
    },
  })
  await done
  expect(lease.lost.aborted).toBe(false)
})

test("a longer renewal by hand is not cut short by the automatic ones", async () => {
  await using lease = await alice.lease({ type: "host", ttl: "900ms" })
  const until = await lease.renew({ ttl: "1h" })
  const next = await new Promise((resolve) => {
    const giveUp = setTimeout(() => resolve("none"), 1_500)
    lease.lost.addEventListener("abort", () => {
      clearTimeout(giveUp)
      resolve(lease.lost.reason)
    })
  })
  expect(next).toBe("none")
  expect(lease.until).toEqual(until)
})

test("a hard end that is moved by hand holds from then on", async () => {
  const lease = await alice.lease({ type: "host", ttl: "900ms", until: new Date(Date.now() + 1_500) })
  await lease.renew({ ttl: "900ms", until: new Date(Date.now() + 3_500) })
  const started = performance.now()
  await aborted(lease.lost)
  expect(performance.now() - started).toBeGreaterThan(2_500)
})

test("an adopted lease keeps the hard end that it was asked with", async () => {
  const until = new Date(Date.now() + 3_600_000)
  const mine = await alice.lease({ type: "host", ttl: "1m", until })
  mine.detach()
  await using lease = await bob.attach(mine.id)
  expect(lease.record.context.asked.until).toBe(until.toISOString())
})

test("a grace that leaves no time for a renewal is refused before anything is asked", async () => {
  const error: unknown = await alice
    .lease({ type: "host", ttl: "3s", graceMs: 2_000, id: "alice_grace" })
    .catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ kind: "impossible", code: "invalid" })
  expect(await alice.get("lease", "alice_grace")).toBeUndefined()
})

test("an adopted lease is renewed and can be lost like one's own", async () => {
  const mine = await alice.lease({ type: "host", ttl: "1m" })
  mine.detach()
  const lease = await bob.attach(mine.id)
  expect(lease.token).toBe(mine.token)
  const lost = aborted(lease.lost)
  await alice.release(mine.id)
  expect(await lost).toMatchObject({ kind: "lost" })
  await expect(bob.attach(mine.id)).rejects.toMatchObject({ kind: "conflict", code: "not-active" })
})

test("run leases, calls and releases, and gives back what the function returns", async () => {
  let id = ""
  const result = await alice.run({ type: "host" }, (lease) => {
    id = lease.id
    return `on ${lease.resource.id}`
  })
  expect(result).toMatch(/^on /)
  expect((await alice.get("lease", id))?.to).toBe("destroyed")
})

test("run throws what the function threw, after the release", async () => {
  let id = ""
  const failing = alice.run({ type: "host" }, (lease) => {
    id = lease.id
    throw new Error("no luck")
  })
  await expect(failing).rejects.toThrow("no luck")
  expect((await alice.get("lease", id))?.to).toBe("destroyed")
})

test("run throws the loss, whatever the function returns", async () => {
  const running = alice.run({ type: "host" }, async (lease) => {
    await bob.release(lease.id)
    await aborted(lease.lost)
    return "fine"
  })
  await expect(running).rejects.toBeInstanceOf(LeaseLostError)
})

test("a command runs on the leased host, and its exit code comes back", async () => {
  const ran = await alice.run({ type: "host" }, ["sh", "-c", "echo out; echo err >&2; exit 3"])
  expect(ran).toMatchObject({ exitCode: 3, signal: null })
  expect(ran.stdout.toString()).toBe("out\n")
  expect(ran.stderr.toString()).toBe("err\n")
  expect((await alice.get("lease", ran.lease))?.to).toBe("destroyed")
})

test("a command is killed when its lease is lost", async () => {
  const abort = new AbortController()
  const running = alice.run({ type: "host", id: "alice_cmd" }, ["sh", "-c", "echo up; sleep 600"], {
    stdout: () => {
      bob.release("alice_cmd").catch((error: unknown) => abort.abort(error))
    },
    signal: abort.signal,
  })
  await expect(running).rejects.toBeInstanceOf(LeaseLostError)
})

// Shown by 6: two hosts on one yard. The second takes over when the first dies or hangs, also when nobody says
// anything; the first, when it wakes, changes nothing and answers nothing. The claim may be lost at any time.

import { setTimeout as pause } from "node:timers/promises"
import { connect } from "nats"
import { afterAll, beforeAll, expect, test } from "vitest"
import { streamName } from "../../src/machines/subjects.js"
import { check } from "../chaos/checkers/index.js"
import { watchClaims } from "../chaos/claims.js"
import { type ChaosHost, startChaosHost } from "../chaos/host.js"
import { startQuestioner } from "../chaos/questions.js"
import { race } from "../chaos/race.js"
import { makePool, startPerson } from "../support/person.js"
import { startTestServer, type TestServer } from "../support/server.js"

const TAKE_OVER_MS = 3_000

let server: TestServer
const hosts: ChaosHost[] = []
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(async () => {
  for (const host of hosts) host.signal("SIGKILL")
  await Promise.all(hosts.map((host) => host.exited))
  await server.stop()
})

/** One that is active, and one that stands by. */
async function twoHosts(yard: string): Promise<[ChaosHost, ChaosHost]> {
  const first = startChaosHost(server, yard)
  await first.active()
  const second = startChaosHost(server, yard)
  await second.reported(({ event }) => event === "started")
  hosts.push(first, second)
  return [first, second]
}

async function end(...ending: ChaosHost[]): Promise<void> {
  for (const host of ending) host.signal("SIGKILL")
  await Promise.all(ending.map((host) => host.exited))
}

test.each(["SIGKILL", "SIGSTOP"] as const)(
  "the second host takes over within 3 s of %s, and a timer that nobody reminds it of fires",
  async (signal) => {
    const yard = `idle-${signal.toLowerCase()}`
    const [first, second] = await twoHosts(yard)
    const person = await startPerson({ ...server.personOptions }, "alice", yard)
    await makePool(person, 1, 1)
    const questions = await startQuestioner(server, yard)
    await person.say("lease/L1 request", { type: "host", ttl: "1s" })
    const { context } = await person.seen(({ id, to }) => id === "L1" && to === "active")
    const atMs = Date.now()
    first.signal(signal)
    const answer = await questions.answeredBy(second.name, atMs)
    const expired = await person.seen(({ id, to }) => id === "L1" && to === "destroyed")
    const lateMs = Date.parse(expired.at) - Date.parse(String(context.until))
    console.log(`${signal}: the standby answers after ${answer.atMs - atMs} ms; a timer is ${lateMs} ms late`)
    expect(answer.atMs - atMs).toBeLessThan(TAKE_OVER_MS)
    expect(lateMs).toBeGreaterThanOrEqual(0)
    expect(lateMs).toBeLessThan(TAKE_OVER_MS)
    await questions.close()
    await person.close()
    await end(first, second)
  },
  30_000,
)

let woken = 0
// How much it decides before it hears of its successor is up to the scheduler: again, if it is nothing.
test("a host that wakes up behind its successor writes nothing, and answers nothing", {
  retry: 2,
  timeout: 60_000,
}, async () => {
  const yard = `stopped-${++woken}`
  const [first, second] = await twoHosts(yard)
  const questions = await startQuestioner(server, yard)
  const nc = await connect({ ...server.personOptions })
  // Where the host publishes what it wants to append, whether the fence lets it in or not.
  const insider = await connect({ ...server.hostOptions })
  const attempts: { seq: number; data: Uint8Array }[] = []
  insider.subscribe(`drydock.${yard}.journal.>`, {
    callback: (_, { headers, data }) => {
      attempts.push({ seq: Number(headers?.get("Drydock-After")) + 1, data })
    },
  })
  await insider.flush()
  let tookOverMs = 0
  let wokenMs = 0
  const history = await race({
    server,
    yard,
    seed: 8,
    requests: 200,
    habits: { atOnce: 25, holdMs: 300 },
    during: async () => {
      await pause(500)
      const stoppedMs = Date.now()
      first.signal("SIGSTOP")
      // More than it reads at once when it wakes: it decides some of it before it hears of its successor.
      const properties = { padding: "x".repeat(1_000) }
      for (let n = 0; n < 200; n++)
        nc.publish(
          `drydock.${yard}.command.service.late${n}.put.alice`,
          JSON.stringify({ type: "late", bindings: {}, properties }),
        )
      await nc.flush()
      tookOverMs = (await questions.answeredBy(second.name, stoppedMs)).atMs
      console.log(`SIGSTOP under load: the standby answers after ${tookOverMs - stoppedMs} ms`)
      expect(tookOverMs - stoppedMs).toBeLessThan(TAKE_OVER_MS)
      await pause(300)
      wokenMs = Date.now()
      first.signal("SIGCONT")
      await first.reported(
        ({ event, atMs, ...rest }) =>
          event === "role" && atMs >= wokenMs && "role" in rest && rest.role === "standby",
      )
    },
  })
  expect(check(history)).toEqual([])
  expect(
    questions.answers.filter(({ host, askedMs }) => host === first.name && askedMs >= tookOverMs),
  ).toEqual([])
  const takeOver = history.journal.find(({ data }) =>
    new TextDecoder().decode(data).includes(`"host":"${second.name}"`),
  )
  expect(takeOver).toBeDefined()
  // It decides what its successor decided, text for text: so one that was refused may look like one that is stored.
  const stored = new Map(history.journal.map(({ seq, data }) => [seq, Buffer.from(data)]))
  const refused = attempts.filter(({ seq, data }) => {
    const isStored = stored.get(seq)?.equals(data) === true
    stored.delete(seq)
    return !isStored
  })
  console.log(`appends of the first host that were refused: ${refused.length}`)
  expect(refused.length).toBeGreaterThan(0)
  await nc.close()
  await insider.close()
  await questions.close()
  await end(first, second)
})

test("losing the claim's stream under load only causes a new race", async () => {
  const yard = "claimless"
  const both = await twoHosts(yard)
  const nc = await connect({ ...server.hostOptions })
  const history = await race({
    server,
    yard,
    seed: 9,
    requests: 200,
    habits: { atOnce: 25, holdMs: 300 },
    during: async ({ log }, racing) => {
      for (let n = 0; n < 3 && racing(); n++) {
        await pause(300)
        await nc.request(`$JS.API.STREAM.DELETE.${streamName(yard, "CLAIM")}`)
        const claims = await watchClaims(log)
        await claims.held()
        await claims.close()
      }
    },
  })
  expect(check(history)).toEqual([])
  expect(both.flatMap(({ reports }) => reports).filter(isActive).length).toBeGreaterThan(1)
  await nc.close()
  await end(...both)
}, 60_000)

function isActive(report: ChaosHost["reports"][number]): boolean {
  return report.event === "role" && report.role === "active"
}

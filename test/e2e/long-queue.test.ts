// 10,000 leases wait for a pool that is full: who waits costs nothing, a release wakes exactly one, in order and at
// once, and `why` answers for anybody. The host is a process of its own, so that its processor time can be seen.

import { readFile } from "node:fs/promises"
import { setTimeout as pause } from "node:timers/promises"
import { expect, test } from "vitest"
import { startChaosHost } from "../chaos/host.js"
import { startPerson } from "../support/person.js"
import { startTestServer } from "../support/server.js"

const WAITERS = 10_000
const ROUNDS = 20

test("10,000 wait for a full pool: no processor time, one wake-up per release, in order, within 50 ms; why within 50 ms", async () => {
  const server = await startTestServer()
  const host = startChaosHost(server, "default")
  const person = await startPerson(server.personOptions)
  try {
    await host.active()
    await person.say("device/d put", { interfaces: { eth0: { network: "n", address: "10.0.0.1" } } })
    await person.say("service/s put", {
      type: "drydock.pool",
      bindings: { b: { device: "d", interface: "eth0" } },
    })
    const config = { services: ["s"], leasesPerHost: 1 }
    await person.say("blueprint/lab create", { type: "almanac-service-host", config })
    await person.say("lease/holder request", { type: "host" })
    const subject = (n: number) => `drydock.default.command.lease.w${n}.request.alice`
    for (let n = 0; n < WAITERS; n++) {
      person.nc.publish(subject(n), JSON.stringify({ type: "host" }))
      if (n % 500 === 499) await person.nc.flush()
    }
    await person.seen(({ id, to }) => id === `w${WAITERS - 1}` && to === "pending", 120_000)

    const canMeasure = process.platform === "linux"
    const beforeMs = canMeasure ? await processorMs(host.pid) : 0
    const records = person.events.length
    await pause(3_000) // This is what is measured: three seconds in which nobody does anything.
    const usedMs = canMeasure ? (await processorMs(host.pid)) - beforeMs : 0
    expect(person.events.length).toBe(records)
    // The claim is renewed meanwhile, whoever waits.
    expect(usedMs).toBeLessThan(150)

    const waits: number[] = []
    const answers: number[] = []
    let holder = "holder"
    for (let round = 0; round < ROUNDS; round++) {
      const next = `w${round}`
      const acquired = person.seen(({ id, to }) => id === next && to === "active")
      const startMs = performance.now()
      await person.publish(`lease/${holder} release`)
      await acquired
      waits.push(performance.now() - startMs)
      holder = next
      const asked = `w${WAITERS - 1 - round * 400}`
      const askedMs = performance.now()
      const why = await person.ask("why", { id: asked })
      answers.push(performance.now() - askedMs)
      expect(why.position).toBe(WAITERS - round * 400 - round - 1)
    }
    const woken = person.events
      .slice(records)
      .flatMap(({ record }) => record.sends)
      .filter(({ verb }) => verb === "wake")
    expect(woken.map(({ id }) => id)).toEqual(Array.from({ length: ROUNDS }, (_, n) => `w${n}`))
    const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]
    console.log(
      `release to grant ${median(waits)?.toFixed(1)} ms, why ${median(answers)?.toFixed(1)} ms, ${usedMs} ms of processor time in 3 s`,
    )
    expect(median(waits)).toBeLessThan(50)
    expect(median(answers)).toBeLessThan(50)
  } finally {
    host.signal("SIGKILL")
    await host.exited
    await person.close()
    await server.stop()
  }
}, 240_000)

/** User and system time of a process, milliseconds. */
async function processorMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) * 10
}

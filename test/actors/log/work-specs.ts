// What must hold for jobs on their way from the host to workers.

import { describe, expect, it } from "vitest"
import { ACK_WAIT_MS, type JobDelivery, workSubject } from "../../../src/actors/log/work-link.js"
import { bytes, text, type UnderTest } from "./bench.js"

const heads = { "Drydock-Cause": "3.job" }

export function workSpecs(start: () => UnderTest): void {
  const subjectOf = (under: UnderTest, job: string, type = "shell") => workSubject(under.yard, type, job)
  const order = (under: UnderTest, job: string, type?: string) =>
    under.log.order(subjectOf(under, job, type), bytes(job), heads)
  const names = (deliveries: readonly JobDelivery[]) => deliveries.map(({ data }) => text(data))

  describe("jobs", () => {
    it("reach whoever wants one, ordered before or after", async () => {
      const under = start()
      const { bench, log } = under
      await log.workFor(["shell"])
      await order(under, "lease/L1/3")
      const got: JobDelivery[] = []
      const link = await bench.openWork()
      const intake = link.takeJobs("shell", (delivery) => got.push(delivery))
      intake.want(2)
      await bench.until("the first", () => got.length === 1)
      await order(under, "lease/L2/1")
      await bench.until("the second", () => got.length === 2)
      expect(names(got)).toEqual(["lease/L1/3", "lease/L2/1"])
      expect(got[0]).toMatchObject({ subject: subjectOf(under, "lease/L1/3"), deliveries: 1 })
      await intake.stop()
    })

    it("can all be dropped, and ordered again", async () => {
      const under = start()
      const { bench, log } = under
      await log.workFor(["shell"])
      for (const job of ["a", "b"]) await order(under, job)
      await log.dropJobs()
      await log.dropJobs()
      await order(under, "b")
      const got: JobDelivery[] = []
      const intake = (await bench.openWork()).takeJobs("shell", (delivery) => got.push(delivery))
      intake.want(2)
      await bench.until("it", () => got.length === 1)
      await order(under, "a")
      await bench.until("the other", () => got.length === 2)
      expect(names(got)).toEqual(["b", "a"])
      await intake.stop()
    })

    it("come no faster than they are wanted", async () => {
      const under = start()
      const { bench, log } = under
      await log.workFor(["shell"])
      for (const job of ["a", "b", "c"]) await order(under, job)
      const got: JobDelivery[] = []
      const intake = (await bench.openWork()).takeJobs("shell", (delivery) => got.push(delivery))
      intake.want(1)
      await bench.until("one", () => got.length > 0)
      // Whatever was on its way has come when a question asked later is answered.
      for (let turn = 0; turn < 3; turn++) await log.commandFacts()
      expect(names(got)).toEqual(["a"])
      intake.want(2)
      await bench.until("all", () => got.length === 3)
      expect(names(got)).toEqual(["a", "b", "c"])
    })

    it("go to one worker each, and only to workers of their blueprint type", async () => {
      const under = start()
      const { bench, log } = under
      await log.workFor(["shell", "other"])
      const mine: JobDelivery[] = []
      const theirs: JobDelivery[] = []
      const others: JobDelivery[] = []
      const intakes = [
        (await bench.openWork()).takeJobs("shell", (delivery) => mine.push(delivery)),
        (await bench.openWork()).takeJobs("shell", (delivery) => theirs.push(delivery)),
        (await bench.openWork()).takeJobs("other", (delivery) => others.push(delivery)),
      ]
      for (const intake of intakes) intake.want(2)
      for (const job of ["a", "b", "c", "d"]) await order(under, job)
      await bench.until("four", () => mine.length + theirs.length === 4)
      expect([...names(mine), ...names(theirs)].sort()).toEqual(["a", "b", "c", "d"])
      expect(others).toEqual([])
      await order(under, "e", "other")
      await bench.until("the other", () => others.length === 1)
      expect(names(others)).toEqual(["e"])
    })

    it("are ordered once however often they are: the same again is done", async () => {
      const under = start()
      const { bench, log } = under
      await log.workFor(["shell"])
      for (let time = 0; time < 3; time++) await order(under, "a")
      const got: JobDelivery[] = []
      const intake = (await bench.openWork()).takeJobs("shell", (delivery) => got.push(delivery))
      intake.want(3)
      await bench.until("it", () => got.length > 0)
      await order(under, "a")
      for (let turn = 0; turn < 3; turn++) await log.commandFacts()
      expect(names(got)).toEqual(["a"])
      got[0]?.done()
      await order(under, "b")
      await bench.until("the next", () => got.length === 2)
      expect(names(got)).toEqual(["a", "b"])
    })

    it("come again when nobody speaks of them, later when somebody holds them, never when they are done", async () => {
      const under = start()
      const { bench, log } = under
      await log.workFor(["shell"])
      const got: { readonly delivery: JobDelivery; readonly atMs: number }[] = []
      const of = (job: string) => got.filter(({ delivery }) => text(delivery.data) === job)
      const link = await bench.openWork()
      const intake = link.takeJobs("shell", (delivery) => got.push({ delivery, atMs: bench.nowMs() }))
      intake.want(9)
      for (const job of ["silent", "held", "done"]) await order(under, job)
      await bench.until("three", () => got.length === 3)
      of("done")[0]?.delivery.done()
      const startMs = bench.nowMs()
      await bench.until("half of the time", () => bench.nowMs() > startMs + ACK_WAIT_MS / 2, ACK_WAIT_MS)
      of("held")[0]?.delivery.hold()
      await bench.until("both", () => of("silent").length + of("held").length === 4, 3 * ACK_WAIT_MS)
      const afterMs = (job: string) => (of(job)[1]?.atMs ?? 0) - (of(job)[0]?.atMs ?? 0)
      expect(of("silent")[1]?.delivery.deliveries).toBe(2)
      expect(afterMs("silent")).toBeGreaterThanOrEqual(ACK_WAIT_MS - 500)
      expect(afterMs("held")).toBeGreaterThan(afterMs("silent") + ACK_WAIT_MS / 4)
      expect(of("done")).toHaveLength(1)
    }, 60_000)

    it("that are given back come again soon, to whoever wants them", async () => {
      const under = start()
      const { bench, log } = under
      await log.workFor(["shell"])
      const first: JobDelivery[] = []
      const second: JobDelivery[] = []
      const intake = (await bench.openWork()).takeJobs("shell", (delivery) => first.push(delivery))
      intake.want(1)
      await order(under, "a")
      await bench.until("it", () => first.length === 1)
      const other = (await bench.openWork()).takeJobs("shell", (delivery) => second.push(delivery))
      other.want(1)
      first[0]?.giveBack(50)
      await bench.until("it again", () => second.length === 1)
      expect(second[0]?.deliveries).toBe(2)
      expect(first).toHaveLength(1)
    })

    it("are not lost on a worker that left", async () => {
      const under = start()
      const { bench, log } = under
      await log.workFor(["shell"])
      const gone: JobDelivery[] = []
      const link = await bench.openWork()
      const intake = link.takeJobs("shell", (delivery) => gone.push(delivery))
      intake.want(1)
      const closed = await bench.openWork()
      closed.takeJobs("shell", (delivery) => gone.push(delivery)).want(1)
      await link.flush()
      await closed.flush()
      await intake.stop()
      await link.flush()
      await closed.close()
      const got: JobDelivery[] = []
      const other = (await bench.openWork()).takeJobs("shell", (delivery) => got.push(delivery))
      other.want(1)
      await order(under, "a")
      await bench.until("it", () => got.length === 1)
      expect(gone).toEqual([])
    })

    it("come when the host that makes their consumer comes after the worker", async () => {
      const under = start()
      const { bench, log } = under
      const got: JobDelivery[] = []
      const intake = (await bench.openWork()).takeJobs("shell", (delivery) => got.push(delivery))
      intake.want(1)
      await log.commandFacts()
      await log.workFor(["shell"])
      await order(under, "a")
      await bench.until("it", () => got.length === 1, 15_000)
    }, 30_000)

    it("come on after the server was lost and came back", async () => {
      const under = start()
      const { bench, log } = under
      await log.workFor(["shell"])
      const got: JobDelivery[] = []
      const link = await bench.openWork()
      const intake = link.takeJobs("shell", (delivery) => got.push(delivery))
      intake.want(2)
      await order(under, "a")
      await bench.until("the first", () => got.length === 1)
      got[0]?.done()
      await link.flush()
      await bench.crash()
      await bench.until("the loss", () => !link.connected() && !log.connected())
      await bench.comeBack()
      await bench.until("the connection", () => log.connected() && link.connected(), 10_000)
      await order(under, "b")
      await bench.until("the second", () => got.length === 2, 15_000)
      expect(names(got)).toEqual(["a", "b"])
    }, 60_000)
  })

  describe("a worker", () => {
    it("speaks to the yard, asks it, and hears what it listens to", async () => {
      const under = start()
      const { bench, yard, log } = under
      const link = await bench.openWork()
      const heard: string[] = []
      const unlisten = link.listen(`drydock.${yard}.outcome.worker-shell.*`, (subject, data) =>
        heard.push(`${subject.split(".").at(-1)}:${text(data)}`),
      )
      const serving = await log.serveQueries((question) => question.answer(bytes(`${question.principal}?`)))
      expect(text(await link.ask(`drydock.${yard}.query.get.worker-shell`, bytes("{}")))).toBe(
        "worker-shell?",
      )
      await link.send(`drydock.${yard}.internal.lease.L1.started.worker-shell`, bytes("{}"), {
        "Drydock-Id": "c1",
      })
      expect((await log.commandFacts()).messages).toBe(1)
      log.tell(`drydock.${yard}.outcome.worker-shell.c1`, bytes("accepted"))
      await bench.until("the outcome", () => heard.length === 1)
      unlisten()
      log.tell(`drydock.${yard}.outcome.worker-shell.c2`, bytes("accepted"))
      await log.flush()
      await link.flush()
      expect(heard).toEqual(["c1:accepted"])
      await serving.stop()
    })
  })
}

// What the yard needs of a log, as specs that hold for every implementation of the port: nats-log.test.ts runs them
// against a real nats-server, memory-log.test.ts against the one in memory. So the simulator can be believed.

import { afterAll, beforeAll, beforeEach, describe } from "vitest"
import { type Bench, UnderTest } from "./bench.js"
import { claimSpecs } from "./claim-specs.js"
import { commandSpecs } from "./command-specs.js"
import { connectionSpecs } from "./connection-specs.js"
import { journalSpecs } from "./journal-specs.js"
import { workSpecs } from "./work-specs.js"

export function logSpecs(name: string, start: () => Promise<Bench>): void {
  describe(name, () => {
    let bench: Bench
    let current: UnderTest

    beforeAll(async () => {
      bench = await start()
    }, 120_000)
    afterAll(async () => {
      await bench.close()
    }, 60_000)
    beforeEach(async () => {
      const yard = await bench.fresh()
      const log = await bench.open()
      await log.setUp()
      current = new UnderTest(bench, yard, log)
    }, 30_000)

    const underTest = () => current
    journalSpecs(underTest)
    commandSpecs(underTest)
    connectionSpecs(underTest)
    claimSpecs(underTest)
    workSpecs(underTest)
  })
}

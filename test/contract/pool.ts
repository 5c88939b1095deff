// Words for tests about pools: bodies of the Almanac, and leases of one blueprint that are held or wait.

import { expect } from "vitest"
import { accepted, hold, isLease, type Person, type Stage, type TestRecord } from "./stage.js"

export interface Slot {
  readonly key: string
  readonly holder: string
}

/** Body of a device with one interface `eth0`. */
export const interfaceAt = (address: string) => ({
  interfaces: { eth0: { network: "net", address, transport: "local" } },
})

export const bound = (device: string) => ({ device, interface: "eth0" })

/** Body of a blueprint. */
export const create = (config: object, limit?: number) => ({
  type: "almanac-service-host",
  config,
  ...(limit === undefined ? {} : { limit }),
})

export function inPool(on: Stage) {
  return {
    async slots(prefix = ""): Promise<Slot[]> {
      const { items } = await on.alice.ask("slots", { prefix })
      return items as Slot[]
    },

    /** Requests leases of one blueprint one after the other; resolves to their records when all are active. */
    async holdAll(person: Person, blueprint: string, ids: readonly string[]): Promise<TestRecord[]> {
      const held: TestRecord[] = []
      for (const id of ids) held.push(await hold(person, id, { blueprints: [blueprint] }))
      return held
    },

    /** Requests a lease that has to wait. */
    async waits(id: string, blueprint: string): Promise<TestRecord> {
      const record = accepted(
        await on.alice.say(`lease/${id} request`, { type: "host", blueprints: [blueprint] }),
      )
      expect(record.to).toBe("pending")
      return record
    },

    becomesActive(id: string): Promise<TestRecord> {
      return on.alice.seen((record) => isLease(record, id) && record.to === "active")
    },

    resourceEnded(id: string): Promise<TestRecord> {
      return on.alice.seen(
        (record) => record.kind === "resource" && record.id === id && record.to === "destroyed",
      )
    },
  }
}

// Each checker finds what it is there for: a history in which all is well is doctored, one thing at a time.

import { expect, test } from "vitest"
import { restore } from "../../src/actors/kernel/index.js"
import type { JournalMessage } from "../../src/actors/log/log.js"
import type { YardRecord } from "../../src/machines/record.js"
import { type CheckerName, check, checkers } from "./checkers/index.js"
import { freshYard, replay, yardDifference } from "./checkers/replay.js"
import type { History } from "./history.js"
import { sampleHistory } from "./sample.js"

type Change = (record: YardRecord, message: JournalMessage) => object | undefined

/** The history with some records changed; `undefined` leaves one as it is. */
function withRecords(change: Change): History {
  const history = sampleHistory()
  const journal = history.journal.map((message) => {
    // Our own kernel wrote it.
    const changed = change(JSON.parse(new TextDecoder().decode(message.data)) as YardRecord, message)
    return changed === undefined
      ? message
      : { ...message, data: new TextEncoder().encode(JSON.stringify(changed)) }
  })
  return { ...history, journal }
}

function withoutRecords(dropped: (record: YardRecord) => boolean): History {
  const history = sampleHistory()
  const journal = history.journal.filter(
    ({ data }) => !dropped(JSON.parse(new TextDecoder().decode(data)) as YardRecord),
  )
  return { ...history, journal }
}

function withContext(id: string, to: string, context: object): History {
  return withRecords((record) =>
    record.id === id && record.to === to
      ? { ...record, context: { ...record.context, ...context } }
      : undefined,
  )
}

function withClient(change: (client: History["clients"][number]) => object): History {
  const history = sampleHistory()
  return { ...history, clients: history.clients.map((client) => ({ ...client, ...change(client) })) }
}

const firstGrant = (record: YardRecord) => record.id === "c0_1" && record.path.includes("acquired")

/** No history can be doctored so that only restoring goes wrong: what it compares with is tested below. */
type Doctored = Exclude<CheckerName, "restoredEqualsReplayed">

const doctored: { readonly [K in Doctored]: () => History } = {
  oneHolderPerSlot: () => {
    let slots: readonly string[] = []
    return withRecords((record) => {
      if (record.kind !== "lease" || record.to !== "active") return undefined
      if (record.id === "c0_1") slots = record.context.slots
      return record.id === "c0_2" ? { ...record, context: { ...record.context, slots } } : undefined
    })
  },
  noSharedHolds: () =>
    withClient(({ holds }) => ({
      holds: [...holds, { lease: "c0_5", resource: "r1", fromMs: 4, untilMs: 8 }],
    })),
  everyRequestEnds: () => withoutRecords(({ id, to }) => id === "c0_5" && to === "destroyed"),
  tokensGrow: () => withContext("c0_4", "active", { token: 7 }),
  servedInOrder: () => withContext("c0_4", "active", { order: 99_999 }),
  noWakeUpLost: () => withoutRecords((record) => record.id === "c0_5" && record.to === "active"),
  nobodyWaitsBesideAFreeHost: () => withoutRecords(({ id, from }) => id === "c0_5" && from !== null),
  noOutcomeLost: () => withoutRecords(({ id, to }) => id === "c0_5" && to === "destroyed"),
  noOutcomeChanges: () =>
    withClient(({ outcomes }) => ({
      outcomes: outcomes.flatMap((outcome) => [
        outcome,
        { ...outcome, text: outcome.text.replace('"accepted"', '"rejected"') },
      ]),
    })),
  noEventInvented: () => {
    const history = sampleHistory()
    const [first] = history.events
    if (first === undefined) throw new Error("the sample has no events")
    return { ...history, events: [...history.events, { ...first, seq: 10_000 }] }
  },
  oneRecordPerCommand: () => {
    let command = 0
    return withRecords((record) => {
      if (firstGrant(record)) command = record.cause.command
      return record.id === "c0_2" && record.to === "active"
        ? { ...record, cause: { ...record.cause, command } }
        : undefined
    })
  },
  noGapInRevs: () => withoutRecords(firstGrant),
  journalIsReplay: () => withContext("c0_1", "active", { notes: { doctored: "yes" } }),
  recoveredEqualsReplayed: () => ({ ...sampleHistory(), recovered: freshYard({ yard: "default" }) }),
}

test("all checkers let a history pass in which all is well", () => {
  expect(check(sampleHistory())).toEqual([])
})

test.each(Object.entries(doctored))("%s finds what it is there for", (name, history) => {
  expect(Object.keys(checkers)).toContain(name)
  expect(checkers[name as Doctored](history())).not.toEqual([])
})

test("a yard that lacks one record differs from the one that has it", () => {
  const { yard, problem } = replay(sampleHistory())
  expect(problem).toBeUndefined()
  const restored = freshYard({ yard: "default" })
  restore(restored, [...yard.actors.values()])
  expect(yardDifference(yard, restored)).toBeUndefined()
  const lacking = freshYard({ yard: "default" })
  restore(lacking, [...yard.actors.values()].slice(1))
  expect(yardDifference(yard, lacking)).toBeDefined()
})

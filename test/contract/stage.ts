// What every contract test stands on: a yard on a real nats-server with its accounts, and people in the account
// PEOPLE without credentials. Nothing here or in the tests beside it imports a line that speaks the protocol for them.

import { headers } from "nats"
import { afterAll, beforeAll, expect } from "vitest"
import {
  type Json,
  makePool,
  type Outcome,
  type Person,
  type PubAck,
  startPerson,
  type TestRecord,
} from "../support/person.js"
import { startTestYard } from "../support/yard.js"

export type TestYard = Awaited<ReturnType<typeof startTestYard>>

export interface Stage {
  readonly yard: TestYard
  readonly alice: Person
}

/**
 * A yard for the tests of one file, with `alice` in it. Call it once, at the top. The page says the same however the
 * server syncs, so it does not wait for the disk unless it is told to.
 */
export function stage(
  arrange: (alice: Person, yard: TestYard) => Promise<void> = async () => {},
  sync: "always" | "default" = "default",
): Stage {
  let yard: TestYard | undefined
  let alice: Person | undefined
  beforeAll(async () => {
    yard = await startTestYard({ sync })
    alice = await startPerson(yard.server.personOptions)
    await arrange(alice, yard)
  })
  afterAll(async () => {
    await alice?.close()
    await yard?.stop()
  })
  const ready = <Part>(part: Part | undefined): Part => {
    if (part === undefined) throw new Error("the stage is set in beforeAll")
    return part
  }
  return {
    get yard() {
      return ready(yard)
    },
    get alice() {
      return ready(alice)
    },
  }
}

/** The record of an accepted command. */
export function accepted(outcome: Outcome): TestRecord {
  expect(outcome).toMatchObject({
    outcome: "accepted",
    command: expect.any(Number),
    actor: expect.stringMatching(/^[a-z]+\/[A-Za-z0-9][A-Za-z0-9_-]*$/),
    record: expect.any(Object),
  })
  if (outcome.record === undefined) throw new Error("accepted without a record")
  expect(outcome.actor).toBe(`${outcome.record.kind}/${outcome.record.id}`)
  return outcome.record
}

/** A rejection of a code, with everything that the page says of one. */
export function rejected(outcome: Outcome, code: string): Outcome {
  expect(outcome).toMatchObject({
    outcome: "rejected",
    code,
    command: expect.any(Number),
    actor: expect.any(String),
    message: expect.stringMatching(/\S/),
  })
  expect(outcome).not.toHaveProperty("record")
  return outcome
}

/** A refused body: `issues` lists path and message. */
export function invalid(outcome: Outcome): { path: string; message: string }[] {
  const { issues } = rejected(outcome, "invalid")
  expect(issues).toEqual(expect.arrayContaining([expect.any(Object)]))
  for (const issue of issues ?? [])
    expect(issue).toEqual({ path: expect.any(String), message: expect.stringMatching(/\S/) })
  return issues ?? []
}

/** The last record of an object, or null when there is none. */
export async function current(person: Person, actor: string): Promise<TestRecord | null> {
  const [kind, id] = actor.split("/")
  const answer = await person.ask("get", { kind, id })
  if (answer.error !== undefined) {
    expect(answer.error).toMatchObject({ code: "unknown-actor" })
    return null
  }
  // The parser's edge of a test: what comes back is asserted field by field.
  return answer.record as TestRecord
}

/** Says something whose effect holds already: accepted, with the current record and no new one. */
export async function repeats(person: Person, target: string, body: Json | string = {}): Promise<TestRecord> {
  const [actor = ""] = target.split(" ")
  const before = await current(person, actor)
  const record = accepted(await person.say(target, body))
  expect(record).toEqual(before)
  expect(await current(person, actor)).toEqual(before)
  return record
}

/** Says something that is refused: the object is as it was. */
export async function refuses(
  person: Person,
  target: string,
  body: Json | string | Uint8Array,
  code: string,
): Promise<Outcome> {
  const [actor = ""] = target.split(" ")
  const before = await current(person, actor)
  const outcome = rejected(await person.say(target, body), code)
  expect(outcome.actor).toBe(actor)
  expect(await current(person, actor)).toEqual(before)
  return outcome
}

/** Asks for a lease of type `host` and waits until it is active. */
export async function hold(person: Person, id: string, body: Json = {}): Promise<TestRecord> {
  accepted(await person.say(`lease/${id} request`, { type: "host", ...body }))
  return await person.seen((record) => isLease(record, id) && record.to === "active")
}

/** Releases a lease, whatever it is doing, and waits for its end. */
export async function letGo(person: Person, id: string): Promise<TestRecord> {
  accepted(await person.say(`lease/${id} release`))
  return await ended(person, id)
}

/** Releases whatever is left, so that a test that failed does not fail those after it. */
export async function releaseAll(person: Person): Promise<void> {
  const { items } = await person.ask("list", { kind: "lease", limit: 1_000 })
  const left = (items as TestRecord[]).filter(({ to }) => to !== "destroyed").map(({ id }) => id)
  for (const id of left) await person.say(`lease/${id} release`)
  for (const id of left) await ended(person, id)
}

export function ended(person: Person, id: string): Promise<TestRecord> {
  return person.seen((record) => isLease(record, id) && record.to === "destroyed")
}

export function isLease(record: TestRecord, id: string): boolean {
  return record.kind === "lease" && record.id === id
}

/** The resource that a lease is on, as its record says. */
export function resourceOf(record: TestRecord | null): string {
  const { resource } = record?.context ?? {}
  if (typeof resource !== "string") throw new Error(`lease ${record?.id} has no resource`)
  return resource
}

/** All records of one object seen so far, in order. */
export function story(person: Person, actor: string): TestRecord[] {
  return person.events.map(({ record }) => record).filter(({ kind, id }) => `${kind}/${id}` === actor)
}

/** Publishes to any subject, with any bytes, and resolves to the PubAck. */
export async function publishRaw(
  person: Person,
  subject: string,
  body: string | Uint8Array = "{}",
  extra: { readonly [name: string]: string } = {},
): Promise<PubAck> {
  const sent = headers()
  for (const [name, value] of Object.entries(extra)) sent.set(name, value)
  const answer = await person.nc.request(subject, body, { headers: sent, timeout: 5_000 })
  return answer.json<PubAck>()
}

/** Everything said before it has been heard: outcomes leave in the order of the commands. */
export async function settled(person: Person): Promise<void> {
  await person.say("network/settled remove")
}

export { makePool, type Outcome, type Person, type PubAck, startPerson, type TestRecord }

// docs/protocol.md against the schemas: what is on the page exists, and what exists is on the page.

import { readFile } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { createActor } from "xstate"
import { z } from "zod"
import { queryBodies } from "../../src/actors/hosting/answers.js"
import { AFTER_HEADER, SENT_HEADER, TRACE_HEADER } from "../../src/actors/hosting/writer.js"
import { CAUSE_HEADER, COMMAND_ID_HEADER } from "../../src/actors/kernel/index.js"
import { blueprintMachine, blueprintTimers } from "../../src/machines/blueprint.js"
import { blueprintTerms, workTerms } from "../../src/machines/blueprint-terms.js"
import { begun, jobOrder, ordered } from "../../src/machines/job.js"
import { blankLease, leaseTimers } from "../../src/machines/lease-context.js"
import { HOST_SENDERS, KINDS } from "../../src/machines/names.js"
import { outcomeSchema } from "../../src/machines/outcome.js"
import { recordSchema } from "../../src/machines/record.js"
import { registry } from "../../src/machines/registry.js"
import { REJECTION_CODES } from "../../src/machines/rejection.js"
import { resourceMachine } from "../../src/machines/resource.js"
import { resourceTimers } from "../../src/machines/resource-context.js"
import { yardMachine, yardTimers } from "../../src/machines/yard.js"

const text = await readFile(new URL("../../docs/protocol.md", import.meta.url), "utf8")
/** However the tables are laid out. */
const page = text.replaceAll(/ +\|/g, " |").replaceAll(/\| +/g, "| ")

/** The cells of every table below a heading, without the heads. */
function rowsBelow(heading: string): string[][] {
  const begin = page.indexOf(`\n${heading}\n`)
  expect(begin, `the page has the heading ${heading}`).toBeGreaterThan(0)
  const rest = page.slice(begin + heading.length + 2)
  const end = rest.search(/^#{2,3} /m)
  const lines = (end < 0 ? rest : rest.slice(0, end)).split("\n")
  return lines
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .slice(1, -1)
        .split(" | ")
        .map((cell) => cell.trim()),
    )
}

/** Words in code marks, with the question mark behind them. */
function fieldsIn(cell = ""): string[] {
  return [...cell.matchAll(/`([\w-]+)`(\?)?/g)].map(([, name = "", optional = ""]) => name + optional)
}

function wordIn(cell = ""): string {
  return fieldsIn(cell)[0] ?? ""
}

/** The same of a schema: a field that may be left out has a question mark. */
function fieldsOf(schema: z.ZodType): string[] {
  if (!(schema instanceof z.ZodObject)) throw new TypeError("a body is an object")
  const shape: Record<string, z.ZodType> = schema.shape
  return Object.entries(shape).map(([name, field]) => (isOptional(field) ? `${name}?` : name))
}

function isOptional(field: z.ZodType): boolean {
  // A dictionary takes any input and says itself what is wrong: a missing one must fail too.
  return field.safeParse(undefined).success
}

/** `kind verb` → fields, for what people, the host or workers say. */
function verbsOf(channel: "bodies" | "internal" | "worker"): Record<string, string[]> {
  const verbs: Record<string, string[]> = {}
  for (const kind of KINDS)
    for (const [verb, schema] of Object.entries(registry[kind][channel]))
      verbs[`${kind} ${verb}`] = fieldsOf(schema).sort()
  return verbs
}

function verbsOnPage(heading: string): Record<string, string[]> {
  const rows = rowsBelow(heading).filter((cells) => cells.length === 3 || cells[1]?.startsWith("`"))
  return Object.fromEntries(
    rows.map(([kind, verb, body]) => [`${wordIn(kind)} ${wordIn(verb)}`, fieldsIn(body).sort()]),
  )
}

/** Every timer that any state of any kind can arm, as `kind timer`. */
function armed(): string[] {
  const at = new Date(0).toISOString()
  const terms = workTerms("any", {})
  const job = ordered("activate", terms, { actor: "lease/L1", rev: 1, now: 0, command: 1 })
  const jobs = [begun(job, "w", terms, 0), { ...job, state: "backing-off", retryAt: at } as const]
  const resource = createActor(resourceMachine).getSnapshot().context
  const blueprint = createActor(blueprintMachine).getSnapshot().context
  const found = jobs.flatMap((job) => [
    ...leaseTimers("active", { ...blankLease, until: at, warnAt: at, job }).map(({ id }) => `lease ${id}`),
    ...leaseTimers("pending", { ...blankLease, retryAt: at }).map(({ id }) => `lease ${id}`),
    ...resourceTimers("active", {
      ...resource,
      until: at,
      idleAt: at,
      reclaim: { lease: "L1", at, due: false },
      job,
    }).map(({ id }) => `resource ${id}`),
    ...blueprintTimers({ ...blueprint, retryAt: at }).map(({ id }) => `blueprint ${id}`),
    ...yardTimers({ ...createActor(yardMachine).getSnapshot().context, sweepAt: at }).map(
      ({ id }) => `yard ${id}`,
    ),
  ])
  return [...new Set(found)]
}

describe("docs/protocol.md", () => {
  it("lists every kind", () => {
    expect(page).toContain(`| kind | ${KINDS.map((kind) => `\`${kind}\``).join(", ")} |`)
  })

  it("lists every verb of the public contract with the fields of its body", () => {
    expect(verbsOnPage("## Commands")).toEqual(verbsOf("bodies"))
  })

  it("lists every internal verb with the fields of its body", () => {
    expect(verbsOnPage("## Internal commands")).toEqual(verbsOf("internal"))
  })

  it("lists everything that a worker may say", () => {
    expect(verbsOnPage("## Workers")).toEqual(verbsOf("worker"))
  })

  it("lists every timer", () => {
    const onPage = rowsBelow("### Timers").map(([kind, timer]) => `${wordIn(kind)} ${wordIn(timer)}`)
    expect(onPage.sort()).toEqual(armed().sort())
  })

  it("lists every field of a job, and of its order", () => {
    const moment = { actor: "lease/L1", rev: 1, now: 0, command: 1 } as const
    const job = ordered("activate", workTerms("any", {}), moment)
    const fields = [...Object.keys(job), ...Object.keys(jobOrder.shape)]
    const onPage = rowsBelow("### Jobs").map(([field]) => wordIn(field))
    expect(onPage).toEqual(fields)
  })

  it("lists every term of a blueprint, and no other", () => {
    const work = blueprintTerms.work.unwrap()
    const fields = [...Object.keys(blueprintTerms), ...Object.keys(work.shape)]
    const onPage = rowsBelow("### Terms of a blueprint").map(([field]) => wordIn(field))
    expect(onPage).toEqual(fields)
  })

  it("lists every outcome with its fields, and every code", () => {
    const rows = rowsBelow("## Outcome")
    const outcomes = rows.filter(([, fields]) => fields?.startsWith("`outcome`"))
    expect(outcomes.map(([, fields]) => fieldsIn(fields))).toEqual(outcomeSchema.options.map(fieldsOf))
    const codes = rows.filter((row) => !outcomes.includes(row)).map(([code]) => wordIn(code))
    expect(codes).toEqual(REJECTION_CODES)
  })

  it("lists every field of a record and every state of every kind", () => {
    const [first] = recordSchema.options
    const rows = rowsBelow("## Record")
    const states = rows.slice(-KINDS.length)
    const fields = rows.slice(0, -KINDS.length).map(([field]) => wordIn(field))
    expect(fields.sort()).toEqual(Object.keys(first.shape).sort())
    const onPage = states.map(([kind, names]) => [wordIn(kind), fieldsIn(names)])
    const inCode = recordSchema.options.map(({ shape }) => [shape.kind.value, shape.to.options])
    expect(Object.fromEntries(onPage)).toEqual(Object.fromEntries(inCode))
  })

  it.each(KINDS)("lists every field of the context of a %s", (kind) => {
    const context: object = createActor(registry[kind].machine).getSnapshot().context
    const onPage = rowsBelow(`### Context of a ${kind}`).map(([field]) => wordIn(field))
    expect(onPage.sort()).toEqual(Object.keys(context).sort())
  })

  it("names every code with which a lease waits, or a lease or resource ends", async () => {
    const files = ["machines/lease.ts", "machines/resource.ts", "actors/kernel/facts.ts"]
    const texts = files.map((file) => readFile(new URL(`../../src/${file}`, import.meta.url), "utf8"))
    const codes = (await Promise.all(texts)).flatMap((source) => [...source.matchAll(/\bcode: "([\w-]+)"/g)])
    expect(codes.length).toBeGreaterThan(10)
    for (const [, code] of codes) expect(page.includes(`\`${code}\``), code).toBe(true)
  })

  it("lists every query with the fields of its body", () => {
    const onPage = rowsBelow("## Queries").map(([name, body]) => [wordIn(name), fieldsIn(body).sort()])
    const inCode = Object.entries(queryBodies).map(([name, body]) => [name, fieldsOf(body).sort()])
    expect(Object.fromEntries(onPage)).toEqual(Object.fromEntries(inCode))
  })

  it("names every header and every sender of the yard's own", () => {
    for (const name of [AFTER_HEADER, SENT_HEADER, TRACE_HEADER, CAUSE_HEADER, COMMAND_ID_HEADER])
      expect(page).toContain(`\`${name}`)
    for (const sender of HOST_SENDERS) expect(page).toContain(`\`${sender}\``)
  })
})

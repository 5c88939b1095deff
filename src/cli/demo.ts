// The main job once, for real: apply the example, lease a host, run a program on it, release it.

import { readFile } from "node:fs/promises"
import type { Drydock } from "../client/index.js"
import { changeText, planStep, type Step } from "./almanac/plan.js"
import { applyStep, changeLines } from "./almanac/steps.js"
import { readWanted } from "./almanac/wanted.js"
import { shortLeaseId } from "./asking.js"
import { installedPolicies } from "./blueprint-types.js"
import { CliError } from "./failure.js"
import { onHost } from "./on-host.js"
import type { Output } from "./output.js"
import { packageFile } from "./package.js"
import { spell } from "./text.js"
import { Waiting } from "./waiting.js"

const EXAMPLE = "examples/localhost.yaml"
const PROGRAM = ["uname", "-a"] as const

export interface DemoOptions {
  readonly signal: AbortSignal
  /** Resolves when everything that happened in the yard is on the screen, so that the steps stay in order. */
  readonly shown: () => Promise<void>
  /** Whether everything stops afterwards. */
  readonly exits: boolean
}

/** Throws what a step throws, and the reason of the signal. */
export async function demo(out: Output, yard: Drydock, { signal, shown, exits }: DemoOptions): Promise<void> {
  const startedMs = performance.now()
  const say = async (text: string) => {
    await shown()
    out.event({ event: "demo", text }, () => out.c.bold(`\n▸ ${text}`))
  }

  await say(`drydock apply ${EXAMPLE}`)
  await applyExample(out, yard)

  await say("drydock lease --type host --blueprint localhost --ttl 5m")
  const waiting = new Waiting(out, "host")
  const asked = yard.lease({
    type: "host",
    blueprints: ["localhost"],
    ttl: "5m",
    id: shortLeaseId(yard.principal),
    autoRenew: false,
    signal,
    wait: "30s",
    onWaiting: (why) => waiting.tell(why),
  })
  const lease = await asked.finally(() => waiting.end())
  try {
    await say(`drydock exec ${lease.id} -- ${PROGRAM.join(" ")}`)
    const { exit } = await onHost({
      out,
      yard: yard.yard,
      lease: lease.record,
      resource: lease.resource,
      argv: PROGRAM,
      signal: AbortSignal.any([signal, lease.lost]),
      stdin: "none",
    })
    if (exit !== 0) throw new CliError("demo-failed", `${PROGRAM.join(" ")} ended with exit code ${exit}`)
  } finally {
    await say(`drydock release ${lease.id}`)
    await lease.release({ reason: "the demonstration is over" })
  }
  await ended(yard, lease.id, signal)
  await shown()
  out.event({ event: "demo-done", lease: lease.id, ms: Math.round(performance.now() - startedMs) }, () =>
    outro(out, lease.id, performance.now() - startedMs, exits),
  )
}

/** Only what the yard does not have: what somebody has changed since the first time stays as it is. */
async function applyExample(out: Output, yard: Drydock): Promise<void> {
  const text = await readFile(packageFile(EXAMPLE), "utf8")
  const { wanted, mistakes } = readWanted([{ name: EXAMPLE, text }], await installedPolicies())
  const [mistake] = mistakes
  if (mistake !== undefined)
    throw new CliError("invalid-file", `${EXAMPLE}:${mistake.line}:${mistake.column}  ${mistake.message}`)
  let kept = 0
  for (const one of wanted) {
    const record = await yard.get(one.kind, one.id)
    const step = planStep(one, record)
    // What is created shows as a record of the yard.
    if (step.action === "create") await applyStep(yard, step)
    else if (step.action === "unchanged") {
      if (!out.json) for (const line of changeLines(step, false, out.c)) out.data(`  ${line}`)
    } else {
      kept++
      const state = step.action === "restore" ? "removed" : "changed"
      out.event({ event: "kept", kind: one.kind, id: one.id, state, changes: step.changes }, () =>
        [
          `  ${out.c.yellow("=")} ${one.kind}/${one.id}  ${state} here, and kept so`,
          ...changesHere(step),
        ].join("\n"),
      )
    }
  }
  if (kept > 0)
    out.say(`  \`drydock apply ${EXAMPLE}\` makes ${kept === 1 ? "it" : "them"} as the example says.`)
}

/** From what the example says to what the yard has. */
function changesHere({ action, changes }: Step): readonly string[] {
  if (action === "restore") return []
  return changes.map(({ path, from, to }) => `      ${changeText({ path, from: to, to: from })}`)
}

/** The record that ends the lease has been stored and shown. */
async function ended(yard: Drydock, id: string, signal: AbortSignal): Promise<void> {
  const record = await yard.get("lease", id)
  if (record?.to === "destroyed") return
  for await (const event of yard.watch({ kind: "lease", id, after: 0, signal }))
    if (event.record.to === "destroyed") return
}

function outro(out: Output, id: string, ms: number, exits: boolean): string {
  const { c } = out
  const done = `\n${c.green("✓")} leased, used and released in ${spell(ms)}.`
  if (exits) return `${done} \`npm start\` or \`drydock up\` does it and keeps serving.\n`
  const next = [
    ["npx drydock run --type host -- sh -c 'echo I hold $DRYDOCK_RESOURCE with token $DRYDOCK_TOKEN'", ""],
    [`npx drydock show lease/${id}`, "what became of the lease"],
    ["npx drydock lease --type host", "three times: the third has to wait, and says why"],
    ["npx drydock ls", "who holds what"],
    ["npx drydock help", "everything else"],
  ] as const
  const lines = next.map(([command, what]) => `    ${command.padEnd(44)}${c.dim(what)}`.trimEnd())
  return [`${done} Next, in another terminal in this folder:`, "", ...lines, ""].join("\n")
}

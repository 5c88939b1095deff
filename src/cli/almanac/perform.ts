// Doing a plan. What the yard refuses ends nothing but itself and what refers to it; everything else is applied, and
// every object has an answer. When the yard does not answer any more, or somebody interrupts, nothing further is sent.

import { type Drydock, isClientError } from "../../client/index.js"
import { type Failure, failureOf } from "../failure.js"
import type { Step } from "./plan.js"
import { applyStep } from "./steps.js"
import type { WantedKind } from "./wanted.js"

const AT_ONCE = 32
/** What is named comes before what names it. */
const ORDER: readonly WantedKind[] = ["network", "device", "service", "blueprint"]

export type Result = { readonly step: Step } & (
  | { readonly became: "applied" }
  | { readonly became: "unchanged" }
  /** The yard said no. */
  | { readonly became: "refused"; readonly failure: Failure }
  /** Sent, and nobody answered: whether it was done is not known. */
  | { readonly became: "unknown"; readonly failure: Failure }
  /** Never sent. */
  | { readonly became: "skipped"; readonly because: string }
)

export interface PerformOptions {
  /** Once aborted, nothing further is sent; what is under way is waited for. */
  readonly signal?: AbortSignal
  /** Told after every few objects. */
  readonly progress?: (done: number) => void
}

/** One result per step, in the order of the steps. Never throws. */
export async function perform(
  yard: Drydock,
  steps: readonly Step[],
  { signal, progress }: PerformOptions = {},
): Promise<readonly Result[]> {
  const results = new Map<Step, Result>()
  const notThere = new Set<string>()
  let silent: string | undefined
  const settle = (result: Result) => {
    results.set(result.step, result)
    const { became, step } = result
    if (became !== "applied" && became !== "unchanged") notThere.add(nameOf(step))
    if (became === "unknown") silent = "the yard does not answer any more"
  }
  for (const kind of ORDER) {
    const due = steps.filter(({ wanted }) => wanted.kind === kind)
    for (let from = 0; from < due.length; from += AT_ONCE) {
      const stopped = signal?.aborted === true ? "it was interrupted" : silent
      const some = due.slice(from, from + AT_ONCE)
      const settled = await Promise.all(some.map((step) => tryStep(yard, step, notThere, stopped)))
      for (const result of settled) settle(result)
      progress?.(results.size)
    }
  }
  return steps.flatMap((step) => results.get(step) ?? [])
}

async function tryStep(
  yard: Drydock,
  step: Step,
  notThere: ReadonlySet<string>,
  stopped: string | undefined,
): Promise<Result> {
  if (step.verb === undefined) return { step, became: "unchanged" }
  const missing = step.wanted.references.find(({ kind, id }) => notThere.has(`${kind}/${id}`))
  if (missing !== undefined) {
    const because = `it needs ${missing.kind}/${missing.id}, which was not applied`
    return { step, became: "skipped", because }
  }
  if (stopped !== undefined) return { step, became: "skipped", because: stopped }
  try {
    await applyStep(yard, step)
    return { step, became: "applied" }
  } catch (error) {
    const failure = failureOf(error)
    return { step, became: isRefusal(error) ? "refused" : "unknown", failure }
  }
}

/** An answer, as opposed to none. */
function isRefusal(error: unknown): boolean {
  return isClientError(error) && !error.retryable
}

function nameOf({ wanted }: Step): string {
  return `${wanted.kind}/${wanted.id}`
}

// The blueprint type `stand-in`: things of the stand-in provider, with a script for what each task does. The script of
// `allocate` and `destroy` stands in the blueprint's config, that of `activate` and `release` in the lease's attributes
// (or, for all leases, in the config).

import { z } from "zod"
import { ResourceLostError, RetryableError, TerminalError } from "../../../src/blueprints/failure.js"
import {
  type Blueprint,
  type Details,
  defineBlueprint,
  type LeaseTask,
  type ResourceTask,
} from "../../../src/blueprints/work.js"
import { stepProgram } from "./provider.js"

const step = z.strictObject({
  /** How long it takes, milliseconds. Default 0. */
  ms: z.number().optional(),
  /** So many attempts fail, then it succeeds. */
  failTimes: z.number().optional(),
  /** It fails, and says that trying again is no use. */
  terminal: z.boolean().optional(),
  /** It does not end by itself: `heeding` ends with the signal, `deaf` does not even then. */
  hang: z.enum(["heeding", "deaf"]).optional(),
  /** So many attempts kill the whole worker process half-way. */
  dieTimes: z.number().optional(),
  /** So many attempts say that the resource is gone. */
  lostTimes: z.number().optional(),
  /** A program of it exits so. */
  exit: z.number().optional(),
  /** It returns something that is no JSON object. */
  garbage: z.boolean().optional(),
  /** So many lines of output. */
  lines: z.number().optional(),
  /** It leaves notes. */
  notes: z.record(z.string(), z.string()).optional(),
})
type Step = z.output<typeof step>
const script = z.strictObject({ activate: step.optional(), release: step.optional() })

const config = z.strictObject({
  folder: z.string(),
  /** Leases on one thing at once. Default 1. */
  leases: z.number().int().optional(),
  script: z
    .strictObject({
      allocate: step.optional(),
      destroy: step.optional(),
      activate: step.optional(),
      release: step.optional(),
    })
    .optional(),
})
type Config = z.output<typeof config>

export function standIn(type = "stand-in", provides = "thing"): Blueprint {
  return defineBlueprint<Config>({
    policy: {
      type,
      provides,
      description: "Things that are files, for tests",
      config,
      leasesPerResource: ({ leases }) => leases ?? 1,
      leaseSlot: (resource, n) => `stand-in.lease(${resource},${n})`,
      activatesResourcesAtOnce: false,
      activatesLeasesAtOnce: false,
      cleansUpResources: true,
      cleansUpLeases: true,
    },
    work: {
      allocate: (task) => ofResource(task, "make"),
      destroy: async (task) => void (await ofResource(task, "remove")),
      activate: (task) => ofLease(task, "make"),
      release: async (task) => void (await ofLease(task, "remove")),
    },
  })
}

function ofResource(task: ResourceTask<Config>, what: "make" | "remove"): Promise<Details> {
  return perform(task, what, `resource-${task.resource.id}`, task.config.script?.[task.task] ?? {})
}

function ofLease(task: LeaseTask<Config>, what: "make" | "remove"): Promise<Details> {
  const own = script.safeParse(task.lease.context.attributes.script)
  const steps = own.success ? own.data : {}
  return perform(
    task,
    what,
    `lease-${task.lease.id}`,
    steps[task.task] ?? task.config.script?.[task.task] ?? {},
  )
}

/** Names of things under which the resource was lost. */
const lost: string[] = []

async function perform(
  task: ResourceTask<Config> | LeaseTask<Config>,
  what: "make" | "remove",
  name: string,
  does: Step,
): Promise<Details> {
  const { attempt, config, signal } = task
  for (let line = 1; line <= (does.lines ?? 0); line++) task.log(`line ${line}`)
  if (does.notes !== undefined) await task.annotate(does.notes)
  if (does.hang === "deaf") await new Promise(() => {})
  if (does.hang === "heeding")
    await new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
    )
  if (does.dieTimes !== undefined && attempt <= does.dieTimes) {
    // The child goes on: whoever comes next must find it dead.
    void task.run(stepProgram(config.folder, name, what, 60_000, task.job)).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 200))
    process.kill(process.pid, "SIGKILL")
  }
  if (does.lostTimes !== undefined && lost.filter((one) => one === name).length < does.lostTimes) {
    lost.push(name)
    throw new ResourceLostError("as the script says, it is gone")
  }
  await task.run(stepProgram(config.folder, name, what, does.ms ?? 0, task.job))
  if (does.exit !== undefined) await task.run(["/bin/sh", "-c", `echo on purpose >&2; exit ${does.exit}`])
  if (does.terminal === true) throw new TerminalError("as the script says, for good")
  if (does.failTimes !== undefined && attempt <= does.failTimes)
    throw new RetryableError(`as the script says, attempt ${attempt} of ${does.failTimes}`)
  // Returned as a blueprint without types could.
  if (does.garbage === true) return { size: 1n } as unknown as Details
  return { at: `${config.folder}/things/${name}`, attempt }
}

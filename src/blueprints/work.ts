// What a blueprint does on the world: slow, fallible, anywhere. A worker calls it, one attempt at a time per object, and
// what it returns or throws is the answer. Every function may be called again after an attempt that failed, was killed
// half-way or succeeded without anybody hearing of it: so it looks at what is there before it makes it, and `destroy`
// and `release` succeed when nothing is left.
//
// What must not outlive the attempt runs under `task.run`, or heeds `task.signal`. A worker that was out of touch for
// too long kills the children of its attempts; code inside the worker cannot be killed, it can only heed the signal.

import type { z } from "zod"
import { DrydockError } from "../actors/error.js"
import { TASKS, type Task } from "../machines/job.js"
import type { JsonObject } from "../machines/json.js"
import type { BlueprintRecord, LeaseRecord, ResourceRecord } from "../machines/record.js"
import { type AnyPolicy, definePolicy, type Policy } from "./blueprint.js"
import { TerminalError } from "./failure.js"

/** What holders need to know of a resource or a lease (addresses, paths): a JSON object, at most 16 KiB. */
export type Details = JsonObject

export interface ProgramOptions {
  /** Absolute folder to run in. Default: the worker's own. */
  readonly cwd?: string
  /** On top of the worker's environment (without Drydock's passwords) and the DRYDOCK_ variables of the job. */
  readonly env?: Readonly<Record<string, string>>
  /** What it reads. Default: nothing. */
  readonly input?: string
  /** Which output becomes lines of the job's log. Default `both`. */
  readonly log?: "both" | "stdout" | "stderr" | "none"
  /** How much of each output is returned, from its beginning, characters. Default 65,536. */
  readonly captureChars?: number
  /** It is stopped after so long, milliseconds, and counts as failed. Default: the deadline of the attempt. */
  readonly timeoutMs?: number
  /** Whether any exit code is returned, instead of thrown as a ProgramError when it is not 0. Default false. */
  readonly anyExit?: boolean
}

export interface ProgramResult {
  /** Null when a signal ended it. */
  readonly exitCode: number | null
  readonly endedBy: string | null
  readonly stdout: string
  readonly stderr: string
}

export interface Base {
  readonly lease: LeaseRecord
  /** Null when the lease has none any more. */
  readonly resource: ResourceRecord | null
}

interface AnyTask<Config> {
  readonly yard: string
  /** `<kind>/<id>/<rev>`: another one for each attempt. */
  readonly job: string
  /** 1, 2, 3 … */
  readonly attempt: number
  /** The lease's fencing token: what can check it, should. Null for a resource that no lease was granted on yet. */
  readonly token: number | null
  /** The blueprint's config as its policy's schema parsed it, of now. */
  readonly config: Config
  readonly blueprint: BlueprintRecord
  readonly resource: ResourceRecord
  /** What the resource stands on: the lease that the yard holds for it, and that lease's resource. Null = nothing. */
  readonly base: Base | null
  /** Aborted when the object is released meanwhile, the time is up, the yard is out of reach or the worker stops. */
  readonly signal: AbortSignal
  /** When the attempt has to be over, by this machine's clock. */
  readonly deadline: Date
  /** A line of the object's log: at most 500 characters; of more than 50 lines between two heartbeats some are dropped. */
  log(line: string): void
  /**
   * Runs a program, no shell in between, and resolves when it and its output have ended. It leads a process group of its
   * own, which is ended (SIGTERM, 2 s later SIGKILL) with the attempt, whatever ends that, the death of the worker
   * included. What is to live on must leave the group, as daemons do (`setsid`).
   * Throws ProgramError, TerminalError when it cannot be started, or the signal's reason.
   */
  run(argv: readonly string[], options?: ProgramOptions): Promise<ProgramResult>
  /** Sets (or with null removes) notes on the object: at most 32 keys and 4 KiB. Throws when the yard refuses. */
  annotate(set: Readonly<Record<string, string | null>>): Promise<void>
}

/** An attempt to allocate or destroy a resource. */
export interface ResourceTask<Config = JsonObject> extends AnyTask<Config> {
  readonly task: "allocate" | "destroy"
}

/** An attempt to activate or release a lease. */
export interface LeaseTask<Config = JsonObject> extends AnyTask<Config> {
  readonly task: "activate" | "release"
  readonly lease: LeaseRecord
}

export type TaskContext<Config = JsonObject> = ResourceTask<Config> | LeaseTask<Config>

/** What a blueprint can do; each function only where its policy says that there is something to do. */
export interface Work<Config = JsonObject> {
  /** Builds the resource (policy: `activatesResourcesAtOnce: false`). The details go to its holders. */
  allocate?(task: ResourceTask<Config>): Promise<Details | undefined> | Promise<void>
  /** Leaves nothing of it (policy: `cleansUpResources`). */
  destroy?(task: ResourceTask<Config>): Promise<void>
  /** Makes the resource usable for this lease (policy: `activatesLeasesAtOnce: false`). */
  activate?(task: LeaseTask<Config>): Promise<Details | undefined> | Promise<void>
  /** Leaves nothing of the lease on the resource (policy: `cleansUpLeases`). */
  release?(task: LeaseTask<Config>): Promise<void>
}

type UnparsedTask = Omit<ResourceTask, "config"> | Omit<LeaseTask, "config">

/** Work whose config type is its own business. */
export interface AnyWork {
  readonly tasks: readonly Task[]
  /** Throws what the work throws; TerminalError where the config does not fit the schema of this worker's version. */
  perform(task: UnparsedTask, config: JsonObject): Promise<Details | undefined>
}

/** A blueprint type: its policy, which the yard asks, and its work, which workers do. */
export interface Blueprint {
  readonly policy: AnyPolicy
  readonly work?: AnyWork | undefined
}

/** Throws DrydockError `bad-blueprint` when the policy needs work that is not there. */
export function defineBlueprint<Config, Demand = unknown>(blueprint: {
  readonly policy: Policy<Config, Demand>
  readonly work?: Work<Config>
}): Blueprint {
  const { policy, work } = blueprint
  const missing = neededTasks(policy).filter((task) => work?.[task] === undefined)
  if (missing.length > 0)
    throw new DrydockError(
      "bad-blueprint",
      `the blueprint type ${policy.type} says that there is something to ${missing.join(" and ")}, but its work does not do that`,
      `define work.${missing.join(", work.")}, or change its policy`,
    )
  return { policy: definePolicy(policy), work: work === undefined ? undefined : bound(policy, work) }
}

/** What a worker has to do for the objects of a blueprint. */
export function neededTasks(
  policy: Pick<
    AnyPolicy,
    "activatesResourcesAtOnce" | "activatesLeasesAtOnce" | "cleansUpResources" | "cleansUpLeases"
  >,
): readonly Task[] {
  return [
    ...(policy.activatesResourcesAtOnce ? [] : (["allocate"] as const)),
    ...(policy.cleansUpResources ? (["destroy"] as const) : []),
    ...(policy.activatesLeasesAtOnce ? [] : (["activate"] as const)),
    ...(policy.cleansUpLeases ? (["release"] as const) : []),
  ]
}

function bound<Config>(
  policy: { readonly type: string; readonly config: z.ZodType<Config> },
  work: Work<Config>,
): AnyWork {
  const tasks = TASKS.filter((task) => work[task] !== undefined)
  const perform = async (task: UnparsedTask, json: JsonObject): Promise<Details | undefined> => {
    const parsed = policy.config.safeParse(json)
    if (!parsed.success)
      throw new TerminalError(`the config does not fit this worker: ${parsed.error.issues[0]?.message ?? ""}`)
    const whole = { ...task, config: parsed.data }
    if (whole.task === "allocate" && work.allocate !== undefined)
      return (await work.allocate(whole)) ?? undefined
    if (whole.task === "activate" && work.activate !== undefined)
      return (await work.activate(whole)) ?? undefined
    if (whole.task === "destroy" && work.destroy !== undefined) await work.destroy(whole)
    else if (whole.task === "release" && work.release !== undefined) await work.release(whole)
    else throw new TerminalError(`the blueprint type ${policy.type} of this worker cannot ${task.task}`)
    return undefined
  }
  return { tasks, perform }
}

import type { Drydock, LeaseRecord, ResourceRecord } from "../../client/index.js"
import type { Running } from "../../interfaces/index.js"
import type { Call } from "../call.js"
import { CliError } from "../failure.js"
import { unknownActor } from "../find.js"
import { durationMsOf, environmentOf, idOf } from "../input.js"
import { killWhenGone, lostError } from "../lost.js"
import { onHost } from "../on-host.js"
import { passOn } from "../passed-on.js"
import { timedOut } from "../timed-out.js"
import { withYard } from "../yard.js"

/** From TERM to KILL when the program is ended. */
const KILL_AFTER_MS = 3_000

export async function exec(call: Call): Promise<number> {
  const id = idOf(call.operand(0), "lease")
  const argv = call.operands.slice(1)
  const timeoutMs = durationMsOf("timeout", call.text("timeout"))
  const env = environmentOf(call.list("env"))
  return withYard(call, async (yard) => {
    const held = await heldHost(yard, id)
    const lease = await yard.attach(id, { autoRenew: false })
    let running: Running | undefined
    const signals = passOn(call.out, {
      before: "leaving as soon as the host answers (Ctrl-C again leaves at once)",
      besides: "; the lease stays yours",
      after: "leaving",
    })
    const forget = killWhenGone(lease, () => running)
    try {
      const { exit, result } = await onHost({
        out: call.out,
        yard: yard.yard,
        ...held,
        argv,
        env,
        cwd: call.text("cwd"),
        timeoutMs,
        killAfterMs: KILL_AFTER_MS,
        signal: lease.lost,
        started: (one) => {
          running = one
          signals.started(one)
        },
      })
      if (lease.lost.aborted) throw lostError(lease, argv)
      if (result.timedOut) throw timedOut(argv, call.text("timeout"))
      call.out.event(
        { event: "exit", lease: id, code: result.exitCode, signal: result.signal },
        () => undefined,
      )
      return exit
    } catch (error) {
      throw lease.lost.aborted && !(error instanceof CliError) ? lostError(lease, argv) : error
    } finally {
      signals.ended()
      forget()
      lease.detach()
      signals.interruption.end()
    }
  })
}

/** Throws CliError `unknown-actor`, `not-active` or `lease-ended`. */
async function heldHost(
  yard: Drydock,
  id: string,
): Promise<{ readonly lease: LeaseRecord; readonly resource: ResourceRecord }> {
  const lease = await yard.get("lease", id)
  if (lease === undefined) throw await unknownActor(yard, { kind: "lease", id })
  const { to, context } = lease
  if (to === "released" || to === "broken" || to === "destroyed")
    throw new CliError("lease-ended", `lease ${id} is ${to}`, {
      why: [context.reason?.message ?? "it is over"],
      cures: [`drydock lease --type ${context.type}`],
    })
  if (to !== "active" || context.resource === null)
    throw new CliError("not-active", `lease ${id} is ${to}, not active`, {
      why: ["only an active lease has a host to run on"],
      cures: [`drydock why ${id}`],
    })
  const resource = await yard.get("resource", context.resource)
  if (resource === undefined) throw await unknownActor(yard, { kind: "resource", id: context.resource })
  return { lease, resource }
}

import type { Drydock, LeaseRecord, ResourceRecord } from "../../client/index.js"
import type { Running } from "../../interfaces/index.js"
import type { Call } from "../call.js"
import { CliError } from "../failure.js"
import { unknownActor } from "../find.js"
import { durationMsOf, environmentOf, idOf } from "../input.js"
import { interruption } from "../interruption.js"
import { killWhenGone, lostError } from "../lost.js"
import { onHost } from "../on-host.js"
import { timedOut } from "../timed-out.js"
import { withYard } from "../yard.js"

export async function exec(call: Call): Promise<number> {
  const id = idOf(call.operand(0), "lease")
  const argv = call.operands.slice(1)
  const timeoutMs = durationMsOf("timeout", call.text("timeout"))
  const env = environmentOf(call.list("env"))
  return withYard(call, async (yard) => {
    const held = await heldHost(yard, id)
    const lease = await yard.attach(id, { autoRenew: false })
    let running: Running | undefined
    const stop = interruption({ first: (name) => void running?.kill(name) })
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
        signal: lease.lost,
        started: (one) => {
          running = one
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
      forget()
      lease.detach()
      stop.end()
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

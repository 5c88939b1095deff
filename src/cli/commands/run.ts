import type { Lease } from "../../client/index.js"
import type { Running } from "../../interfaces/index.js"
import { ask, wanted } from "../asking.js"
import type { Call } from "../call.js"
import { CliError } from "../failure.js"
import { durationMsOf, durationOf, environmentOf } from "../input.js"
import { Interrupted } from "../interruption.js"
import { killWhenGone, lostError } from "../lost.js"
import { onHost, type Ran } from "../on-host.js"
import { type PassedOn, passOn } from "../passed-on.js"
import { relative, spell } from "../text.js"
import { timedOut } from "../timed-out.js"
import { placeText } from "../transition.js"
import { lastPart, startWatchdog, type Watchdog } from "../watched.js"
import { withYard } from "../yard.js"

const DEFAULT_TTL = "60s"

export async function run(call: Call): Promise<number> {
  const want = await wanted(call)
  const ttl = durationOf("ttl", call.text("ttl")) ?? DEFAULT_TTL
  const ttlMs = durationMsOf("ttl", ttl) ?? 60_000
  const { watchdogMs, graceMs, killAfterMs } = lastPart(ttlMs)
  const timeoutMs = durationMsOf("timeout", call.text("timeout"))
  const env = environmentOf(call.list("env"))
  const argv = call.operands
  const { out } = call
  return withYard(call, async (yard) => {
    const signals = passOn(out, {
      before: "giving up and releasing (Ctrl-C again leaves at once)",
      besides: " and release the lease",
      after: "releasing the lease (Ctrl-C again leaves at once and lets it run out)",
    })
    const stop = signals.interruption
    const startedMs = performance.now()
    const watchdog = startWatchdog((error) =>
      out.say(`while this drydock is suspended nobody can stop the program in time: ${error.message}`),
    )
    try {
      const lease = await ask(out, yard, {
        ...want,
        ttl,
        autoRenew: true,
        graceMs,
        signal: stop.signal,
        brief: true,
        onWarning: ({ until }) =>
          out.say(
            `lease ends ${relative(until.toISOString())}: its blueprint lets it last no longer, and the program is stopped then`,
          ),
        onRecord: ({ to, context }) => {
          if (to === "active" && context.until !== null) watchdog.allow(ttlMs - watchdogMs)
        },
      })
      const waited = spell(performance.now() - startedMs)
      const place = placeText(lease.resource.context.attributes)
      out.say(out.ce.dim(`● ${lease.id} on ${place}, token ${lease.token}, waited ${waited}`))
      out.event(
        { event: "leased", lease: lease.id, resource: lease.resource.id, token: lease.token },
        () => undefined,
      )
      const ran = await held(call, lease, signals, watchdog, {
        out,
        yard: yard.yard,
        lease: lease.record,
        resource: lease.resource,
        argv,
        env,
        cwd: call.text("cwd"),
        timeoutMs,
        killAfterMs,
      })
      if (ran.result.timedOut) throw timedOut(argv, call.text("timeout"))
      const { exitCode, signal } = ran.result
      out.event({ event: "exit", lease: lease.id, code: exitCode, signal }, () => undefined)
      return ran.exit
    } catch (error) {
      if (error instanceof Interrupted) return error.exit
      throw error
    } finally {
      watchdog.end()
      stop.end()
    }
  })
}

/** Runs the program while the lease is held, and gives the lease back whatever happens. */
async function held(
  call: Call,
  lease: Lease,
  signals: PassedOn,
  watchdog: Watchdog,
  options: Parameters<typeof onHost>[0],
): Promise<Ran> {
  let running: Running | undefined
  const forget = killWhenGone(lease, () => running)
  try {
    const ran = await onHost({
      ...options,
      signal: lease.lost,
      started: (one) => {
        running = one
        signals.started(one)
      },
    })
    if (lease.lost.aborted) throw lostError(lease, options.argv)
    return ran
  } catch (error) {
    if (lease.lost.aborted && !(error instanceof CliError)) throw lostError(lease, options.argv)
    throw error
  } finally {
    signals.ended()
    watchdog.end()
    forget()
    if (!lease.lost.aborted) {
      const progress = call.out.progress("releasing")
      await lease.release().finally(() => progress.done())
    }
  }
}

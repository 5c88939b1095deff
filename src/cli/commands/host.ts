import { loadBlueprints } from "../../blueprints/installed.js"
import type { Call } from "../call.js"
import { yardNameOf } from "../input.js"
import { aborted, interruption } from "../interruption.js"
import { serverUrl } from "../server-url.js"
import { reportJson, reportLine, serve, settled } from "../serving.js"

export async function host(call: Call): Promise<number> {
  const { out } = call
  const url = call.text("server") ?? "nats://127.0.0.1:4222"
  const yard = yardNameOf(call.text("yard"))
  const isQuiet = call.flag("quiet")
  const blueprints = await loadBlueprints(call.list("blueprints"))
  const progress = out.progress(`connecting to ${serverUrl(url)}`)
  const stop = interruption({ first: () => out.say("giving the yard back (Ctrl-C again leaves at once)") })
  let isReady = false
  const serving = await serve({
    url,
    user: call.text("user"),
    password: process.env.DRYDOCK_HOST_PASSWORD,
    yard,
    blueprints,
    report: (report) => {
      if (report.event === "role" && isReady)
        out.event({ event: "role", role: report.role, why: report.why }, () => reportLine(report))
      else if (isReady && !isQuiet && report.event !== "role" && report.event !== "journal-shortened")
        out.event({ event: "report", ...reportJson(report) }, () => reportLine(report))
    },
  }).finally(() => progress.done())
  try {
    await settled(serving.host)
    isReady = true
    const { role, name } = serving.host
    out.event({ event: "ready", nats: serverUrl(url), yard, host: name, role }, () =>
      role === "active"
        ? `${out.c.green("●")} ${name} serves yard ${yard} on ${serverUrl(url)}`
        : `${out.c.yellow("◌")} ${name} stands by for yard ${yard} on ${serverUrl(url)}; it takes over when the active host goes`,
    )
    const refusal = await Promise.race([aborted(stop.signal).then(() => undefined), serving.host.refused()])
    if (refusal !== undefined) throw refusal
  } finally {
    await serving.stop()
    stop.end()
  }
  out.event({ event: "stopped" }, () => "stopped")
  return 0
}

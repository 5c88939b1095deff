// A host as a process of its own, so that it can be killed with SIGKILL and stopped with SIGSTOP. It prints one line
// of JSON per report. `DRYDOCK_FAULT` makes it crash at a named point (src/actors/hosting/faults.ts).

import { faultsFromEnvironment } from "../../../src/actors/hosting/faults.js"
import { startHost } from "../../../src/actors/hosting/host.js"
import type { Report } from "../../../src/actors/hosting/reports.js"
import { openNatsLog } from "../../../src/actors/log/nats-log.js"
import almanacServiceHost from "../../../src/blueprints/almanac-service-host/index.js"
import { standIn } from "../../support/stand-in/blueprint.js"
import { hostOptions } from "./options.js"

const { url, user, pass, yard, name } = hostOptions.parse(JSON.parse(process.argv[2] ?? ""))

function tell(said: object): void {
  const text = JSON.stringify(said, (_, value: unknown) => (value instanceof Error ? String(value) : value))
  process.stdout.write(`${text}\n`)
}

const log = await openNatsLog({ url, user, password: pass, yard })
const host = await startHost({
  log,
  yard,
  host: name,
  policies: [almanacServiceHost, standIn().policy],
  version: "chaos",
  report: (said: Report) => tell(said),
  faults: faultsFromEnvironment(process.env),
})
process.once("SIGTERM", () => {
  void host
    .stop()
    .then(() => log.close())
    .then(() => process.exit())
})
// Whoever started it has ended.
process.stdin.resume().once("end", () => process.exit(1))
tell({ event: "started" })

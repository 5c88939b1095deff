// A worker in a process of its own, for tests that kill and stop it.
//   node --import tsx process.ts '{"servers": …, "user": …, "pass": …, "name": …, "concurrency"?: …}'
// Says `ready` and every report as a JSON line. It dies with the test: its standard input ends then.

import { openNatsWorkLink } from "../../../src/actors/log/nats-work-link.js"
import { Worker } from "../../../src/actors/worker/worker.js"
import { standIn } from "../../support/stand-in/blueprint.js"

const { servers, user, pass, name, concurrency } = JSON.parse(process.argv[2] ?? "{}")
const say = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`)
process.stdin.on("end", () => process.exit()).resume()
process.stdout.on("error", () => process.exit())

const link = await openNatsWorkLink({ url: servers, user, password: pass, yard: "default" })
const worker = new Worker({
  link,
  yard: "default",
  blueprints: [standIn()],
  name,
  concurrency,
  report: (report) => say({ ...report, ...("fault" in report ? { fault: String(report.fault) } : {}) }),
})
worker.start()
await link.flush()
say({ event: "ready" })

import { type Host, type HostOptions, startHost } from "../../src/actors/hosting/host.js"
import type { Report } from "../../src/actors/hosting/reports.js"
import type { Log } from "../../src/actors/log/log.js"
import { openNatsLog } from "../../src/actors/log/nats-log.js"
import { policies } from "./policies.js"
import { startTestServer, type TestServer, type TestServerOptions } from "./server.js"

export interface TestHost {
  readonly host: Host
  readonly log: Log
  readonly reports: Report[]
  stop(): Promise<void>
}

/** A host in this process, on a real server. */
export async function startTestHost(
  server: TestServer,
  options: Partial<HostOptions> = {},
): Promise<TestHost> {
  const { servers, user, pass } = server.hostOptions
  const yard = options.yard ?? "default"
  const log = await openNatsLog({ url: servers, user, password: pass, yard })
  const reports: Report[] = []
  const report = (said: Report) => {
    reports.push(said)
    if (process.env.DRYDOCK_TEST_REPORTS) console.error(options.host ?? "", said)
  }
  const host = await startHost({ log, yard, policies, version: "test", report, ...options })
  return {
    host,
    log,
    reports,
    async stop() {
      await host.stop()
      await log.close()
    },
  }
}

/** Server and host together, ready to serve. */
export async function startTestYard(
  options: TestServerOptions = {},
): Promise<TestHost & { server: TestServer }> {
  const server = await startTestServer(options)
  const host = await startTestHost(server)
  await host.host.active()
  return {
    ...host,
    server,
    async stop() {
      await host.stop()
      await server.stop()
    },
  }
}

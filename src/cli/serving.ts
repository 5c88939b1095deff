// A host of a yard on an open server: what `up` and `host` have in common.

import { faultsFromEnvironment } from "../actors/hosting/faults.js"
import { type Host, startHost } from "../actors/hosting/host.js"
import type { Report } from "../actors/hosting/reports.js"
import { openNatsLog } from "../actors/log/nats-log.js"
import type { Blueprint } from "../blueprints/work.js"
import type { NatsAccess } from "../nats/connect.js"
import { packageVersion } from "./package.js"
import { count, spell } from "./text.js"

export interface ServingOptions extends NatsAccess {
  readonly yard: string
  readonly blueprints: readonly Blueprint[]
  /** At least this generation of fencing tokens. */
  readonly generation?: number | undefined
  /** Of that generation the journal was once stored up to here. */
  readonly journal?: number | undefined
  /** This process has just started the server, for this yard alone. */
  readonly isServerNew?: boolean | undefined
  readonly report: (report: Report) => void
}

export interface Serving {
  readonly host: Host
  /** The host ends what is under way and gives the yard back, then the connection closes. May be called once. */
  stop(): Promise<void>
}

/** Resolves when the host takes part; it need not be active yet. Throws what connecting and the set-up throw. */
export async function serve(options: ServingOptions): Promise<Serving> {
  const { yard, blueprints, report, generation, journal, ...access } = options
  const log = await openNatsLog({ ...access, yard, name: "drydock host" })
  try {
    const host = await startHost({
      log,
      yard,
      policies: blueprints.map(({ policy }) => policy),
      version: packageVersion(),
      report,
      isServerNew: options.isServerNew ?? false,
      faults: faultsFromEnvironment(process.env),
      ...(generation === undefined ? {} : { generation }),
      ...(journal === undefined ? {} : { journal }),
    })
    return {
      host,
      stop: async () => {
        try {
          await host.stop()
        } finally {
          await log.close()
        }
      },
    }
  } catch (error) {
    await log.close()
    throw error
  }
}

const SETTLE_MS = 3_000

/**
 * Resolves when the host is active, or clearly will not be soon: another one has the yard.
 * Throws DrydockError `journal-shortened`.
 */
export async function settled(host: Host): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, SETTLE_MS)
  })
  await Promise.race([host.active(), enough]).finally(() => clearTimeout(timer))
}

/** One plain line for a person; undefined for what is no news to anybody. */
export function reportLine(report: Report): string | undefined {
  switch (report.event) {
    case "role":
      return report.role === "active" ? "this host serves the yard" : `this host stands by: ${report.why}`
    case "recovered":
      return `read ${count(report.actors, "object")} back in ${spell(report.ms)}, up to journal ${report.journal}`
    case "void-record":
      return `WARNING a message in the journal is no record (${report.seq}, ${report.subject}): ${report.why}`
    case "commands-lost":
      return `WARNING commands were lost: the queue ends at ${report.lastSeq}, the journal knows ${report.cursor}`
    case "journal-shortened":
      return `ERROR the journal ends at ${report.ends}, but ${report.known} was stored: ${report.proof}; this host serves nothing`
    case "reload":
      return `memory dropped and read back: ${report.why}`
    case "storage-full":
      return `WARNING no space left, nothing is decided until there is: ${report.why}`
    case "storage-back":
      return "there is space again"
    case "clock-jump":
      return `WARNING the server's clock ran ${spell(report.aheadMs)} ahead: nothing is decided; set the clock right and restart`
    case "queue-raised":
      return `the command queue may hold ${count(report.maxMessages, "message")} now`
    case "internal-fault":
      return `ERROR command ${report.command} met a mistake in Drydock and was refused: ${faultText(report.fault)}`
    case "trouble":
      return `trouble while ${report.doing}: ${faultText(report.fault)}`
  }
}

/** As JSON: errors become their message. */
export function reportJson(report: Report): object {
  return "fault" in report ? { ...report, fault: faultText(report.fault) } : report
}

function faultText(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault)
}

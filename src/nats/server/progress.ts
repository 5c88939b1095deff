/** What happens on the way to a running server, for whoever shows it. */
export type ProgressEvent =
  /** A nats-server of the machine is passed over. */
  | { readonly stage: "too-old"; readonly path: string; readonly version: string; readonly least: string }
  /** A step of a fetch begins, in words. */
  | { readonly stage: "fetching"; readonly what: string }
  /** How far a download is: a share from 0 to 1, or bytes while the size is not known. */
  | { readonly stage: "downloading"; readonly what: string; readonly share?: number; readonly bytes?: number }
  /** One way to fetch failed and the next is tried. */
  | { readonly stage: "fetch-failed"; readonly what: string; readonly reason: string }
  | { readonly stage: "fetched"; readonly path: string; readonly version: string }
  /** The server of an earlier run on this store is still ending. */
  | { readonly stage: "waiting-for-old-server"; readonly pid: number }
  | { readonly stage: "starting"; readonly version: string }

/** Called synchronously; must not throw. */
export type Progress = (event: ProgressEvent) => void

export const silent: Progress = () => {}

/** One plain line for a person. */
export function progressLine(event: ProgressEvent): string {
  switch (event.stage) {
    case "too-old":
      return `nats-server ${event.version} (${event.path}) is too old, ${event.least} is needed: looking further`
    case "fetching":
      return event.what
    case "downloading":
      if (event.share !== undefined) return `${event.what}: ${Math.round(event.share * 100)} %`
      return `${event.what}: ${((event.bytes ?? 0) / 1e6).toFixed(1)} MB`
    case "fetch-failed":
      return `${event.what} failed: ${event.reason}`
    case "fetched":
      return `nats-server ${event.version} is in ${event.path}`
    case "waiting-for-old-server":
      return `waiting for the nats-server of the run before (pid ${event.pid}) to end`
    case "starting":
      return `starting nats-server ${event.version}`
  }
}

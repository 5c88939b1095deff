/** What happens on the way to a running server, for whoever shows it. */
export type ProgressEvent =
  /** A nats-server of the machine is passed over. */
  | { readonly stage: "too-old"; readonly path: string; readonly version: string; readonly least: string }
  /** One step of a fetch, in words. */
  | { readonly stage: "fetching"; readonly what: string }
  /** Bytes of a download so far; `total` only when it is known. */
  | { readonly stage: "downloading"; readonly what: string; readonly bytes: number; readonly total?: number }
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
    case "downloading": {
      const done = (event.bytes / 1e6).toFixed(1)
      return event.total === undefined
        ? `${event.what}: ${done} MB`
        : `${event.what}: ${done} of ${(event.total / 1e6).toFixed(1)} MB`
    }
    case "fetched":
      return `nats-server ${event.version} is in ${event.path}`
    case "waiting-for-old-server":
      return `waiting for the nats-server of the run before (pid ${event.pid}) to end`
    case "starting":
      return `starting nats-server ${event.version}`
  }
}

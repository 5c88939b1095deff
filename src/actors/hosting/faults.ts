// Where a host can be made to crash, for tests only: `DRYDOCK_FAULT=after-append:3` kills the process, without any
// farewell, the third time it comes by the point after an append was acknowledged. `before-append:3:SIGSTOP` makes it
// fall asleep there instead: whoever wakes it sees it go on from that very point.

export const FAULT_POINTS = [
  "claimed",
  "recovered",
  "decided",
  "before-append",
  "after-append",
  "before-outcome",
  "after-outcome",
  "before-send",
  "after-send",
  "timer",
  "before-purge",
  "before-forget",
  "after-forget",
] as const
export type FaultPoint = (typeof FAULT_POINTS)[number]
export type Faults = (point: FaultPoint) => void

export const noFaults: Faults = () => {}

/** Reads `DRYDOCK_FAULT`; does nothing when it is not set. */
export function faultsFromEnvironment(env: { readonly [name: string]: string | undefined }): Faults {
  const [point, count, signal] = (env.DRYDOCK_FAULT ?? "").split(":")
  if (point === undefined || !FAULT_POINTS.some((known) => known === point)) return noFaults
  let left = Number(count ?? "1")
  return (passed) => {
    if (passed !== point || --left > 0) return
    process.kill(process.pid, signal === "SIGSTOP" ? "SIGSTOP" : "SIGKILL")
  }
}

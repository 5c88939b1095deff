/** What a load process is told to do. */
export interface LoadOrder {
  readonly url: string
  readonly yard: string
  /** Closed loops. */
  readonly clients: number
  readonly warmUpMs: number
  readonly measureMs: number
  /** Whether leases may have to wait: then the events of leases are listened to as well. */
  readonly contended: boolean
  /** Letters and digits that make the lease ids of this run its own. */
  readonly run: string
}

/** What it measured. Latencies from the publish of the request to the outcome or event that says active. */
export interface LoadReport {
  readonly cycles: number
  readonly seconds: number
  readonly cyclesPerSecond: number
  readonly acquireP50Ms: number
  readonly acquireP99Ms: number
  readonly acquireMaxMs: number
  readonly releaseP50Ms: number
  /** Leases that were not active at once. */
  readonly waited: number
  readonly failures: number
  readonly firstFailure: string | null
  /** CPU time of the load process, microseconds per cycle. */
  readonly cpuUsPerCycle: number
}

/** A line of a load process. */
export type LoadLine =
  | { readonly event: "measuring" | "measured" }
  | { readonly event: "report"; readonly report: LoadReport }

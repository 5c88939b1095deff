// Every header that nats-server 2.15 knows, with values that would do harm if it obeyed. Taken from the strings of the
// server itself; `Drydock-*` are ours.

const INTERNAL = "drydock.default.internal.lease.L1.acquire.allocator"
const JOURNAL = "drydock.default.journal.lease.L1"

type Headers = readonly (readonly [string, string])[]

const ONE_BY_ONE: { readonly [name: string]: readonly string[] } = {
  "Nats-Msg-Id": ["1.0", "", "x".repeat(3_000)],
  "Nats-Expected-Stream": ["DRYDOCK_DEFAULT_COMMANDS", "DRYDOCK_DEFAULT_JOURNAL", "*"],
  "Nats-Expected-Last-Sequence": ["0", "1", "-1", "18446744073709551615", "x"],
  "Nats-Expected-Last-Subject-Sequence": ["0", "1", "-1", "x"],
  "Nats-Expected-Last-Subject-Sequence-Subject": [INTERNAL, JOURNAL, ">", "drydock.default.command.>"],
  "Nats-Expected-Last-Msg-Id": ["x", ""],
  "Nats-Rollup": ["all", "sub", "ALL"],
  "Nats-Msg-Size": ["0", "999999999"],
  "Nats-TTL": ["1s", "1", "never", "-1"],
  "Nats-Marker-Reason": ["MaxAge", "Purge", "Remove"],
  "Nats-Response-Type": ["batch"],
  "Nats-Incr": ["1", "-1", "+99999999999999999999"],
  "Nats-Counter-Sources": ['{"DRYDOCK_DEFAULT_JOURNAL":{"x":"1"}}'],
  "Nats-Schedule": ["@at 2020-01-01T00:00:00Z", "@every 1s", "* * * * * *"],
  "Nats-Schedule-TTL": ["1s"],
  "Nats-Schedule-Target": [INTERNAL, JOURNAL],
  "Nats-Schedule-Source": [INTERNAL, JOURNAL],
  "Nats-Schedule-Time-Zone": ["UTC"],
  "Nats-Schedule-Rollup": ["sub"],
  "Nats-Schedule-Next": ["purge", "2020-01-01T00:00:00Z"],
  "Nats-Scheduler": [INTERNAL],
  "Nats-Batch-Id": ["b1"],
  "Nats-Batch-Sequence": ["1", "0", "x"],
  "Nats-Batch-Commit": ["1", "eob"],
  "Nats-Fast-Batch-Id": ["b1"],
  "Nats-Required-Api-Level": ["0", "99"],
  "Nats-Stream": ["DRYDOCK_DEFAULT_JOURNAL"],
  "Nats-Stream-Source": ["DRYDOCK_DEFAULT_JOURNAL 1 > > drydock.default.journal.lease.L1"],
  "Nats-Stream-Identity": ["DRYDOCK_DEFAULT_JOURNAL"],
  "Nats-Subject": [JOURNAL, INTERNAL],
  "Nats-Sequence": ["1"],
  "Nats-Last-Sequence": ["0"],
  "Nats-UpTo-Sequence": ["1"],
  "Nats-Num-Pending": ["0"],
  "Nats-Time-Stamp": ["2020-01-01T00:00:00Z"],
  "Nats-Last-Consumer": ["1"],
  "Nats-Last-Stream": ["1"],
  "Nats-Consumer-Stalled": [JOURNAL],
  "Nats-Pending-Messages": ["1"],
  "Nats-Pending-Bytes": ["1"],
  "Nats-Pin-Id": ["x"],
  "Nats-Wrong-Pin-Id": ["x"],
  "Nats-Request-Info": ['{"acc":"YARD","user":"host"}'],
  "Nats-Server-Xkey": ["x"],
  "Nats-No-Masking": ["1"],
  "Nats-Service-Error": ["x"],
  "Nats-Service-Error-Code": ["500"],
  "Nats-Trace-Dest": [INTERNAL, JOURNAL, "$JS.API.STREAM.PURGE.DRYDOCK_DEFAULT_JOURNAL"],
  "Nats-Trace-Only": ["true"],
  "Nats-Trace-Hop": ["1"],
  "Nats-Trace-Origin-Account": ["YARD"],
  "KV-Operation": ["PURGE", "DEL"],
  traceparent: ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
  Status: ["100", "503"],
  "Drydock-Id": [JOURNAL, "a.b", ">", "*", "", "x".repeat(100)],
  "Drydock-Cause": ["1.0"],
  "Drydock-Sent": ["999999"],
}

const TOGETHER: readonly Headers[] = [
  [
    ["Nats-Schedule", "@at 2020-01-01T00:00:00Z"],
    ["Nats-Schedule-Target", INTERNAL],
  ],
  [
    ["Nats-Schedule", "@every 1s"],
    ["Nats-Schedule-Target", JOURNAL],
    ["Nats-Schedule-Source", INTERNAL],
    ["Nats-Schedule-TTL", "1s"],
    ["Nats-Rollup", "sub"],
  ],
  [
    ["Nats-Scheduler", "drydock.default.command.lease.L1.request.mallory"],
    ["Nats-Schedule-Next", "purge"],
  ],
  [
    ["Nats-Rollup", "all"],
    ["Nats-TTL", "1s"],
  ],
  [
    ["Nats-Batch-Id", "b2"],
    ["Nats-Batch-Sequence", "1"],
    ["Nats-Batch-Commit", "1"],
  ],
  [
    ["Nats-Batch-Id", "b3"],
    ["Nats-Batch-Sequence", "1"],
    ["Nats-Batch-Commit", "eob"],
    ["Nats-Rollup", "all"],
  ],
  [
    ["Nats-Expected-Last-Subject-Sequence", "0"],
    ["Nats-Expected-Last-Subject-Sequence-Subject", JOURNAL],
  ],
  [
    ["Nats-Trace-Dest", INTERNAL],
    ["Nats-Trace-Only", "true"],
  ],
  [
    ["Nats-Incr", "1"],
    ["Nats-Counter-Sources", "{}"],
  ],
  [
    ["Nats-Marker-Reason", "MaxAge"],
    ["Nats-TTL", "never"],
    ["Nats-Rollup", "sub"],
  ],
  [
    ["Nats-Rollup", "sub"],
    ["Nats-Rollup", "all"],
  ],
]

export const HOSTILE_HEADERS: readonly Headers[] = [
  ...Object.entries(ONE_BY_ONE).flatMap(([name, values]) => values.map((value): Headers => [[name, value]])),
  // Names are matched exactly by some servers' code and without case by other code.
  ...Object.entries(ONE_BY_ONE).flatMap(([name, values]) =>
    values.map((value): Headers => [[name.toLowerCase(), value]]),
  ),
  ...TOGETHER,
]

// Commands by which people use resources.

import type { CommandSpec } from "../spec.js"
import { LEASE, LEASES, PROGRAM, REASON, WANT, YES } from "./shared-options.js"

export const USE: readonly CommandSpec[] = [
  {
    name: "run",
    group: "Use",
    impact: "writes",
    connects: true,
    summary: "Lease a host, run a program on it, release it",
    details: `The program's input and output are yours, and so is its exit code. The lease is renewed while it runs.
When the lease is lost, the program and all its children are stopped before anybody else can have the host (exit 79).
The program sees DRYDOCK_LEASE, DRYDOCK_RESOURCE, DRYDOCK_TOKEN (and DRYDOCK_FENCE, the same number), DRYDOCK_YARD and
DRYDOCK_UNTIL. Ctrl-C is the program's; a second one ends it and releases the lease, a third leaves at once and lets the
lease run out.`,
    arguments: [PROGRAM],
    options: [
      ...WANT,
      {
        flags: "--ttl <duration>",
        text: "how long the host is kept after this program dies without a word",
        shownDefault: "60s",
      },
      { flags: "--cwd <folder>", text: "where to run it on the host" },
      { flags: "--env <name=value>", text: "set in the program's environment", repeats: true },
      { flags: "--timeout <duration>", text: "stop the program after this time" },
    ],
    examples: [
      { line: "drydock run --type host -- uname -a", text: "the output and the exit code of uname" },
      {
        line: "drydock run --type host --wait 10m -- make test",
        text: "give up after ten minutes of waiting",
      },
      {
        line: "drydock run --type host -- sh -c 'echo $DRYDOCK_TOKEN'",
        text: "the token to guard what it writes",
      },
    ],
    load: async () => (await import("../commands/run.js")).run,
  },
  {
    name: "lease",
    group: "Use",
    impact: "writes",
    connects: true,
    summary: "Ask for resources and wait until they are yours",
    details: `stdout gets the ids of the leases, one a line; what happens meanwhile goes to stderr. The leases stay yours until
you release them or their time ends. Ctrl-C while waiting releases whatever this command asked for.
Exit 78 when it can never be served, 75 when the waiting ended first.`,
    options: [
      ...WANT,
      {
        flags: "--ttl <duration>",
        text: "how long, from the moment that it is yours",
        shownDefault: "until released",
      },
      { flags: "--until <time>", text: "until when (ISO 8601); also ends the waiting" },
      { flags: "--count <number>", text: "how many", shownDefault: "1" },
      { flags: "--no-wait", text: "only ask; do not wait" },
    ],
    examples: [
      { line: "drydock lease --type host --ttl 30m", text: "a host for half an hour" },
      { line: "drydock lease --type host --count 3 --wait 5m", text: "three, or none after five minutes" },
      { line: "L=$(drydock lease --type host) && drydock exec $L -- uptime", text: "in a script" },
      { line: `drydock lease --type host --attributes '{"service":"pool"}'`, text: "with attributes" },
    ],
    load: async () => (await import("../commands/lease.js")).lease,
  },
  {
    name: "exec",
    group: "Use",
    impact: "writes",
    connects: true,
    summary: "Run a program on a host that you hold",
    details: `Input, output and exit code are the program's. The lease is neither renewed nor released. When it ends meanwhile,
the program is stopped (exit 79). Ctrl-C is the program's; a second one ends it.`,
    arguments: [LEASE, PROGRAM],
    options: [
      { flags: "--cwd <folder>", text: "where to run it on the host" },
      { flags: "--env <name=value>", text: "set in the program's environment", repeats: true },
      { flags: "--timeout <duration>", text: "stop the program after this time" },
    ],
    examples: [
      { line: "drydock exec ada_x7 -- uname -a", text: "on the host of lease ada_x7" },
      { line: "tar c . | drydock exec ada_x7 -- tar x -C /tmp/w", text: "with input" },
    ],
    load: async () => (await import("../commands/exec.js")).exec,
  },
  {
    name: "renew",
    group: "Use",
    impact: "writes",
    connects: true,
    summary: "Keep leases longer, counted from now",
    arguments: [{ ...LEASES, required: true }],
    options: [
      { flags: "--ttl <duration>", text: "how long from now", shownDefault: "as it was asked for" },
      { flags: "--until <time>", text: "until when (ISO 8601)" },
    ],
    examples: [{ line: "drydock renew ada_x7 --ttl 2h", text: "two hours from now" }],
    load: async () => (await import("../commands/renew.js")).renew,
  },
  {
    name: "release",
    group: "Use",
    impact: "writes",
    connects: true,
    summary: "Give leases back, waiting ones too",
    arguments: [LEASES],
    options: [{ flags: "--all", text: "all leases that you hold or wait for" }, REASON, YES],
    examples: [
      { line: "drydock release ada_x7", text: "one" },
      { line: "drydock release --all", text: "all of mine; asks first" },
    ],
    load: async () => (await import("../commands/release.js")).release,
  },
]

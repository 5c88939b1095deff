// Commands that only read.

import type { CommandSpec } from "../spec.js"

const ACTOR = {
  name: "kind/id",
  text: "for example lease/ada_x7; a bare id is looked for",
  required: true,
  completes: "actor",
} as const

export const LISTS = [
  "leases",
  "resources",
  "blueprints",
  "services",
  "devices",
  "networks",
  "slots",
] as const

export const LOOK: readonly CommandSpec[] = [
  {
    name: "ls",
    group: "Look",
    impact: "reads",
    connects: true,
    summary: `List ${LISTS.join(", ")}`,
    arguments: [
      {
        name: "what",
        text: "what to list (default: leases)",
        required: false,
        choices: LISTS,
        completes: LISTS,
      },
    ],
    options: [
      { flags: "--state <state>", text: "only in this state" },
      { flags: "--type <type>", text: "only of this type", completes: "type" },
      { flags: "--blueprint <id>", text: "only of this blueprint", completes: "blueprint" },
      { flags: "--resource <id>", text: "only leases on this resource", completes: "resource" },
      { flags: "--prefix <text>", text: "only slots whose key begins so" },
      { flags: "--stuck", text: "only what waits for somebody: quarantined, suspended, asked for" },
      { flags: "-a, --all", text: "also what has ended" },
      { flags: "--limit <number>", text: "at most this many", shownDefault: "1000" },
      { flags: "-q, --quiet", text: "ids only" },
    ],
    examples: [
      { line: "drydock ls", text: "leases that live" },
      { line: "drydock ls resources --type host", text: "hosts" },
      { line: "drydock ls leases --state pending --json", text: "who waits, for a program" },
    ],
    load: async () => (await import("../commands/ls.js")).ls,
  },
  {
    name: "show",
    group: "Look",
    impact: "reads",
    connects: true,
    summary: "Everything about one object: state, holder, slots, commands, history",
    arguments: [ACTOR],
    examples: [
      { line: "drydock show lease/ada_x7", text: "a lease" },
      { line: "drydock show ada_x7", text: "the same, when the id is not ambiguous" },
    ],
    load: async () => (await import("../commands/show.js")).show,
  },
  {
    name: "why",
    group: "Look",
    impact: "reads",
    connects: true,
    summary: "Why a lease waits, and what would help",
    details: "Without an id: your newest lease that waits.",
    arguments: [{ name: "lease", text: "id of a lease", required: false, completes: "lease" }],
    examples: [{ line: "drydock why ada_x7", text: "its place in the queue, and every blueprint's answer" }],
    load: async () => (await import("../commands/why.js")).why,
  },
  {
    name: "watch",
    group: "Look",
    impact: "reads",
    connects: true,
    summary: "Show what happens, as it happens",
    details: "No event is missed, also across a lost connection. Ends with Ctrl-C.",
    arguments: [
      { name: "kind/id", text: "only this kind, or this object", required: false, completes: "actor" },
    ],
    options: [
      { flags: "--after <sequence>", text: "begin after this journal sequence", shownDefault: "now" },
    ],
    examples: [
      { line: "drydock watch", text: "everything" },
      { line: "drydock watch lease", text: "leases" },
      { line: "drydock watch lease/ada_x7 --after 0 --json", text: "the whole life of one, as JSON lines" },
    ],
    load: async () => (await import("../commands/watch.js")).watch,
  },
  {
    name: "log",
    group: "Look",
    impact: "reads",
    connects: true,
    summary: "What happened, in words: every transition, wait, attempt, failure and decision",
    details: `One line for each thing that happened, oldest first; docs/log.md tells the types. Heartbeats only when their type is
asked for. With --follow it goes on, also across a lost connection, until Ctrl-C.`,
    arguments: [
      { name: "kind/id", text: "only this kind, or this object", required: false, completes: "actor" },
    ],
    options: [
      { flags: "--since <time>", text: "not before: a duration ago (1h) or a time (ISO 8601)" },
      { flags: "--until <time>", text: "only before: a duration ago, or a time" },
      {
        flags: "--type <type>",
        text: "only of this type, for example lease.reacquire, or all types that begin so",
        repeats: true,
        completes: "log-type",
      },
      { flags: "-f, --follow", text: "go on with what happens" },
      { flags: "--limit <number>", text: "the newest so many of what was", shownDefault: "1000" },
    ],
    examples: [
      { line: "drydock log lease/ada_x7", text: "the life of one lease" },
      { line: "drydock log --since 1h --type resource.activation-failure", text: "which builds failed" },
      { line: "drydock log --follow --limit 20 --json", text: "the last 20, then what comes, as JSON lines" },
    ],
    load: async () => (await import("../commands/log.js")).log,
  },
  {
    name: "commands",
    group: "Look",
    impact: "reads",
    connects: true,
    summary: "The command queue of one object: what waits, and what became of the rest",
    arguments: [ACTOR],
    examples: [{ line: "drydock commands lease/ada_x7", text: "" }],
    load: async () => (await import("../commands/commands.js")).commands,
  },
  {
    name: "status",
    group: "Look",
    impact: "reads",
    connects: true,
    summary: "Whether the yard is served, by whom, and how far it is",
    examples: [{ line: "drydock status --json", text: "for a health check: exit 69 when nobody serves it" }],
    load: async () => (await import("../commands/status.js")).status,
  },
]

// Options that many commands take, written once.

import type { ArgumentSpec, OptionSpec } from "../spec.js"

export const EVERYWHERE: readonly OptionSpec[] = [
  { flags: "--json", text: "print JSON: one document, or JSON lines for what goes on" },
  {
    flags: "--color <when>",
    text: "colours on the terminal",
    choices: ["auto", "always", "never"],
    shownDefault: "auto, and NO_COLOR is obeyed",
  },
]

export const CONNECTING: readonly OptionSpec[] = [
  {
    flags: "--server <url>",
    text: "the NATS server",
    env: "DRYDOCK_NATS_URL",
    shownDefault: "the running `drydock up` of this folder",
  },
  { flags: "--yard <name>", text: "the yard", env: "DRYDOCK_YARD", shownDefault: "default" },
  {
    flags: "--as <principal>",
    text: "who speaks",
    env: "DRYDOCK_PRINCIPAL",
    shownDefault: "your user name",
  },
  {
    flags: "--store <folder>",
    text: "the folder of the `drydock up` to talk to",
    env: "DRYDOCK_STORE",
    shownDefault: "./.drydock",
    completes: "folder",
  },
]

export const WANT: readonly OptionSpec[] = [
  { flags: "--type <type>", text: "what kind of resource, for example host", completes: "type" },
  {
    flags: "--attributes <json>",
    text: "a JSON object, or @file, or - for stdin",
    completes: "file",
  },
  {
    flags: "--blueprint <id>",
    text: "only from this blueprint; several in order of preference",
    repeats: true,
    completes: "blueprint",
  },
  { flags: "--wait <duration>", text: "give up waiting after this time (exit 75)", shownDefault: "for ever" },
]

export const BLUEPRINTS: OptionSpec = {
  flags: "--blueprints <file>",
  text: "a blueprint type of your own: an ES module; may be given several times",
  repeats: true,
  completes: "file",
}

export const REASON: OptionSpec = { flags: "--reason <text>", text: "kept in the object's history" }

export const YES: OptionSpec = { flags: "-y, --yes", text: "do not ask" }

export const LEASES: ArgumentSpec = {
  name: "lease...",
  text: "ids of leases",
  required: false,
  completes: "lease",
}
export const LEASE: ArgumentSpec = {
  name: "lease",
  text: "id of a lease",
  required: true,
  completes: "lease",
}
export const PROGRAM: ArgumentSpec = {
  name: "argv...",
  text: "the program and its arguments, after --",
  required: true,
  completes: "program",
}

// Commands for whoever runs the yard.

import type { ArgumentSpec, CommandSpec, Completes } from "../spec.js"
import { BLUEPRINT_LOOKS } from "./blueprints.js"
import { CARE } from "./care.js"
import { PRINCIPALS } from "./principals.js"
import { BLUEPRINTS, REASON, YES } from "./shared-options.js"

const ids = (noun: Completes & string, required = true): ArgumentSpec => ({
  name: `${noun}...`,
  text: `ids of ${noun}s`,
  required,
  completes: noun,
})

function toggles(noun: "blueprint" | "device"): readonly CommandSpec[] {
  const effect = {
    enable: "Let it give new leases again",
    disable: "Give nothing new; what is held stays held",
  }
  return (["enable", "disable"] as const).map((verb) => ({
    name: `${noun} ${verb}`,
    group: "Administer",
    impact: "writes",
    connects: true,
    summary: effect[verb],
    arguments: [ids(noun)],
    examples: [{ line: `drydock ${noun} ${verb} ${noun === "device" ? "h1" : "lab"}`, text: "" }],
    load: async () => (await import("../commands/tell.js")).tell(noun, verb),
  }))
}

function bindings(): readonly CommandSpec[] {
  const effect = {
    enable: "Let bindings of a service be used again",
    disable: "Give nothing new on bindings of a service; what is held stays held",
  }
  return (["enable", "disable"] as const).map((verb) => ({
    name: `service ${verb}`,
    group: "Administer",
    impact: "writes",
    connects: true,
    summary: effect[verb],
    arguments: [
      { name: "service", text: "id of a service", required: true, completes: "service" },
      { name: "binding...", text: "names of its bindings (default: all)", required: false },
    ],
    examples: [
      { line: `drydock service ${verb} pool h1`, text: "one binding" },
      { line: `drydock service ${verb} pool`, text: "all of them" },
    ],
    load: async () => (await import("../commands/service.js")).service(verb),
  }))
}

function removals(): readonly CommandSpec[] {
  return (["device", "service", "network"] as const).map((noun) => ({
    name: `${noun} remove`,
    group: "Administer",
    impact: "writes",
    connects: true,
    summary: "Remove it from the Almanac; `apply` brings it back",
    arguments: [ids(noun)],
    options: [YES],
    examples: [
      {
        line: `drydock ${noun} remove ${noun === "device" ? "h1" : noun === "service" ? "pool" : "lab"}`,
        text: "",
      },
    ],
    load: async () => (await import("../commands/tell.js")).remove(noun),
  }))
}

function resources(): readonly CommandSpec[] {
  const effect = {
    release: "End resources with the leases on them",
    reclaim: "End resources that nobody uses",
  }
  return (["release", "reclaim"] as const).map((verb) => ({
    name: `resource ${verb}`,
    group: "Administer",
    impact: "writes",
    connects: true,
    summary: effect[verb],
    arguments: [ids("resource")],
    options: [REASON, ...(verb === "release" ? [YES] : [])],
    examples: [{ line: `drydock resource ${verb} r3f`, text: "" }],
    load: async () => (await import("../commands/resource.js")).resource(verb),
  }))
}

export const ADMINISTER: readonly CommandSpec[] = [
  {
    name: "apply",
    group: "Administer",
    impact: "writes",
    connects: true,
    summary: "Make networks, devices, services and blueprints as YAML files say",
    details: `A file holds the maps networks, devices, services and blueprints, by id. What is the same already is left alone;
what the files do not name is not touched. When anything is wrong, every mistake is shown with its line and
nothing is applied. What the yard refuses all the same is named at the end, with what depends on it; the rest is applied.
References to what is nowhere are warned of. A blueprint may say its terms: access, maxDuration, warnBefore, resourceTtl, idle,
immunity, suspendAfter, quarantineAfter, and work with attempts, firstDelay, longestDelay, limit, silence. What it leaves out has
its default (docs/protocol.md); what it does not say any more is taken back. - reads stdin.`,
    arguments: [{ name: "file...", text: "YAML files", required: true, completes: "file" }],
    options: [{ flags: "--dry-run", text: "only show the difference" }, BLUEPRINTS],
    examples: [
      { line: "drydock apply examples/localhost.yaml --dry-run", text: "what would change" },
      { line: "drydock apply networks.yaml devices.yaml", text: "several files as one" },
      { line: "drydock apply examples/terms.yaml --dry-run", text: "a blueprint with terms" },
    ],
    load: async () => (await import("../commands/apply.js")).apply,
  },
  ...BLUEPRINT_LOOKS,
  ...toggles("blueprint"),
  ...PRINCIPALS,
  ...toggles("device"),
  ...bindings(),
  ...removals(),
  ...resources(),
  ...CARE,
  {
    name: "annotate",
    group: "Administer",
    impact: "writes",
    connects: true,
    summary: "Keep notes at a lease or a resource",
    arguments: [
      { name: "kind/id", text: "lease/ID or resource/ID", required: true, completes: "actor" },
      { name: "note...", text: "key=text, or key= with nothing to remove it", required: true },
    ],
    examples: [
      { line: `drydock annotate lease/ada_x7 build=4411 "for=bisect of issue 812"`, text: "set" },
      { line: "drydock annotate lease/ada_x7 build=", text: "remove" },
    ],
    load: async () => (await import("../commands/annotate.js")).annotate,
  },
  {
    name: "yard show",
    group: "Administer",
    impact: "reads",
    connects: true,
    summary: "How long the yard remembers what has ended, and how much that is",
    examples: [{ line: "drydock yard show --json", text: "" }],
    load: async () => (await import("../commands/yard.js")).showYard,
  },
  {
    name: "yard configure",
    group: "Administer",
    impact: "writes",
    connects: true,
    summary: "Say how long the yard remembers what has ended",
    details: `Leases and resources that are destroyed, and what was removed from the Almanac, are forgotten when they ended so
long ago: the records, the job logs in them and the history are gone, and the id can be used again. The last lease on a
resource that lives is kept. Takes effect at once; a shorter time asks before it forgets.`,
    options: [
      { flags: "--retention <duration>", text: "how long, at least", shownDefault: "as it is; 7d at first" },
      { flags: "--dry-run", text: "only tell how many would be forgotten now" },
      YES,
    ],
    examples: [
      { line: "drydock yard configure --retention 1d --dry-run", text: "what that would forget" },
      { line: "drydock yard configure --retention 1d --yes", text: "do it" },
    ],
    load: async () => (await import("../commands/yard.js")).configureYard,
  },
  {
    name: "accept-loss",
    group: "Administer",
    impact: "writes",
    connects: false,
    summary: "Go on with a yard whose journal is shorter than it was",
    details: `A host that finds its journal shortened (a store put back from an older copy, a disk that lost what it had
acknowledged) serves nothing and ends with \`journal-shortened\`. This command shows what is missing as far as is known,
asks, and raises the generation of fencing tokens. The next start decides the commands that are still queued again.
Whoever held a lease that is lost must not go on with it: its token is older than every token from now on.
Without --server it looks into the store folder, where no \`drydock up\` may run.
The password of the server's user comes from DRYDOCK_HOST_PASSWORD.`,
    options: [
      {
        flags: "--store <folder>",
        text: "the folder of the yard",
        env: "DRYDOCK_STORE",
        shownDefault: "./.drydock",
        completes: "folder",
      },
      {
        flags: "--server <url>",
        text: "a NATS server that runs already, instead of a store",
        env: "DRYDOCK_NATS_URL",
      },
      { flags: "--yard <name>", text: "the yard's name", env: "DRYDOCK_YARD", shownDefault: "default" },
      { flags: "--user <name>", text: "the server's user for hosts", env: "DRYDOCK_HOST_USER" },
      { flags: "--dry-run", text: "only show what is missing" },
      YES,
    ],
    examples: [
      { line: "drydock accept-loss --dry-run", text: "what is missing" },
      { line: "drydock accept-loss --yes && drydock up", text: "go on without it" },
      {
        line: "drydock accept-loss --server nats://nats.lab:4222 --yard ci",
        text: "on a server that runs already",
      },
    ],
    load: async () => (await import("../commands/accept-loss.js")).acceptLossOf,
  },
]

// Commands for whoever runs the yard.

import type { ArgumentSpec, CommandSpec, Completes } from "../spec.js"
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

function decisions(): readonly CommandSpec[] {
  const effect = {
    authorize: "Let a principal use a blueprint",
    decline: "Keep a principal from a blueprint",
  }
  return (["authorize", "decline"] as const).map((verb) => ({
    name: `blueprint ${verb}`,
    group: "Administer",
    impact: "writes",
    connects: true,
    summary: effect[verb],
    arguments: [
      { name: "blueprint", text: "id of a blueprint", required: true, completes: "blueprint" },
      { name: "principal", text: "who", required: true },
    ],
    examples: [{ line: `drydock blueprint ${verb} lab ci`, text: "" }],
    load: async () => (await import("../commands/tell.js")).decide(verb),
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

/** What is quarantined is stuck until somebody decides. */
function cures(): readonly CommandSpec[] {
  const about = {
    retry: {
      summary: "Try again what is stuck: a clean-up, or a resource that fails its leases",
      details: `A lease or a resource in quarantine waits for somebody (\`drydock ls resources --stuck\`). What ends is cleaned up
again; a resource that failed its leases serves again.`,
      options: [],
    },
    abandon: {
      summary: "Give up what cannot be cleaned up: its slots are free, whatever is left of it",
      details: `For what ends and cannot be taken down. Nobody looks after what is left in the world: asks first.`,
      options: [REASON, YES],
    },
  }
  return (["retry", "abandon"] as const).map((verb) => ({
    name: verb,
    group: "Administer",
    impact: "writes",
    connects: true,
    ...about[verb],
    arguments: [STUCK],
    examples: [
      { line: `drydock ${verb} resource/r3f`, text: "" },
      { line: `drydock ${verb} lease/ada_x7 resource/r3f`, text: "several" },
    ],
    load: async () => (await import("../commands/stuck.js")).stuck(verb),
  }))
}

const STUCK: ArgumentSpec = {
  name: "kind/id...",
  text: "lease/ID or resource/ID; a bare id is looked for",
  required: true,
  completes: "actor",
}

function authorizations(): readonly CommandSpec[] {
  const about = {
    approve: "Let principals use a blueprint; whoever waits for it is served",
    decline: "Keep principals from a blueprint, or take an approval back",
  }
  const decisions = (["approve", "decline"] as const).map((verb) => ({
    name: `authorization ${verb}`,
    group: "Administer" as const,
    impact: "writes" as const,
    connects: true,
    summary: about[verb],
    details: `Works whether or not they asked. Leases that are held stay held. It is on record who decided, and when.`,
    arguments: [
      { name: "blueprint", text: "id of a blueprint", required: true, completes: "blueprint" as const },
      { name: "principal...", text: "who", required: true },
    ],
    examples: [{ line: `drydock authorization ${verb} lab ada ci`, text: "" }],
    load: async () => (await import("../commands/authorization.js")).decide(verb),
  }))
  return [
    {
      name: "authorization ls",
      group: "Administer",
      impact: "reads",
      connects: true,
      summary: "Who asked to use which blueprint, and what was decided",
      options: [
        { flags: "--blueprint <id>", text: "only of this blueprint", completes: "blueprint" },
        {
          flags: "--state <state>",
          text: "only in this state",
          choices: ["requested", "authorized", "declined"],
          completes: ["requested", "authorized", "declined"],
        },
      ],
      examples: [
        { line: "drydock authorization ls", text: "all" },
        { line: "drydock authorization ls --state requested", text: "who waits for an answer" },
      ],
      load: async () => (await import("../commands/authorization.js")).authorizations,
    },
    ...decisions,
  ]
}

function blueprintLooks(): readonly CommandSpec[] {
  return [
    {
      name: "blueprint ls",
      group: "Administer",
      impact: "reads",
      connects: true,
      summary: "List blueprints: who may use them, and what keeps them from building",
      options: [
        { flags: "--state <state>", text: "only in this state", completes: ["enabled", "disabled"] },
        { flags: "--type <type>", text: "only of this type" },
        { flags: "--stuck", text: "only what waits for somebody: suspended, or asked for" },
        { flags: "--limit <number>", text: "at most this many", shownDefault: "1000" },
        { flags: "-q, --quiet", text: "ids only" },
      ],
      examples: [{ line: "drydock blueprint ls", text: "the same as `drydock ls blueprints`" }],
      load: async () => (await import("../commands/blueprint.js")).blueprints,
    },
    {
      name: "blueprint show",
      group: "Administer",
      impact: "reads",
      connects: true,
      summary: "Everything about a blueprint: terms, principals, failures, history",
      arguments: [{ name: "blueprint", text: "id of a blueprint", required: true, completes: "blueprint" }],
      examples: [{ line: "drydock blueprint show lab", text: "the same as `drydock show blueprint/lab`" }],
      load: async () => (await import("../commands/blueprint.js")).blueprint,
    },
  ]
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
References to what is nowhere are warned of. - reads stdin.`,
    arguments: [{ name: "file...", text: "YAML files", required: true, completes: "file" }],
    options: [{ flags: "--dry-run", text: "only show the difference" }, BLUEPRINTS],
    examples: [
      { line: "drydock apply examples/localhost.yaml --dry-run", text: "what would change" },
      { line: "drydock apply networks.yaml devices.yaml", text: "several files as one" },
    ],
    load: async () => (await import("../commands/apply.js")).apply,
  },
  ...blueprintLooks(),
  ...toggles("blueprint"),
  ...decisions(),
  ...authorizations(),
  ...toggles("device"),
  ...bindings(),
  ...removals(),
  ...resources(),
  {
    name: "reclaim",
    group: "Administer",
    impact: "writes",
    connects: true,
    summary: "End all resources that nobody uses",
    details: "Says of each whether it was reclaimed, or who uses it. Asks first.",
    options: [
      { flags: "--type <type>", text: "only of this type", completes: "type" },
      { flags: "--blueprint <id>", text: "only of this blueprint", completes: "blueprint" },
      { flags: "--dry-run", text: "only show which" },
      REASON,
      YES,
    ],
    examples: [
      { line: "drydock reclaim --dry-run", text: "what nobody uses" },
      { line: "drydock reclaim --blueprint lab --yes", text: "of one blueprint, without asking" },
    ],
    load: async () => (await import("../commands/reclaim.js")).reclaim,
  },
  {
    name: "drain",
    group: "Administer",
    impact: "writes",
    connects: true,
    summary: "Finish what is held, give nothing new, then end",
    details: `A resource ends after its last lease, at once when nobody uses it. A blueprint is disabled, and all its resources are
drained: \`drydock blueprint enable\` lets it build new ones.`,
    arguments: [
      {
        name: "kind/id...",
        text: "resource/ID or blueprint/ID; a bare id is looked for",
        required: true,
        completes: "actor",
      },
    ],
    options: [REASON, YES],
    examples: [
      { line: "drydock drain resource/r3f", text: "before it is repaired" },
      { line: "drydock drain blueprint/lab", text: "before the whole lab is moved; asks first" },
    ],
    load: async () => (await import("../commands/drain.js")).drain,
  },
  ...cures(),
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

// Commands about who may use a blueprint.

import type { CommandSpec } from "../spec.js"

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
    load: async () =>
      (await import("../commands/authorization.js")).decide(verb === "authorize" ? "approve" : "decline"),
  }))
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
      { name: "principal...", text: "who; blueprint/ID for what its resources stand on", required: true },
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

export const PRINCIPALS: readonly CommandSpec[] = [...decisions(), ...authorizations()]

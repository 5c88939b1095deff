// Looking at blueprints, under their own noun.

import type { CommandSpec } from "../spec.js"

export const BLUEPRINT_LOOKS: readonly CommandSpec[] = [
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

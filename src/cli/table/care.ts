// Commands for what nobody uses, what is to end, and what is stuck.

import type { ArgumentSpec, CommandSpec } from "../spec.js"
import { REASON, YES } from "./shared-options.js"

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
  completes: "stuck",
}

export const CARE: readonly CommandSpec[] = [
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
]

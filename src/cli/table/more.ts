import type { CommandSpec } from "../spec.js"

export const SHELLS = ["bash", "zsh", "fish"] as const

export const MORE: readonly CommandSpec[] = [
  {
    name: "completion",
    group: "More",
    impact: "reads",
    connects: false,
    summary: "Print the script for tab completion, live ids included",
    arguments: [{ name: "shell", text: "your shell", required: true, choices: SHELLS, completes: SHELLS }],
    examples: [
      { line: "source <(drydock completion bash)", text: "bash, in ~/.bashrc" },
      { line: "source <(drydock completion zsh)", text: "zsh, in ~/.zshrc after compinit" },
      { line: "drydock completion fish > ~/.config/fish/completions/drydock.fish", text: "fish" },
    ],
    load: async () => (await import("../commands/completion.js")).completion,
  },
  {
    name: "help",
    group: "More",
    impact: "reads",
    connects: false,
    summary: "Help for a command, an error code, exit-codes or environment",
    details:
      "`drydock help --json` prints all commands with their arguments, options and impact, for programs.",
    arguments: [
      { name: "topic...", text: "command, error code or topic", required: false, completes: "topic" },
    ],
    examples: [
      { line: "drydock help exit-codes", text: "what each exit code means" },
      { line: "drydock help no-host", text: "more about an error" },
      { line: "drydock help resource release", text: "a command" },
    ],
    load: async () => (await import("../commands/help.js")).help,
  },
  {
    name: "__complete",
    group: "More",
    impact: "reads",
    connects: true,
    hidden: true,
    summary: "Candidates for the last of these words, one a line",
    arguments: [{ name: "word...", text: "the words typed so far", required: false }],
    examples: [],
    load: async () => (await import("../commands/complete.js")).complete,
  },
]

// Asking before what cannot be taken back. Without a terminal nobody can be asked, and silence never means yes.

import { createInterface } from "node:readline"
import type { Call } from "./call.js"
import { CliError } from "./failure.js"

/** Goes on only after a yes, or with `--yes`. Throws CliError `needs-confirmation` or `cancelled`. */
export async function confirm(call: Call, question: string, what: readonly string[]): Promise<void> {
  if (call.flag("yes")) return
  if (call.out.json || process.stdin.isTTY !== true || !call.out.isConversation)
    throw new CliError("needs-confirmation", `${question} needs a yes`, {
      why: ["there is no terminal to ask, and a pipeline never means yes", ...what.slice(0, 5)],
      cures: ["add --yes"],
    })
  for (const line of what.slice(0, 20)) call.out.note(`  ${line}`)
  if (what.length > 20) call.out.note(`  … and ${what.length - 20} more`)
  const answer = await ask(call, `${question}? [y/N] `)
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError("cancelled", "nothing was changed")
}

function ask(call: Call, question: string): Promise<string> {
  call.out.prompt(question)
  return new Promise((resolve) => {
    const reader = createInterface({ input: process.stdin })
    let answer = ""
    reader.once("line", (line) => {
      answer = line
      reader.close()
    })
    reader.once("close", () => resolve(answer))
  })
}

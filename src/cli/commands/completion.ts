import type { Call } from "../call.js"
import { completionScript } from "../completion-scripts.js"
import { CliError } from "../failure.js"
import { SHELLS } from "../table/more.js"

export async function completion(call: Call): Promise<number> {
  const shell = SHELLS.find((known) => known === call.operand(0))
  if (shell === undefined)
    throw new CliError("usage", `no completion for ${JSON.stringify(call.operand(0))}`, {
      why: [`there is one for ${SHELLS.join(", ")}`],
      cures: ["drydock completion bash"],
    })
  const script = completionScript(shell)
  call.out.document({ shell, script }, () => script)
  return 0
}

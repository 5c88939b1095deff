import type { Call } from "../call.js"
import { actorOf, kindOf, numberOf } from "../input.js"
import { interruption } from "../interruption.js"
import { transitionLine } from "../transition.js"
import { withYard } from "../yard.js"

export async function watch(call: Call): Promise<number> {
  const target = call.operand(0)
  const actor =
    target === ""
      ? {}
      : target.includes("/")
        ? known(actorOf(target))
        : { kind: kindOf(target), id: undefined }
  const after = numberOf("after", call.text("after"), 0, Number.MAX_SAFE_INTEGER)
  return withYard(call, async (yard) => {
    const stop = interruption()
    call.out.say(call.out.ce.dim(`watching ${target === "" ? `yard ${yard.yard}` : target}; Ctrl-C ends it`))
    for await (const { seq, record } of yard.watch({ ...actor, after, signal: stop.signal }))
      call.out.event({ seq, record }, () => transitionLine(record, call.out.c))
    stop.end()
    return 0
  })
}

function known(actor: ReturnType<typeof actorOf>) {
  return actor.kind === undefined ? {} : { kind: actor.kind, id: actor.id }
}

// `blueprint ls` and `blueprint show`: the lists and the page of `ls` and `show`, under the noun.

import type { Call } from "../call.js"
import { idOf } from "../input.js"
import { list } from "./ls.js"
import { showActor } from "./show.js"

export function blueprints(call: Call): Promise<number> {
  return list(call, "blueprints")
}

export function blueprint(call: Call): Promise<number> {
  const id = idOf(call.operand(0), "blueprint")
  return showActor(call, () => ({ kind: "blueprint", id }))
}

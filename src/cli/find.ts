// Finds what `KIND/ID` or a bare id means.

import type { Drydock } from "../client/index.js"
import { KINDS } from "../machines/names.js"
import { CliError } from "./failure.js"
import { type Actor, actorOf } from "./input.js"
import { nearest } from "./text.js"

/** The actor that is meant. Throws CliError `unknown-actor`, or `usage` when a bare id is ambiguous. */
export async function findActor(yard: Drydock, text: string): Promise<Actor> {
  const said = actorOf(text)
  if (said.kind !== undefined) return said
  const { id } = said
  const found = await Promise.all(
    KINDS.map(async (kind) => ((await yard.get(kind, id)) === undefined ? [] : [kind])),
  )
  const [first, ...others] = found.flat()
  if (first === undefined) throw await unknownActor(yard, { kind: "lease", id }, text)
  if (others.length === 0) return { kind: first, id }
  throw new CliError("usage", `${id} is the id of several objects`, {
    why: [[first, ...others].map((kind) => `${kind}/${id}`).join(", ")],
    cures: ["write KIND/ID"],
  })
}

/** The error for an object that is not there, with ids that are spelled alike. */
export async function unknownActor(yard: Drydock, actor: Actor, shown?: string): Promise<CliError> {
  const { items } = await yard.list(actor.kind, { limit: 1_000 })
  const close = nearest(
    actor.id,
    items.map(({ id }) => id),
  )
  return new CliError(
    "unknown-actor",
    `there is no ${shown ?? `${actor.kind}/${actor.id}`} in yard ${yard.yard}`,
    {
      why:
        close.length === 0 ? [] : [`spelled alike: ${close.map((id) => `${actor.kind}/${id}`).join(", ")}`],
      cures: [`drydock ls ${actor.kind === "yard" ? "leases" : `${actor.kind}s`}`],
    },
  )
}

// Asking for leases and waiting for them: shared by `lease` and `run`. Shows every transition while it waits. Whatever
// ends the waiting - Ctrl-C, its limit, a refusal of one of several - nothing that was asked for stays behind.

import { randomInt } from "node:crypto"
import type { Drydock, Lease, LeaseOptions } from "../client/index.js"
import type { Call } from "./call.js"
import { CliError } from "./failure.js"
import { attributesOf, durationOf, idOf } from "./input.js"
import type { Output } from "./output.js"
import { nearest } from "./text.js"
import { transitionLine } from "./transition.js"
import { Waiting } from "./waiting.js"

const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
const ID_LETTERS = 10

/** Short enough to be typed, 50 bits: nobody meets it by chance. */
export function shortLeaseId(principal: string): string {
  const letters = Array.from({ length: ID_LETTERS }, () => LETTERS[randomInt(LETTERS.length)] ?? "a")
  return `${principal}_${letters.join("")}`
}

/** What the options `--type`, `--attributes`, `--blueprint` and `--wait` say. */
export async function wanted(
  call: Call,
): Promise<Pick<LeaseOptions, "type" | "attributes" | "blueprints" | "wait">> {
  const type = call.text("type")
  if (type === undefined)
    throw new CliError("usage", "say what is wanted: --type", {
      why: ["every resource has a type; that of hosts is host"],
      cures: [`drydock ${call.name} --type host`, "drydock ls blueprints              what there is"],
    })
  if (!/^[a-z0-9][a-z0-9.-]{0,63}$/.test(type))
    throw new CliError("usage", `--type: not a type: ${JSON.stringify(type.slice(0, 40))}`, {
      why: ["a type is lower-case letters, digits, dots and hyphens, at most 64"],
      cures: ["--type host"],
    })
  const blueprints = call.list("blueprint").map((text) => idOf(text, "blueprint"))
  return {
    type,
    attributes: await attributesOf(call.text("attributes")),
    blueprints: blueprints.length === 0 ? undefined : blueprints,
    wait: durationOf("wait", call.text("wait")) ?? "forever",
  }
}

export interface AskOptions extends LeaseOptions {
  /** Only say why it waits, not every transition. */
  readonly brief?: boolean
}

/** Waits for one lease, telling why it waits. Throws as `Drydock.lease`; nothing is left behind then. */
export async function ask(out: Output, yard: Drydock, options: AskOptions): Promise<Lease> {
  const { brief = false, ...request } = options
  const waiting = new Waiting(out, request.type)
  try {
    return await yard.lease({
      ...request,
      id: request.id ?? shortLeaseId(yard.principal),
      onRecord: (record) => {
        if (out.json) out.event({ event: "transition", record }, () => undefined)
        else if (!brief) out.say(transitionLine(record, out.ce))
        request.onRecord?.(record)
      },
      onWaiting: (why) => {
        if (out.json) out.event({ event: "waiting", lease: why.id, why }, () => undefined)
        else waiting.tell(why)
      },
    })
  } catch (error) {
    throw await explained(yard, request, error)
  } finally {
    waiting.end()
  }
}

/** A typo and an exhausted pool must never look alike: names the types and blueprints that there are. */
async function explained(yard: Drydock, options: LeaseOptions, error: unknown): Promise<unknown> {
  const { ClientError } = await import("../client/index.js")
  if (!(error instanceof ClientError) || error.kind !== "impossible" || error.code === "invalid") return error
  const { items } = await yard.list("blueprint", { limit: 1_000 })
  const close = (options.blueprints ?? []).flatMap((id) =>
    nearest(
      id,
      items.map((item) => item.id),
    ),
  )
  const names = items.slice(0, 8).map(({ id, context }) => `${id} (${context.type})`)
  return new CliError(error.code, error.message, {
    why: [
      names.length === 0 ? "there are no blueprints in this yard" : `blueprints here: ${names.join(", ")}`,
      ...(close.length === 0 ? [] : [`spelled alike: ${close.join(", ")}`]),
    ],
    cures: names.length === 0 ? ["drydock apply FILE"] : ["drydock ls blueprints", error.cure],
    exit: 78,
    cause: error,
  })
}

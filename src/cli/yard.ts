// How a command reaches the yard: the address from options or the environment, the connection closed whatever happens.

import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import type { ConnectOptions, Drydock } from "../client/index.js"
import type { Call } from "./call.js"
import { CliError } from "./failure.js"

/** What `drydock up` leaves in its store for clients. */
export const upFile = z.looseObject({
  nats: z.string().min(1),
  yard: z.string(),
  pid: z.number().int().positive(),
})
export type UpFile = z.output<typeof upFile>

/** Longer than another host needs to take over; who only looks should not have to wait longer for a yard without one. */
const READS_TIMEOUT_MS = 5_000

/** Like `withYard`, for commands that only read: says that it waits for an answer, and soon gives up. */
export function lookAtYard(call: Call, use: (yard: Drydock) => Promise<number>): Promise<number> {
  return withYard(
    call,
    async (yard) => {
      const progress = call.out.progress(`waiting for the answer of yard ${yard.yard}`)
      return await use(yard).finally(() => progress.done())
    },
    { timeoutMs: READS_TIMEOUT_MS },
  )
}

/** Connects, lets the command work, and closes. Throws what either throws. */
export async function withYard<Result>(
  call: Call,
  use: (yard: Drydock) => Promise<Result>,
  options: Pick<ConnectOptions, "timeoutMs" | "signal"> = {},
): Promise<Result> {
  const { connect } = await import("../client/index.js")
  const where = await address(call)
  const progress = call.out.progress("connecting to the yard")
  let yard: Drydock
  try {
    yard = await connect({ ...where, ...options, onTrouble: (error) => call.out.say(`… ${error.message}`) })
  } finally {
    progress.done()
  }
  try {
    return await use(yard)
  } finally {
    await yard.close()
  }
}

async function address(call: Call): Promise<ConnectOptions> {
  const server = call.text("server")
  const store = call.text("store")
  const said = { principal: call.text("as"), yard: call.text("yard") }
  if (server !== undefined || store === undefined) return { ...said, url: server }
  const up = await readUpFile(store)
  if (up === undefined)
    throw new CliError("no-address", `no \`drydock up\` runs on ${store}`, {
      why: [`there is no up.json in this folder`],
      cures: [`drydock up --store ${store}`, "drydock --server URL …"],
    })
  return { ...said, url: up.nats, yard: said.yard ?? up.yard }
}

/** What the `drydock up` of a store says about itself; undefined when none runs there. */
export async function readUpFile(store: string): Promise<UpFile | undefined> {
  let text: string
  try {
    text = await readFile(join(store, "up.json"), "utf8")
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR"))
      return undefined
    throw new CliError("file-unreadable", `${join(store, "up.json")} cannot be read`, { cause })
  }
  const parsed = upFile.safeParse(parseJson(text))
  return parsed.success ? parsed.data : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // A file that is being written, or was left half written: as good as none.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

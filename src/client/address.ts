// Where the yard is and who speaks: what the caller says, then the environment, then what `drydock up` wrote down.
// Nothing is guessed: a yard that is not named anywhere is an error, never a server that happens to be there.

import { readFile } from "node:fs/promises"
import { userInfo } from "node:os"
import { dirname, join, resolve } from "node:path"
import { z } from "zod"
import { isReservedPrincipal, PRINCIPAL, YARD_NAME } from "../machines/names.js"
import type { ConnectOptions } from "./drydock.js"
import { ClientError } from "./errors.js"

/** Written by `drydock up` beside its store, removed when it ends. */
const UP_FILE = join(".drydock", "up.json")

const upFile = z.looseObject({
  nats: z.string().min(1),
  yard: z.string().regex(YARD_NAME).optional(),
  pid: z.number().int().positive().optional(),
})

export interface Server {
  /** `host:port` as the NATS client takes it, several of them for a cluster. */
  readonly servers: readonly string[]
  /** Without credentials, for people. */
  readonly shown: string
  readonly user?: string
  readonly pass?: string
  readonly token?: string
}

export interface Address {
  readonly server: Server
  readonly yard: string
  readonly principal: string
}

export interface Surroundings {
  readonly env: { readonly [name: string]: string | undefined }
  readonly folder: string
  readonly userName: string
}

function surroundings(): Surroundings {
  return { env: process.env, folder: process.cwd(), userName: osUserName() }
}

/** Throws ClientError `no-address` or `invalid`. */
export async function findAddress(
  options: Pick<ConnectOptions, "url" | "yard" | "principal">,
  around: Surroundings = surroundings(),
): Promise<Address> {
  const { env } = around
  const said = options.url ?? nonEmpty(env.DRYDOCK_NATS_URL)
  const up = said === undefined ? await findUp(around.folder) : undefined
  const url = said ?? up?.nats
  if (url === undefined) throw noAddress("no yard is named here")
  const yard = options.yard ?? nonEmpty(env.DRYDOCK_YARD) ?? up?.yard ?? "default"
  const principal = options.principal ?? nonEmpty(env.DRYDOCK_PRINCIPAL) ?? principalOfUser(around.userName)
  if (!YARD_NAME.test(yard))
    throw invalid(
      `not a yard's name: ${JSON.stringify(yard)}`,
      "lower-case letters, digits and -, at most 32",
    )
  if (!PRINCIPAL.test(principal) || isReservedPrincipal(principal))
    throw invalid(
      `not a principal: ${JSON.stringify(principal)}`,
      "letters, digits and -, at most 32, and none of the yard's own names (allocator, timer, system, worker-…)",
    )
  return { server: parseServer(url), yard, principal }
}

/** The principal of an OS user: what is not in the alphabet becomes `-`. */
export function principalOfUser(userName: string): string {
  const mapped = userName
    .replaceAll(/[^A-Za-z0-9-]/g, "-")
    .replace(/^-+/, "")
    .slice(0, 32)
  if (mapped === "") return "user"
  return isReservedPrincipal(mapped) ? `user-${mapped}`.slice(0, 32) : mapped
}

/** Takes `nats://user:password@host:port`, `tls://…`, `host:port`, and lists of them with commas. */
export function parseServer(url: string): Server {
  const servers: string[] = []
  let credentials: Pick<Server, "user" | "pass" | "token"> = {}
  for (const part of url.split(",").map((text) => text.trim())) {
    let parsed: URL
    try {
      parsed = new URL(part.includes("://") ? part : `nats://${part}`)
    } catch (cause) {
      throw invalid("not an address of a NATS server", "write it as nats://host:port", { cause })
    }
    if (parsed.hostname === "") throw invalid("an address without a host", "write it as nats://host:port")
    servers.push(`${parsed.protocol}//${parsed.host}`)
    const user = decodeURIComponent(parsed.username)
    if (user !== "" && parsed.password === "") credentials = { token: user }
    else if (user !== "") credentials = { user, pass: decodeURIComponent(parsed.password) }
  }
  return { servers, shown: servers.join(","), ...credentials }
}

async function findUp(folder: string): Promise<z.output<typeof upFile> | undefined> {
  for (let here = resolve(folder); ; here = dirname(here)) {
    const file = join(here, UP_FILE)
    const text = await readOrUndefined(file)
    if (text !== undefined) return livingUp(file, text)
    if (dirname(here) === here) return undefined
  }
}

function livingUp(file: string, text: string): z.output<typeof upFile> {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (cause) {
    throw noAddress(`${file} is not JSON`, { cause })
  }
  const parsed = upFile.safeParse(content)
  if (!parsed.success) throw noAddress(`${file} does not say where the yard is`, { cause: parsed.error })
  if (parsed.data.pid !== undefined && !lives(parsed.data.pid))
    throw noAddress(`the yard that ${file} names has ended`)
  return parsed.data
}

async function readOrUndefined(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8")
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined
    if (code === "ENOENT" || code === "ENOTDIR") return undefined
    throw noAddress(`${file} cannot be read`, { cause })
  }
}

/** A process of another user counts: it refuses the question with EPERM. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

function osUserName(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run under a number that has no name.
    return process.env.USER ?? ""
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text
}

function noAddress(what: string, options?: ErrorOptions): ClientError {
  return new ClientError(
    "unavailable",
    "no-address",
    `do not know where the yard is: ${what}`,
    "start one here with `drydock up`, or set DRYDOCK_NATS_URL=nats://host:port",
    options,
  )
}

function invalid(what: string, cure: string, options?: ErrorOptions): ClientError {
  return new ClientError("impossible", "invalid", what, cure, options)
}

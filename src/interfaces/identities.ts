// Which keys an SSH connection offers, in which order, and what it says when none was taken.
// With `identityFile`: that key; the agent only when the file is encrypted, since it may hold the key unlocked.
// Without: the agent, then ~/.ssh/id_ed25519, id_ecdsa, id_rsa. No passwords, no questions, no ~/.ssh/config.

import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { AgentAuthMethod, ParsedKey, PublicKeyAuthMethod } from "ssh2"
import ssh2 from "ssh2"
import { HostError, reasonOf } from "./errors.js"
import { expandHome } from "./home.js"
import { fingerprint } from "./host-keys.js"
import type { SshTarget } from "./target.js"

const DEFAULT_FILES = ["id_ed25519", "id_ecdsa", "id_rsa"] as const

export interface Identity {
  /** For messages: where the key is from, and its fingerprint. */
  readonly described: string
  readonly method: PublicKeyAuthMethod | AgentAuthMethod
}

export interface Identities {
  readonly offered: readonly Identity[]
  /** Keys that exist but could not be offered, with the reason. */
  readonly skipped: readonly string[]
}

/** Throws HostError `identity-unusable` when the key that the target names cannot be used. */
export async function loadIdentities(
  target: SshTarget,
  username: string,
  home: string,
  env: NodeJS.ProcessEnv,
): Promise<Identities> {
  const agent = agentIdentity(username, env)
  if (target.identityFile !== undefined) {
    const file = expandHome(target.identityFile, home)
    const key = await readKey(file)
    if (typeof key !== "string") return { offered: [fileIdentity(file, key, username)], skipped: [] }
    if (key === "encrypted" && agent !== null) {
      return { offered: [agent], skipped: [`${file} (encrypted; the agent may have it)`] }
    }
    throw unusable(file, key)
  }
  const offered: Identity[] = agent === null ? [] : [agent]
  const skipped: string[] = []
  for (const name of DEFAULT_FILES) {
    const file = join(home, ".ssh", name)
    const key = await readKey(file)
    if (typeof key !== "string") offered.push(fileIdentity(file, key, username))
    else if (key !== "missing") skipped.push(`${file} (${key})`)
  }
  return { offered, skipped }
}

type Unusable = "missing" | "encrypted" | "not a private key" | "unreadable"

async function readKey(file: string): Promise<ParsedKey | Unusable> {
  let content: Buffer
  try {
    content = await readFile(file)
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT" ? "missing" : "unreadable"
  }
  const key = ssh2.utils.parseKey(content)
  if (key instanceof Error) return /encrypted/i.test(reasonOf(key)) ? "encrypted" : "not a private key"
  return key.isPrivateKey() ? key : "not a private key"
}

function unusable(file: string, why: Unusable): HostError {
  const cures: Record<Unusable, string> = {
    missing: "create it with ssh-keygen, or name another `identityFile` in the blueprint",
    encrypted: "load it into an agent (ssh-add) and set SSH_AUTH_SOCK, or use a key without a passphrase",
    "not a private key": "name the private key, not its .pub, in a format that ssh-keygen writes",
    unreadable: "give the user who connects the permission to read it",
  }
  return new HostError("identity-unusable", `the identity file ${file} is ${why}`, cures[why])
}

function fileIdentity(file: string, key: ParsedKey, username: string): Identity {
  return {
    described: `${file} (${key.type} ${fingerprint(key.getPublicSSH())})`,
    method: { type: "publickey", username, key },
  }
}

function agentIdentity(username: string, env: NodeJS.ProcessEnv): Identity | null {
  const socket = env.SSH_AUTH_SOCK
  if (socket === undefined || socket === "") return null
  return { described: `the agent at ${socket}`, method: { type: "agent", username, agent: socket } }
}

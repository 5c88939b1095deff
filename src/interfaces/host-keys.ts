// Whether the key that an SSH server shows is the host's. Checked by default; the cure of every refusal is a line that
// a person can copy.

import { createHash } from "node:crypto"
import { appendFile, mkdir, readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { HostError, reasonOf } from "./errors.js"
import { expandHome } from "./home.js"
import {
  hostName,
  judgeHostKey,
  type KnownHost,
  keyTypeOf,
  knownKeyTypes,
  parseKnownHosts,
} from "./known-hosts.js"
import type { SshTarget } from "./target.js"

/**
 * `strict`: a host whose key is not on file is refused. `accept-new`: its key is written to the file, a changed key is
 * refused. `off`: no check; anybody in between can read along and answer. Only for throw-away hosts.
 */
export type KnownHostsPolicy = "strict" | "accept-new" | "off"

const SYSTEM_FILE = "/etc/ssh/ssh_known_hosts"

/** What ssh2 offers by default, without SHA-1. */
const ALGORITHMS = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
] as const
export type HostKeyAlgorithm = (typeof ALGORITHMS)[number]

/** Like ssh-keygen shows it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`
}

export class HostKeys {
  private constructor(
    private readonly target: SshTarget,
    private readonly policy: KnownHostsPolicy,
    private readonly name: string,
    private readonly files: readonly string[],
    private readonly entries: readonly KnownHost[],
  ) {}

  /** Reads the files. A file that does not exist has no keys. Throws HostError `known-hosts-unusable`. */
  static async load(target: SshTarget, policy: KnownHostsPolicy, home: string): Promise<HostKeys> {
    const own = target.knownHostsFile
    const files = own === undefined ? [join(home, ".ssh/known_hosts"), SYSTEM_FILE] : [expandHome(own, home)]
    const name = hostName(target.address, target.port)
    if (policy === "off") return new HostKeys(target, policy, name, files, [])
    const entries = await Promise.all(files.map(async (file) => parseKnownHosts(await contentOf(file), file)))
    return new HostKeys(target, policy, name, files, entries.flat())
  }

  /** In the order to ask the server for: types that are on file come first. */
  algorithms(): HostKeyAlgorithm[] {
    const types = knownKeyTypes(this.entries, this.name)
    const isKnown = (algorithm: HostKeyAlgorithm): boolean =>
      types.includes(algorithm.startsWith("rsa-") ? "ssh-rsa" : algorithm)
    return [...ALGORITHMS.filter(isKnown), ...ALGORITHMS.filter((algorithm) => !isKnown(algorithm))]
  }

  /** Resolves when the key may be trusted. Throws HostError `host-key-…` or `known-hosts-unusable`. */
  async check(key: Buffer): Promise<void> {
    if (this.policy === "off") return
    const result = judgeHostKey(this.entries, this.name, key)
    if (result.verdict === "known") return
    const shown = `${keyTypeOf(key)} ${fingerprint(key)}`
    if (result.verdict === "revoked") {
      throw new HostError(
        "host-key-revoked",
        `${this.name} shows a key that ${place(result.entry)} has revoked: ${shown}`,
        "do not connect; ask who runs the host for its new key",
      )
    }
    if (result.verdict === "changed") throw this.changed(shown, result.entry)
    if (this.policy === "strict") throw this.unknown(shown, keyTypeOf(key))
    await this.remember(key)
  }

  private changed(shown: string, entry: KnownHost): HostError {
    return new HostError(
      "host-key-changed",
      `${this.name} shows another key than ${place(entry)} has: ${shown}; expected ${entry.keyType} ${fingerprint(entry.key)}`,
      `somebody may be listening in. If the host was set up anew, compare the fingerprint with the host's own, then: ` +
        `ssh-keygen -f ${word(entry.file)} -R ${word(this.name)}`,
    )
  }

  private unknown(shown: string, keyType: string): HostError {
    const { port } = this.target
    const type = keyType.replace(/^ssh-/, "").replace(/^ecdsa-.*/, "ecdsa")
    const address = this.target.address.replace(/^\[(.*)\]$/, "$1")
    return new HostError(
      "host-key-unknown",
      `the key of ${this.name} is not in ${this.files.join(" or ")}: ${shown}`,
      `compare the fingerprint with the host's own, then: ssh-keyscan -t ${type}${port === 22 ? "" : ` -p ${port}`} ${word(address)} ` +
        `>> ${word(this.files[0] ?? "")}; or connect with knownHosts "accept-new"`,
    )
  }

  private async remember(key: Buffer): Promise<void> {
    const [file] = this.files
    if (file === undefined) return
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      const text = await contentOf(file)
      const line = `${this.name} ${keyTypeOf(key)} ${key.toString("base64")}\n`
      await appendFile(file, text === "" || text.endsWith("\n") ? line : `\n${line}`, { mode: 0o600 })
    } catch (error) {
      if (error instanceof HostError) throw error
      throw unusable(file, error)
    }
  }
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return ""
    throw unusable(file, error)
  }
}

function unusable(file: string, cause: unknown): HostError {
  return new HostError(
    "known-hosts-unusable",
    `${file}: ${reasonOf(cause)}`,
    "mend the file's permissions, or name another one as `knownHostsFile`",
    { cause },
  )
}

function place({ file, line }: KnownHost): string {
  return `${file}:${line}`
}

/** For a command line that a person copies. */
function word(text: string): string {
  return /^[A-Za-z0-9_./:@~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

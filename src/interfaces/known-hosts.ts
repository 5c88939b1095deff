// known_hosts files (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"), read only as far as host keys need it.
// Plain, hashed (|1|salt|hash) and [host]:port names, patterns with * ? and !, comments, @revoked.
// @cert-authority lines are passed over, since ssh2 knows no host certificates.
// One rule is stricter than OpenSSH: when a host has a key on file, of whatever type, another key is *changed*, never
// *unknown*. Otherwise whoever stands in the middle would only have to offer a type that is not on file.

import { createHmac, timingSafeEqual } from "node:crypto"

export interface KnownHost {
  readonly marker: "revoked" | "cert-authority" | null
  readonly names: readonly string[]
  readonly keyType: string
  readonly key: Buffer
  readonly file: string
  /** Counted from 1. */
  readonly line: number
}

export type HostKeyVerdict =
  | { readonly verdict: "known" | "unknown" }
  | { readonly verdict: "changed" | "revoked"; readonly entry: KnownHost }

/** Lines that are no entry (malformed, another format) are passed over, as ssh does. */
export function parseKnownHosts(text: string, file: string): KnownHost[] {
  return text.split("\n").flatMap((raw, index) => {
    const fields = raw.trim().split(/[ \t]+/)
    const marker = fields[0]?.startsWith("@") ? fields.shift()?.slice(1) : null
    const [names, keyType, base64] = fields
    if (names === undefined || names === "" || names.startsWith("#")) return []
    if (keyType === undefined || base64 === undefined) return []
    if (marker !== null && marker !== "revoked" && marker !== "cert-authority") return []
    const key = Buffer.from(base64, "base64")
    if (keyTypeOf(key) !== keyType) return []
    return [{ marker, names: names.split(","), keyType, key, file, line: index + 1 }]
  })
}

/** How the files name the host: the port only when it is not 22. */
export function hostName(address: string, port: number): string {
  const bare = address.replace(/^\[(.*)\]$/, "$1").toLowerCase()
  return port === 22 ? bare : `[${bare}]:${port}`
}

export function judgeHostKey(entries: readonly KnownHost[], name: string, key: Buffer): HostKeyVerdict {
  const mine = entries.filter((entry) => entry.marker !== "cert-authority" && matches(entry.names, name))
  const revoked = mine.find((entry) => entry.marker === "revoked" && entry.key.equals(key))
  if (revoked !== undefined) return { verdict: "revoked", entry: revoked }
  const trusted = mine.filter((entry) => entry.marker === null)
  if (trusted.some((entry) => entry.key.equals(key))) return { verdict: "known" }
  const keyType = keyTypeOf(key)
  const other = trusted.find((entry) => entry.keyType === keyType) ?? trusted[0]
  return other === undefined ? { verdict: "unknown" } : { verdict: "changed", entry: other }
}

/** Types of the keys on file: the server must be asked for these first, or it may show one that nobody knows. */
export function knownKeyTypes(entries: readonly KnownHost[], name: string): string[] {
  return entries
    .filter((entry) => entry.marker === null && matches(entry.names, name))
    .map(({ keyType }) => keyType)
}

/** The type that stands in the key itself; empty when it is no key. */
export function keyTypeOf(key: Buffer): string {
  if (key.length < 4) return ""
  const length = key.readUInt32BE(0)
  return length > 64 || key.length < 4 + length ? "" : key.toString("latin1", 4, 4 + length)
}

function matches(names: readonly string[], name: string): boolean {
  const negated = names.filter((pattern) => pattern.startsWith("!"))
  if (negated.some((pattern) => matchesOne(pattern.slice(1), name))) return false
  return names.some((pattern) => !pattern.startsWith("!") && matchesOne(pattern, name))
}

function matchesOne(pattern: string, name: string): boolean {
  if (pattern.startsWith("|")) return matchesHashed(pattern, name)
  const source = [...pattern.toLowerCase()].map((character) => {
    if (character === "*") return ".*"
    return character === "?" ? "." : character.replace(/[^a-z0-9_]/, "\\$&")
  })
  return new RegExp(`^${source.join("")}$`, "s").test(name)
}

function matchesHashed(pattern: string, name: string): boolean {
  const [, version, salt, hash] = pattern.split("|")
  if (version !== "1" || salt === undefined || hash === undefined) return false
  const expected = Buffer.from(hash, "base64")
  const actual = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest()
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

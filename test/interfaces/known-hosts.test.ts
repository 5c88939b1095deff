import { execFileSync } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  hostName,
  judgeHostKey,
  type KnownHost,
  keyTypeOf,
  knownKeyTypes,
  parseKnownHosts,
} from "../../src/interfaces/known-hosts.js"

const key = (type: string, filler: string): Buffer => {
  const name = Buffer.from(type)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(name.length)
  return Buffer.concat([length, name, Buffer.from(filler)])
}
const ED = key("ssh-ed25519", "one")
const ED_OTHER = key("ssh-ed25519", "two")
const RSA = key("ssh-rsa", "three")
const line = (names: string, of: Buffer, marker = ""): string =>
  `${marker}${names} ${keyTypeOf(of)} ${of.toString("base64")}`
const read = (...lines: string[]): KnownHost[] => parseKnownHosts(lines.join("\n"), "file")
const verdict = (entries: readonly KnownHost[], name: string, shown: Buffer): string =>
  judgeHostKey(entries, name, shown).verdict

describe("a known_hosts file", () => {
  it("knows a host by its name, its address, one name of several, and whatever its case", () => {
    const entries = read(
      "# a comment",
      "",
      line("alpha,10.0.0.5", ED),
      `${line("beta", RSA)} a comment at the end`,
    )
    expect(verdict(entries, hostName("alpha", 22), ED)).toBe("known")
    expect(verdict(entries, hostName("ALPHA", 22), ED)).toBe("known")
    expect(verdict(entries, hostName("10.0.0.5", 22), ED)).toBe("known")
    expect(verdict(entries, hostName("beta", 22), RSA)).toBe("known")
    expect(verdict(entries, hostName("gamma", 22), ED)).toBe("unknown")
  })

  it("tells ports apart", () => {
    const entries = read(line("[alpha]:2222", ED), line("[::1]:2200", ED), line("::1", RSA))
    expect(verdict(entries, hostName("alpha", 2222), ED)).toBe("known")
    expect(verdict(entries, hostName("alpha", 22), ED)).toBe("unknown")
    expect(verdict(entries, hostName("::1", 2200), ED)).toBe("known")
    expect(verdict(entries, hostName("[::1]", 2200), ED)).toBe("known")
    expect(verdict(entries, hostName("[::1]", 22), RSA)).toBe("known")
  })

  it("says where the key stands that differs, the same type first", () => {
    const entries = read(line("alpha", RSA), line("alpha", ED))
    expect(judgeHostKey(entries, "alpha", ED_OTHER)).toMatchObject({
      verdict: "changed",
      entry: { line: 2, file: "file" },
    })
    expect(verdict(entries, "alpha", ED)).toBe("known")
    expect(knownKeyTypes(entries, "alpha")).toEqual(["ssh-rsa", "ssh-ed25519"])
  })

  it("takes a key of a type that is not on file for a changed one, never for an unknown one", () => {
    expect(verdict(read(line("alpha", ED)), "alpha", RSA)).toBe("changed")
  })

  it("understands patterns and exceptions from them", () => {
    const entries = read(line("*.lab.example,!bad.lab.example,10.0.0.?", ED))
    expect(verdict(entries, "h1.lab.example", ED)).toBe("known")
    expect(verdict(entries, "bad.lab.example", ED)).toBe("unknown")
    expect(verdict(entries, "10.0.0.7", ED)).toBe("known")
    expect(verdict(entries, "10.0.0.77", ED)).toBe("unknown")
    expect(verdict(entries, "h1xlab.example", ED)).toBe("unknown")
  })

  it("refuses a revoked key, even when another line trusts it", () => {
    const entries = read(line("alpha", ED), line("*", ED, "@revoked "), line("alpha", RSA))
    expect(verdict(entries, "alpha", ED)).toBe("revoked")
    expect(verdict(entries, "alpha", RSA)).toBe("known")
    expect(verdict(read(line("*", ED, "@revoked ")), "alpha", RSA)).toBe("unknown")
  })

  it("passes over certificate authorities, unknown markers and lines that are no entry", () => {
    const entries = read(
      line("alpha", ED, "@cert-authority "),
      line("alpha", ED, "@future "),
      "alpha ssh-ed25519",
      "alpha ssh-ed25519 !!!!",
      `alpha ssh-rsa ${ED.toString("base64")}`,
      "alpha 1024 35 123456789",
      "|1|broken ssh-ed25519 AAAA",
      "\u0000\u0001",
    )
    expect(verdict(entries, "alpha", ED)).toBe("unknown")
  })

  it("reads lines that end as on Windows and fields apart by tabs", () => {
    const entries = parseKnownHosts(`alpha\tssh-ed25519\t${ED.toString("base64")}\r\n`, "file")
    expect(verdict(entries, "alpha", ED)).toBe("known")
  })

  describe("that ssh-keygen has hashed", () => {
    let folder: string
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "drydock-known-"))
    })
    afterAll(() => rm(folder, { recursive: true, force: true }))

    it("is understood", async () => {
      const file = join(folder, "known_hosts")
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "key")])
      const base64 = (await readFile(join(folder, "key.pub"), "utf8")).split(" ")[1] ?? ""
      await writeFile(file, `alpha,10.0.0.5 ssh-ed25519 ${base64}\n[beta]:2222 ssh-ed25519 ${base64}\n`)
      execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" })
      const text = await readFile(file, "utf8")
      expect(text).not.toContain("alpha")
      const entries = parseKnownHosts(text, file)
      const shown = Buffer.from(base64, "base64")
      for (const name of ["alpha", "10.0.0.5", "[beta]:2222"])
        expect(verdict(entries, name, shown)).toBe("known")
      expect(verdict(entries, "beta", shown)).toBe("unknown")
      expect(verdict(entries, "alpha", ED)).toBe("changed")
    })
  })
})

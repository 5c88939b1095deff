import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { debianMirror, debianSource, unpackFromDebian } from "../../../src/nats/server/fetch-debian.js"
import { binaryVersion, isNewEnough } from "../../../src/nats/server/version.js"

const target = (fields: { readonly [name: string]: string }) =>
  Object.entries({ "Created-By": "Packages", ...fields })
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n")

describe("the machine's Debian mirror", () => {
  test("is the one whose lists say that they are Debian's own, not security, not somebody else's", () => {
    const targets = [
      target({
        "Repo-URI": "http://node.example/debian/",
        Origin: "Node",
        Label: "Node",
        Release: "bookworm",
      }),
      target({ "Repo-URI": "http://s.example/debian-security/", Origin: "Debian", Label: "Debian-Security" }),
      target({
        "Repo-URI": "http://m.example/debian/",
        Origin: "Debian",
        Label: "Debian",
        Release: "bookworm",
      }),
    ]
    expect(debianMirror(targets.join("\n\n"), "bookworm")).toBe("http://m.example/debian/")
  })

  test("is guessed by the machine's release while no list was fetched", () => {
    const targets = [
      target({ "Repo-URI": "http://other.example/apt/", Release: "bookworm" }),
      target({ "Repo-URI": "http://m.example/debian/", Release: "bookworm" }),
      target({ "Repo-URI": "http://s.example/debian-security/", Release: "bookworm-security" }),
    ]
    expect(debianMirror(targets.join("\n\n"), "bookworm")).toBe("http://m.example/debian/")
    expect(debianMirror(targets.join("\n\n"), undefined)).toBeUndefined()
  })

  test("is nothing on another distribution, or when there is only a disc", () => {
    const ubuntu = target({ "Repo-URI": "http://u.example/ubuntu/", Origin: "Ubuntu", Label: "Ubuntu" })
    expect(debianMirror(ubuntu, "noble")).toBeUndefined()
    const disc = target({ "Repo-URI": "cdrom:[Debian]/", Origin: "Debian", Label: "Debian" })
    expect(debianMirror(disc, "bookworm")).toBeUndefined()
    expect(debianMirror("", "bookworm")).toBeUndefined()
  })
})

const source = await debianSource()

describe.skipIf(source === undefined)("on this machine, which runs Debian", () => {
  test("what another key signed is refused", { timeout: 60_000 }, async () => {
    const work = await mkdtemp(join(tmpdir(), "drydock debian "))
    try {
      // A keyring without Debian's keys: every signature is then by an unknown key.
      const untrusted = { mirror: source?.mirror ?? "", keyring: "/dev/null" }
      await expect(unpackFromDebian(untrusted, work, () => {})).rejects.toThrow(
        /apt-get update ended with 100/,
      )
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  })

  test("the mirror has one that is new enough and runs", { timeout: 120_000 }, async () => {
    const work = await mkdtemp(join(tmpdir(), "drydock debian "))
    const shares: number[] = []
    try {
      if (source === undefined) throw new Error("skipped without")
      const binary = await unpackFromDebian(source, work, (event) => {
        if (event.stage === "downloading" && event.share !== undefined) shares.push(event.share)
      })
      const version = await binaryVersion(binary)
      expect(version !== undefined && isNewEnough(version)).toBe(true)
      expect(Math.max(...shares)).toBe(1)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  })
})

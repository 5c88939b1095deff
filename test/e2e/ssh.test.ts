// "Shown by" 2: a real OpenSSH server on loopback, the built command, the embedded server: from an Almanac in YAML to a
// program's output and exit code. Runs where sshd is installed.

import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startYard, type Yard } from "../cli/drydock.js"
import { hasOpenSsh, startOpenSsh, type TestSshServer } from "../interfaces/support/open-ssh.js"

describe.runIf(hasOpenSsh)("a host behind OpenSSH (needs Debian's openssh-server)", () => {
  let sshd: TestSshServer
  let yard: Yard

  beforeAll(async () => {
    sshd = await startOpenSsh()
    yard = await startYard()
    const almanac = {
      networks: { loopback: {} },
      devices: {
        box: { interfaces: { eth0: { network: "loopback", address: "127.0.0.1", port: sshd.port } } },
      },
      services: { pool: { type: "drydock.pool", bindings: { box: { device: "box", interface: "eth0" } } } },
      blueprints: {
        lab: {
          type: "almanac-service-host",
          config: {
            services: ["pool"],
            leasesPerHost: 1,
            user: sshd.user,
            identityFile: sshd.identityFile,
            knownHostsFile: sshd.knownHostsFile,
          },
        },
      },
    }
    await writeFile(join(yard.folder, "almanac.yaml"), JSON.stringify(almanac))
  })
  afterAll(async () => {
    await yard.stop()
    await yard.remove()
    await sshd.stop()
  })

  const run = (...argv: string[]) => yard.drydock(["run", "--type", "host", "--", ...argv])

  test("apply puts it into the Almanac, and a second time changes nothing", async () => {
    const first = await yard.drydock(["apply", "almanac.yaml"])
    expect(first).toMatchObject({ code: 0 })
    const { summary } = await yard.json(["apply", "almanac.yaml"])
    expect(summary).toMatchObject({ created: 0, changed: 0, unchanged: 4 })
  })

  test("run prints the program's output and returns its exit code", async () => {
    const ran = await run("uname", "-a")
    expect(ran.code).toBe(0)
    expect(ran.stdout).toMatch(/^Linux /)
    expect(await run("sh", "-c", "echo out; echo err >&2; exit 7")).toMatchObject({
      code: 7,
      stdout: "out\n",
    })
  })

  test("arguments arrive as they are", async () => {
    const odd = ["a b", "$(id)", "'", '"', "", "-n", "ü\n"]
    expect((await run("printf", "[%s]", ...odd)).stdout).toBe(odd.map((one) => `[${one}]`).join(""))
  })

  test("every lease is destroyed afterwards, and the host is free", async () => {
    const { items } = await yard.json(["ls", "leases", "--all"])
    expect((items as { to: string }[]).map(({ to }) => to)).toEqual(["destroyed", "destroyed", "destroyed"])
    const slots = await yard.drydock(["ls", "slots", "--json"])
    expect(slots.stdout).not.toContain("almanac.host.lease(")
    expect(slots.stdout).toContain("almanac.host.binding(pool/box)")
  })
})

// The main job over a real OpenSSH server: apply, run, the exit code, the lease destroyed afterwards.

import { copyFile, mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { hasOpenSsh, startOpenSsh, type TestSshServer } from "../interfaces/support/open-ssh.js"
import { startYard, type Yard } from "./drydock.js"

describe.skipIf(!hasOpenSsh)("over OpenSSH", () => {
  let ssh: TestSshServer
  let yard: Yard
  const home = () => ({ HOME: join(yard.folder, "home") })

  beforeAll(async () => {
    ssh = await startOpenSsh()
    yard = await startYard()
    await mkdir(join(yard.folder, "home", ".ssh"), { recursive: true, mode: 0o700 })
    await copyFile(ssh.knownHostsFile, join(yard.folder, "home", ".ssh", "known_hosts"))
    await writeFile(
      join(yard.folder, "ssh.yaml"),
      `
networks: { lab: {} }
devices: { h1: { interfaces: { eth0: { network: lab, address: 127.0.0.1, port: ${ssh.port} } } } }
services: { hosts: { type: drydock.pool, bindings: { h1: { device: h1, interface: eth0 } } } }
blueprints:
  lab:
    type: almanac-service-host
    config: { services: [hosts], leasesPerHost: 1, user: ${ssh.user}, identityFile: ${ssh.identityFile} }
`,
    )
    await yard.drydock(["apply", "ssh.yaml"])
  })
  afterAll(async () => {
    await yard.stop()
    await yard.remove()
    await ssh.stop()
  })

  it("runs a program, passes its output, input and exit code on, and destroys the lease", async () => {
    const uname = await yard.drydock(["run", "--type", "host", "--", "uname", "-a"], { env: home() })
    expect(uname.code, uname.stderr).toBe(0)
    expect(uname.stdout).toMatch(/^(Linux|Darwin) /)
    const cat = await yard.drydock(
      ["run", "--type", "host", "--", "sh", "-c", "cat; echo $DRYDOCK_TOKEN; exit 3"],
      {
        env: home(),
        input: "in\n",
      },
    )
    expect(cat.code).toBe(3)
    expect(cat.stdout).toMatch(/^in\n\d+\n$/)
    const { items } = await yard.json(["ls", "leases", "--all"])
    expect(JSON.stringify(items).match(/"to":"destroyed"/g)).toHaveLength(2)
  })

  it("refuses a host whose key nobody has confirmed, says how to confirm it, and releases", async () => {
    const ended = await yard.drydock(["run", "--type", "host", "--", "true"], { env: { HOME: "/nowhere" } })
    expect(ended.code).toBe(78)
    expect(ended.stderr).toContain("error host-key-unknown")
    expect((await yard.drydock(["ls", "-q"])).stdout).toBe("")
  })

  it("kills the program on the host when the lease is lost", async () => {
    const running = yard.start(["run", "--type", "host", "--json", "--", "sh", "-c", "echo $$; sleep 1000"], {
      env: home(),
    })
    const pid = Number(JSON.parse(await running.line(/"event":"stdout"/)).text)
    expect(pid).toBeGreaterThan(0)
    await yard.drydock(["release", "--all", "--yes"])
    expect((await running.ended).code).toBe(79)
    const left = await yard.drydock(
      ["run", "--type", "host", "--", "sh", "-c", `kill -0 ${pid} 2>/dev/null || echo gone`],
      {
        env: home(),
      },
    )
    expect(left.stdout).toBe("gone\n")
  })
})

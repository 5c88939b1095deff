// A real OpenSSH server on a free loopback port, run as the current user, with keys and config of its own.

import { execFileSync, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"

const SSHD = "/usr/sbin/sshd"

export const hasOpenSsh = existsSync(SSHD)

export interface TestSshServer {
  readonly port: number
  readonly user: string
  /** A key that it takes. */
  readonly identityFile: string
  /** A file with its host key. */
  readonly knownHostsFile: string
  /** Of its host key: the public half, base64. */
  readonly hostKey: string
  /** Temporary; removed by `stop`. */
  readonly folder: string
  stop(): Promise<void>
}

export function makeKey(file: string, ...options: string[]): void {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "drydock test", ...options, "-f", file])
}

export async function startOpenSsh(settings: readonly string[] = []): Promise<TestSshServer> {
  const folder = await mkdtemp(join(tmpdir(), "drydock-sshd-"))
  const port = await freePort()
  const file = (name: string): string => join(folder, name)
  makeKey(file("host"))
  makeKey(file("user"))
  await writeFile(file("authorized_keys"), await readFile(file("user.pub")), { mode: 0o600 })
  const config = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${file("host")}`,
    "PidFile none",
    `AuthorizedKeysFile ${file("authorized_keys")}`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin yes",
    ...settings, // of two the first counts
    ...(settings.some((setting) => setting.startsWith("Subsystem")) ? [] : ["Subsystem sftp internal-sftp"]),
  ]
  await writeFile(file("config"), `${config.join("\n")}\n`)
  if (userInfo().uid === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 })
  const server = spawn(SSHD, ["-D", "-e", "-f", file("config")], { stdio: ["ignore", "ignore", "pipe"] })
  const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()))
  await new Promise<void>((resolve, reject) => {
    let said = ""
    server.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text
      if (said.includes("Server listening")) resolve()
    })
    server.once("exit", () => reject(new Error(`sshd ended: ${said}`)))
  })
  const hostKey = (await readFile(file("host.pub"), "utf8")).split(" ")[1] ?? ""
  await writeFile(file("known_hosts"), `[127.0.0.1]:${port} ssh-ed25519 ${hostKey}\n`)
  return {
    port,
    user: userInfo().username,
    identityFile: file("user"),
    knownHostsFile: file("known_hosts"),
    hostKey,
    folder,
    async stop() {
      server.kill("SIGTERM")
      await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === "string") throw new Error("no port")
  return address.port
}

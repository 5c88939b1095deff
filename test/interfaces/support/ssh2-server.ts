// ssh2's own server: a host that is nothing but the protocol. It starts commands without a process group of their own,
// knows no signal requests and no OpenSSH extensions, so it shows what holds without them. Runs as this process.

import { spawn } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import type { Connection, ServerChannel } from "ssh2"
import ssh2 from "ssh2"
import type { TestSshServer } from "./open-ssh.js"
import { serveSftp } from "./sftp-server.js"

export interface Ssh2Server extends TestSshServer {
  /** Ends every connection without a word. */
  drop(): void
}

/** `shell`: what gets the command line, as a login shell does. */
export async function startSsh2Server({
  shell = "/bin/sh",
}: {
  readonly shell?: string
} = {}): Promise<Ssh2Server> {
  const folder = await mkdtemp(join(tmpdir(), "drydock-ssh2-"))
  const host = keyPair()
  const user = keyPair()
  await writeFile(join(folder, "user"), user.private, { mode: 0o600 })
  await writeFile(join(folder, "user.pub"), user.public)
  const accepted = ssh2.utils.parseKey(user.public)
  if (accepted instanceof Error) throw accepted
  const connections = new Set<Connection>()
  const server = new ssh2.Server({ hostKeys: [host.private] }, (connection) => {
    connections.add(connection)
    connection.on("close", () => connections.delete(connection))
    connection.on("error", () => undefined) // a test drops the connection
    connection.on("authentication", (attempt) => {
      if (attempt.username !== userInfo().username) return attempt.reject(["publickey"])
      if (attempt.method !== "publickey" || !attempt.key.data.equals(accepted.getPublicSSH())) {
        return attempt.reject(["publickey"])
      }
      if (attempt.signature === undefined || attempt.blob === undefined) return attempt.accept()
      return accepted.verify(attempt.blob, attempt.signature, attempt.hashAlgo) === true
        ? attempt.accept()
        : attempt.reject()
    })
    connection.on("session", (accept) => {
      const session = accept()
      session.on("exec", (acceptCommand, _reject, { command }) => execute(acceptCommand(), shell, command))
      session.on("sftp", (acceptFiles) => serveSftp(acceptFiles()))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  const { port } = address
  const hostKey = host.public.split(" ")[1] ?? ""
  await writeFile(join(folder, "known_hosts"), `[127.0.0.1]:${port} ssh-ed25519 ${hostKey}\n`)
  return {
    port,
    user: userInfo().username,
    identityFile: join(folder, "user"),
    knownHostsFile: join(folder, "known_hosts"),
    hostKey,
    folder,
    drop: () => {
      for (const connection of connections) connection.end()
    },
    async stop() {
      for (const connection of connections) connection.end()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** One in some hundred pairs that ssh2 makes cannot be read again by ssh2. */
function keyPair(): { readonly private: string; readonly public: string } {
  const pair = ssh2.utils.generateKeyPairSync("ed25519")
  const isGood = [pair.private, pair.public].every((key) => !(ssh2.utils.parseKey(key) instanceof Error))
  return isGood ? pair : keyPair()
}

function execute(channel: ServerChannel, shell: string, command: string): void {
  const child = spawn(shell, ["-c", command], { stdio: ["pipe", "pipe", "pipe"] })
  child.stdin.on("error", () => undefined) // the command reads no more
  channel.pipe(child.stdin)
  child.stdout.pipe(channel, { end: false })
  child.stderr.pipe(channel.stderr, { end: false })
  channel.on("close", () => {
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
  })
  child.on("exit", (code, signal) => {
    if (signal === null) channel.exit(code ?? 0)
    else channel.exit(signal.replace(/^SIG/, ""))
  })
  child.on("close", () => channel.end())
}

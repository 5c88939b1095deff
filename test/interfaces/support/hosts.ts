// The three kinds of host that every behaviour is tested on.

import { type ConnectOptions, connectHost, type Host, hostTarget } from "../../../src/interfaces/index.js"
import { hasOpenSsh, startOpenSsh, type TestSshServer } from "./open-ssh.js"
import { startSsh2Server } from "./ssh2-server.js"

export interface HostKind {
  readonly name: string
  readonly available: boolean
  /** Null: this machine. */
  start(): Promise<TestSshServer | null>
}

export const HOST_KINDS: readonly HostKind[] = [
  { name: "this machine", available: true, start: async () => null },
  { name: "ssh2's server", available: true, start: () => startSsh2Server() },
  { name: "OpenSSH", available: hasOpenSsh, start: () => startOpenSsh() },
]

/** Attributes as a host resource has them. */
export function attributesOf(server: TestSshServer | null): Readonly<Record<string, unknown>> {
  if (server === null) return { device: "h1", address: "127.0.0.1", port: 22, transport: "local" }
  const { port, user, identityFile, knownHostsFile } = server
  return {
    device: "h1",
    interface: "eth0",
    address: "127.0.0.1",
    port,
    transport: "ssh",
    user,
    identityFile,
    knownHostsFile,
  }
}

export function connectTo(server: TestSshServer | null, options: ConnectOptions = {}): Promise<Host> {
  return connectHost(hostTarget(attributesOf(server)), {
    env: { ...process.env, SSH_AUTH_SOCK: "" },
    ...options,
  })
}

// From a target to a logged-in SSH connection, or to one error that says which step failed and what to do.
// The socket is ours, so that an abort and a time-out end it wherever it is; ssh2 reports some failures more than once
// and some (an agent that does not answer) without ending, so the verdict falls when the connection has closed.

import { connect, type Socket } from "node:net"
import { userInfo } from "node:os"
import type { AuthenticationType, Client, NextAuthHandler } from "ssh2"
import ssh2 from "ssh2"
import { abortedError, HostError, reasonOf } from "./errors.js"
import { homeOf } from "./home.js"
import { HostKeys, type KnownHostsPolicy } from "./host-keys.js"
import { type Identities, loadIdentities } from "./identities.js"
import { SshTransport } from "./ssh.js"
import { hostLabel, type SshTarget } from "./target.js"

export interface SshConnectOptions {
  readonly signal: AbortSignal | undefined
  readonly connectTimeoutMs: number
  readonly knownHosts: KnownHostsPolicy
  readonly env: NodeJS.ProcessEnv
}

const KEEPALIVE_MS = 10_000
const KEEPALIVE_LIMIT = 3

/** Throws HostError: `host-…`, `known-hosts-unusable`, `identity-unusable`, `authentication-failed`, `handshake-failed`, `aborted`. */
export async function connectSsh(target: SshTarget, options: SshConnectOptions): Promise<SshTransport> {
  const { signal, env } = options
  const home = homeOf(env)
  const username = target.user ?? userInfo().username
  const label = hostLabel(target, username)
  const hostKeys = await HostKeys.load(target, options.knownHosts, home)
  const identities = await loadIdentities(target, username, home, env)
  if (signal?.aborted) throw abortedError(`connecting to ${label}`, signal)
  return new Attempt(target, options, label, username, hostKeys, identities).run()
}

type Stage = "reaching" | "greeting" | "login"

class Attempt {
  private readonly client: Client = new ssh2.Client()
  private readonly socket: Socket
  private readonly tried: string[] = []
  private stage: Stage = "reaching"
  private methods: readonly AuthenticationType[] = []
  /** The first that ended it; later ones are its consequences. */
  private failure: HostError | null = null

  constructor(
    private readonly target: SshTarget,
    private readonly options: SshConnectOptions,
    private readonly label: string,
    private readonly username: string,
    private readonly hostKeys: HostKeys,
    private readonly identities: Identities,
  ) {
    this.socket = connect({
      host: target.address.replace(/^\[(.*)\]$/, "$1"),
      port: target.port,
      noDelay: true,
    })
    this.tried.push(...identities.skipped.map((text) => `skipped ${text}`))
  }

  run(): Promise<SshTransport> {
    const { signal, connectTimeoutMs } = this.options
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        if (signal !== undefined) this.fail(abortedError(`connecting to ${this.label}`, signal))
      }
      const timer = setTimeout(
        () => this.fail(this.unreachable(`no answer within ${connectTimeoutMs} ms`)),
        connectTimeoutMs,
      )
      const settle = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener("abort", onAbort)
      }
      signal?.addEventListener("abort", onAbort, { once: true })
      this.socket.once("connect", () => {
        this.stage = "greeting"
      })
      this.client.on("handshake", () => {
        this.stage = "login"
      })
      this.client.on("error", (error) => this.onError(error))
      this.client.once("close", () => {
        settle()
        reject(this.failure ?? this.closedEarly())
      })
      this.client.once("ready", () => {
        settle()
        this.client.removeAllListeners("close")
        resolve(new SshTransport(this.client, this.label))
      })
      this.start()
    })
  }

  private start(): void {
    const offered = [...this.identities.offered]
    this.client.connect({
      sock: this.socket,
      username: this.username,
      readyTimeout: 0,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVE_LIMIT,
      algorithms: { serverHostKey: this.hostKeys.algorithms() },
      hostVerifier: (key: Buffer, verify: (permitted: boolean) => void) => {
        this.hostKeys.check(key).then(
          () => verify(true),
          (error: unknown) => {
            this.failure ??= error instanceof HostError ? error : this.handshakeFailed(error)
            verify(false)
          },
        )
      },
      authHandler: (
        methodsLeft: AuthenticationType[] | null,
        _partial: boolean | null,
        next: NextAuthHandler,
      ) => {
        if (methodsLeft !== null) this.methods = methodsLeft
        const identity = offered.shift()
        if (identity === undefined) return false
        this.tried.push(identity.described)
        next(identity.method)
        return undefined
      },
    })
  }

  private onError(error: Error & { readonly level?: string }): void {
    if (error.level === "agent") {
      this.tried.push(`the agent failed: ${error.message}`)
      return
    }
    if (this.stage === "reaching") this.fail(this.unreachable(error.message, error))
    else if (this.stage === "login") this.fail(this.refused(error))
    else if (error.level === "handshake") this.fail(this.handshakeFailed(error))
    else this.fail(this.unreachable(error.message, error))
  }

  private fail(error: HostError): void {
    this.failure ??= error
    this.socket.destroy()
  }

  private closedEarly(): HostError {
    if (this.stage === "login") return this.refused(new Error("the server closed the connection"))
    return this.unreachable("the server closed the connection")
  }

  private unreachable(why: string, cause?: Error): HostError {
    return new HostError(
      "host-unreachable",
      `${this.label} cannot be reached: ${why}`,
      "look whether the host runs, its sshd listens there, and the device's interface has the right address and port",
      cause === undefined ? {} : { cause },
    )
  }

  private handshakeFailed(cause: unknown): HostError {
    return new HostError(
      "handshake-failed",
      `${this.label} and this client found no common way to speak: ${reasonOf(cause)}`,
      "look whether an SSH server listens there, and whether it offers current algorithms",
      { cause },
    )
  }

  private refused(cause: Error): HostError {
    const tried = this.tried.length === 0 ? "nothing: no key was found" : this.tried.join("; ")
    const allowed = this.methods.length === 0 ? "" : `. The server takes: ${this.methods.join(", ")}`
    const key = this.target.identityFile ?? "a key of yours"
    return new HostError(
      "authentication-failed",
      `${this.label} did not let the user ${this.username} in (${cause.message}). Tried: ${tried}${allowed}`,
      `put the public part of ${key} into ~/.ssh/authorized_keys of ${this.username} on the host, or name another \`user\` or \`identityFile\` in the blueprint's config`,
      { cause },
    )
  }
}

// Everything that can go wrong on a leased host, as one class with a closed list of codes. A caller decides by
// `retryable`, never by reading a message: true means that the same call may succeed later although nobody changed
// anything (the network came back); false means that somebody has to act first, and `cure` says how.
// Messages name files, users, addresses and fingerprints; never a key, an environment value or what a command was fed.

import { DrydockError } from "../actors/error.js"

const RETRYABLE = {
  /** The attributes of the resource do not describe a host. */
  "not-a-host": false,
  /** argv, cwd, env or another option is not usable. */
  "bad-command": false,
  /** argv and env are larger than the host takes in one command. */
  "command-too-long": false,
  /** No TCP connection, no name, or no SSH answer in time. */
  "host-unreachable": true,
  /** No known_hosts file has a key of this host. */
  "host-key-unknown": false,
  /** A known_hosts file has another key of this host. */
  "host-key-changed": false,
  /** A known_hosts file says that this key must not be trusted. */
  "host-key-revoked": false,
  /** A known_hosts file cannot be read or written. */
  "known-hosts-unusable": false,
  /** Client and server have no SSH algorithm in common, or the peer does not speak SSH. */
  "handshake-failed": false,
  /** The server took none of the keys. */
  "authentication-failed": false,
  /** The key file is missing, unreadable, encrypted or no private key. */
  "identity-unusable": false,
  /** The server opens no further session (OpenSSH: MaxSessions). */
  "session-refused": true,
  /** The host has no POSIX shell or tool that is needed. */
  "host-unsupported": false,
  /** The connection ended. A command that was running is stopped by its guard; whether it had finished is unknown. */
  "connection-lost": true,
  /** The working directory cannot be entered. */
  "working-directory": false,
  /** The caller's stdin stream failed; the command was stopped. */
  "input-failed": false,
  /** The caller's stdout or stderr sink failed; the command was stopped. */
  "output-failed": false,
  /** The command outlived SIGKILL. */
  "command-unkillable": false,
  /** This transport cannot do it. */
  "not-supported": false,
  /** `close` was called before. */
  "host-closed": false,
  /** The caller's signal was aborted. */
  aborted: false,
  "file-not-found": false,
  "file-permission": false,
  "file-exists": false,
  "not-a-directory": false,
  "is-a-directory": false,
  "directory-not-empty": false,
  /** A file or a listing is larger than the limit of the call. */
  "file-too-large": false,
  /** Whatever else the file system reports. */
  "file-failed": false,
} as const

export type HostErrorCode = keyof typeof RETRYABLE

export const HOST_ERROR_CODES: readonly HostErrorCode[] = Object.keys(RETRYABLE).filter(isHostErrorCode)

function isHostErrorCode(code: string): code is HostErrorCode {
  return Object.hasOwn(RETRYABLE, code)
}

/** Whatever `connectHost`, `Host.run` and `Host.files` reject with. */
export class HostError extends DrydockError {
  override readonly name = "HostError"
  /** Whether the same call may succeed later although nobody changed anything. */
  readonly retryable: boolean

  constructor(
    override readonly code: HostErrorCode,
    message: string,
    cure: string,
    options?: ErrorOptions,
  ) {
    super(code, message, cure, options)
    this.retryable = RETRYABLE[code]
  }
}

/** The error of an aborted call; keeps the reason of the signal as cause. */
export function abortedError(what: string, signal: AbortSignal): HostError {
  return new HostError("aborted", `${what} was aborted`, "nothing: the caller asked for it", {
    cause: signal.reason,
  })
}

/** Text of anything that was thrown, for a message. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

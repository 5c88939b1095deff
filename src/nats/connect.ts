// How a process of the yard holds its connection to a NATS server: it tries again for ever, with a short back-off, and
// notices a dead connection within seconds. What was under way when it broke is the business of whoever sent it.

import { type ConnectionOptions, connect, errors, type NatsConnection } from "nats"
import { DrydockError } from "../actors/error.js"

export interface NatsAccess {
  /** `nats://[user:password@]host:port`; several for a cluster. */
  readonly url: string | readonly string[]
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Shown by the server's monitoring. Default `drydock`. */
  readonly name?: string | undefined
  /** How long the first connection may take, milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined
}

/** Pauses between attempts to connect again, milliseconds; the last one repeats for ever. */
const BACKOFF_MS = [50, 100, 200, 400, 800, 1_000] as const
/** A server that is silent for two of these is given up and dialled again. */
const PING_INTERVAL_MS = 5_000

/**
 * Connects, and stays connected: after the first success it reconnects for ever.
 * Throws DrydockError `no-server` (nobody answers), `not-authorized` (wrong user or password).
 */
export async function openConnection(access: NatsAccess): Promise<NatsConnection> {
  const { servers, user, password } = target(access)
  let attempt = 0
  const options: ConnectionOptions = {
    servers,
    name: access.name ?? "drydock",
    timeout: access.connectTimeoutMs ?? 5_000,
    maxReconnectAttempts: -1,
    // A server that comes back with other users must not end the process of a host that waits for it.
    ignoreAuthErrorAbort: true,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
    noAsyncTraces: true,
    reconnectDelayHandler: () => BACKOFF_MS[Math.min(attempt++, BACKOFF_MS.length - 1)] ?? 1_000,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
  }
  let connection: NatsConnection
  try {
    connection = await connect(options)
  } catch (error) {
    throw connectFailure(servers, error)
  }
  void resetBackoff(connection, () => {
    attempt = 0
  })
  return connection
}

async function resetBackoff(connection: NatsConnection, reset: () => void): Promise<void> {
  for await (const status of connection.status()) if (status.type === "reconnect") reset()
}

/** The client library does not read users from URLs, so it is done here. */
function target(access: NatsAccess): {
  servers: string[]
  user: string | undefined
  password: string | undefined
} {
  let { user, password } = access
  const urls = typeof access.url === "string" ? [access.url] : access.url
  const servers = urls.map((text) => {
    const withScheme = text.includes("://") ? text : `nats://${text}`
    if (!URL.canParse(withScheme)) {
      throw new DrydockError(
        "bad-url",
        `"${text}" is not the address of a NATS server.`,
        "Write it as nats://host:4222 or nats://user:password@host:4222.",
      )
    }
    const url = new URL(withScheme)
    if (url.username !== "") user ??= decodeURIComponent(url.username)
    if (url.password !== "") password ??= decodeURIComponent(url.password)
    return `${url.protocol}//${url.hostname}:${url.port === "" ? "4222" : url.port}`
  })
  return { servers, user, password }
}

function connectFailure(servers: readonly string[], error: unknown): DrydockError {
  const where = servers.join(", ")
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
    return new DrydockError(
      "not-authorized",
      `The NATS server at ${where} refuses this user.`,
      "Give the user and password of the yard's host, for example in the URL: nats://host:password@127.0.0.1:4222.",
      { cause: error },
    )
  }
  return new DrydockError(
    "no-server",
    `No NATS server answers at ${where}.`,
    "Start one with `drydock up`, or check the address and port.",
    { cause: error },
  )
}

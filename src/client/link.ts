// The connection to the server: knows whether it stands, tells when it broke and when it is back. While it is down
// nothing is published (the NATS client would drop part of it and send the rest much later); whoever wants to
// publish waits for `standing`.

import { type ConnectionOptions, connect, errors, type NatsConnection } from "nats"
import type { Address, Server } from "./address.js"
import { ClientError } from "./errors.js"
import { pause } from "./pause.js"

const CONNECT_MS = 5_000
const RECONNECT_MS = 100
const RECONNECT_JITTER_MS = 200
/** A server that says nothing for three of these is taken for gone. */
const PING_MS = 5_000

export class Link {
  #standing = true
  #closed = false
  readonly #onBack = new Set<() => void>()
  readonly #onChange = new Set<() => void>()

  private constructor(
    readonly nats: NatsConnection,
    readonly shown: string,
    private readonly trouble: (error: Error) => void,
  ) {
    this.#follow()
  }

  /** Throws ClientError `no-server` or `denied`, or the signal's reason. */
  static async open(
    { server, principal }: Pick<Address, "server" | "principal">,
    options: {
      readonly signal?: AbortSignal | undefined
      readonly inboxPrefix?: string | undefined
      readonly trouble: (error: Error) => void
    },
  ): Promise<Link> {
    options.signal?.throwIfAborted()
    const opening = connect(natsOptions(server, principal, options.inboxPrefix))
    try {
      const nats = await orAborted(opening, options.signal)
      return new Link(nats, server.shown, options.trouble)
    } catch (cause) {
      if (options.signal?.aborted === true) {
        // It may still come to stand: nobody wants it any more.
        opening.then((late) => late.close()).catch(options.trouble)
        throw options.signal.reason
      }
      throw connectError(server, cause)
    }
  }

  get standing(): boolean {
    return this.#standing && !this.#closed
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Calls whenever the connection is there again: what was sent meanwhile is lost. Returns how to stop. */
  onBack(call: () => void): () => void {
    this.#onBack.add(call)
    return () => this.#onBack.delete(call)
  }

  /** Resolves when the connection stands or the time is over; look at `standing` then. Throws the signal's reason. */
  async untilStanding(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (this.standing || this.#closed) return
    const changed = new AbortController()
    const change = () => changed.abort()
    this.#onChange.add(change)
    try {
      await orAborted(pause(timeoutMs, changed.signal), signal)
    } finally {
      this.#onChange.delete(change)
      change()
    }
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      this.#changed()
    }
    // Draining sends what is published and not yet written. It hangs while there is no server.
    if (this.nats.isClosed()) return
    if (this.#standing) await this.nats.drain().catch(() => this.nats.close())
    else await this.nats.close()
  }

  #follow(): void {
    const follow = async () => {
      for await (const status of this.nats.status()) {
        if (status.type === "disconnect") {
          this.#standing = false
          this.#changed()
        } else if (status.type === "reconnect") {
          this.#standing = true
          this.#changed()
          for (const call of [...this.#onBack]) call()
        } else if (status.type === "error") {
          this.trouble(status.error)
        }
      }
    }
    follow().catch(this.trouble)
    this.nats
      .closed()
      .then((error) => {
        if (!this.#closed && error instanceof Error) this.trouble(error)
        this.#closed = true
        this.#changed()
      })
      .catch(this.trouble)
  }

  #changed(): void {
    for (const call of [...this.#onChange]) call()
  }
}

function natsOptions(server: Server, principal: string, inboxPrefix: string | undefined): ConnectionOptions {
  const { servers, user, pass, token } = server
  return {
    servers: [...servers],
    name: `drydock ${principal}`,
    timeout: CONNECT_MS,
    maxReconnectAttempts: -1,
    // A server that comes back with other users must not end a program that waits for it.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RECONNECT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    pingInterval: PING_MS,
    noAsyncTraces: true,
    ...(user === undefined ? {} : { user }),
    ...(pass === undefined ? {} : { pass }),
    ...(token === undefined ? {} : { token }),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
  }
}

function connectError(server: Server, cause: unknown): ClientError {
  if (cause instanceof errors.AuthorizationError || cause instanceof errors.UserAuthenticationExpiredError)
    return new ClientError(
      "denied",
      "no-access",
      `the NATS server at ${server.shown} does not accept these credentials`,
      "write them into the address: nats://user:password@host:port",
      { cause },
    )
  return new ClientError(
    "unavailable",
    "no-server",
    `no NATS server answers at ${server.shown}`,
    "start the yard with `drydock up`, or correct DRYDOCK_NATS_URL",
    { cause },
  )
}

/** The value, or the signal's reason as soon as it aborts. The value is not ended by that. */
export async function orAborted<T>(value: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return value
  if (signal.aborted) {
    value.catch(() => {}) // nobody waits for it any more
    throw signal.reason
  }
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener("abort", abort, { once: true })
    stop = () => signal.removeEventListener("abort", abort)
  })
  try {
    return await Promise.race([value, aborted])
  } finally {
    stop()
  }
}

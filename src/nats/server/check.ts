// Whether a server that somebody else runs (DRYDOCK_NATS_URL, `drydock host`) can carry a yard.

import type { NatsConnection } from "nats"
import { errors } from "nats"
import { DrydockError } from "../../actors/error.js"
import { isNewEnough, MIN_SERVER_VERSION } from "./version.js"

const ANSWER_MS = 5_000

/**
 * For the host's connection. Resolves to the server's version.
 * Throws DrydockError `server-too-old`, `no-jetstream` (the server or the account has none) or `jetstream-forbidden`
 * (these credentials may not use it).
 */
export async function checkServer(connection: NatsConnection): Promise<string> {
  const version = connection.info?.version ?? "unknown"
  if (!isNewEnough(version)) {
    throw new DrydockError(
      "server-too-old",
      `The nats-server at ${connection.getServer()} is ${version}; Drydock needs ${MIN_SERVER_VERSION} or later.`,
      "Upgrade that server, or unset DRYDOCK_NATS_URL and let `drydock up` bring its own.",
    )
  }
  const problem = await jetStreamProblem(connection)
  if (problem === undefined) return version
  throw problem
}

async function jetStreamProblem(connection: NatsConnection): Promise<DrydockError | undefined> {
  const where = connection.getServer()
  const none = new DrydockError(
    "no-jetstream",
    `The nats-server at ${where} has no JetStream for this account.`,
    "Start it with `-js` (or a `jetstream` block in its configuration) and enable JetStream for the host's account.",
  )
  if (connection.info?.jetstream !== true) return none
  try {
    const answer = await connection.request("$JS.API.INFO", "", { timeout: ANSWER_MS })
    return /"error":\{/.test(answer.string()) ? none : undefined
  } catch (error) {
    const cause = error instanceof errors.RequestError ? error.cause : error
    if (cause instanceof errors.NoRespondersError) return none
    if (cause instanceof errors.PermissionViolationError || cause instanceof errors.TimeoutError) {
      return new DrydockError(
        "jetstream-forbidden",
        `These credentials may not use JetStream on ${where}.`,
        "Connect with the credentials of the host's account: they are those of a person now.",
        { cause: error },
      )
    }
    throw error
  }
}

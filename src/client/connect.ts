import type { ConnectOptions, Drydock } from "./drydock.js"
import { ClientError } from "./errors.js"

/**
 * Connects to a yard. Throws ClientError `no-address` (nothing says where), `no-server` (nobody answers there),
 * `invalid` (an option is out of its alphabet).
 */
export async function connect(_options: ConnectOptions = {}): Promise<Drydock> {
  throw new ClientError("bug", "unfinished", "the client is being written", "wait for the next commit")
}

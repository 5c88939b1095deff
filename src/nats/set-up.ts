// Brings a server's streams to the wanted settings, or says why that is impossible. Idempotent: every host does it at
// every start, also two at once.

import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  type StreamConfig,
} from "@nats-io/jetstream"
import { errors, type NatsConnection } from "nats"
import { DrydockError } from "../actors/error.js"
import { isNewEnough, MIN_SERVER_VERSION } from "./server/version.js"
import {
  COMMAND_LIMIT,
  COMMAND_LIMIT_MOST,
  type WantedStream,
  type YardStream,
  yardStreams,
} from "./streams.js"

const JETSTREAM_OFF_ACCOUNT = 10039
const JETSTREAM_OFF = 10076
const STREAM_EXISTS = 10058

/**
 * Checks the server, then makes or mends all streams of the yard.
 * Throws DrydockError `server-too-old`, `no-jetstream`, `stream-conflict`.
 */
export async function setUpYard(
  connection: NatsConnection,
  yard: string,
  replicas?: number,
): Promise<{ readonly serverVersion: string }> {
  const serverVersion = checkVersion(connection)
  const manager = await openManager(connection)
  const wanted = yardStreams(yard, replicas)
  for (const kind of ["JOURNAL", "COMMANDS", "WORK", "CLAIM"] as const) {
    await ensureStream(manager, kind, wanted[kind])
  }
  return { serverVersion }
}

/** Makes the stream if it is missing, changes what differs where the server permits. */
export async function ensureStream(
  manager: JetStreamManager,
  kind: YardStream,
  wanted: WantedStream,
): Promise<void> {
  const found = await settingsOf(manager, wanted.name)
  if (found === undefined) {
    try {
      await manager.streams.add(wanted)
      return
    } catch (error) {
      // Another host was faster, and if it wants the same, all is well.
      if (!(error instanceof JetStreamApiError) || error.code !== STREAM_EXISTS) {
        throw conflict(wanted.name, "could not be made", error)
      }
      return await ensureStream(manager, kind, wanted)
    }
  }
  const goal = kind === "COMMANDS" ? { ...wanted, max_msgs: keptLimit(found.max_msgs) } : wanted
  if (differences(found, goal).length === 0) return
  try {
    await manager.streams.update(wanted.name, goal)
  } catch (error) {
    throw conflict(wanted.name, `differs in ${differences(found, goal).join(", ")}`, error)
  }
  const mended = await settingsOf(manager, wanted.name)
  const left = mended === undefined ? ["everything: it is gone"] : differences(mended, goal)
  if (left.length > 0) throw conflict(wanted.name, `still differs in ${left.join(", ")}`)
}

/** Names of the settings in which a found stream is not as wanted. What the server leaves out is off. */
export function differences(found: Partial<StreamConfig>, wanted: WantedStream): string[] {
  const have = new Map<string, unknown>(Object.entries(found))
  return Object.entries(wanted)
    .filter(([name, value]) => JSON.stringify(have.get(name) ?? false) !== JSON.stringify(value ?? false))
    .map(([name]) => name)
}

/** A queue that a host had to enlarge for its own follow-ups stays enlarged. */
function keptLimit(found: number): number {
  return found > COMMAND_LIMIT && found <= COMMAND_LIMIT_MOST ? found : COMMAND_LIMIT
}

async function settingsOf(manager: JetStreamManager, stream: string): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(stream)).config
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound)
      return undefined
    throw error
  }
}

function checkVersion(connection: NatsConnection): string {
  const version = connection.info?.version ?? "unknown"
  if (!isNewEnough(version)) {
    throw new DrydockError(
      "server-too-old",
      `The NATS server has version ${version}; Drydock needs ${MIN_SERVER_VERSION} or newer.`,
      "Use the server that `drydock up` brings along, or install a newer nats-server.",
    )
  }
  return version
}

async function openManager(connection: NatsConnection): Promise<JetStreamManager> {
  try {
    return await jetstreamManager(connection, { checkAPI: true })
  } catch (error) {
    const off =
      error instanceof errors.NoRespondersError ||
      error instanceof errors.RequestError ||
      (error instanceof JetStreamApiError &&
        (error.code === JETSTREAM_OFF || error.code === JETSTREAM_OFF_ACCOUNT))
    if (!off && connection.info?.jetstream === true) throw error
    throw new DrydockError(
      "no-jetstream",
      "The NATS server has JetStream switched off, or this user's account has none.",
      "Start nats-server with `jetstream: enabled` (nats.conf shows how), and connect as the yard's host.",
      { cause: error },
    )
  }
}

function conflict(stream: string, what: string, cause?: unknown): DrydockError {
  const reason = cause instanceof Error ? ` (${cause.message})` : ""
  return new DrydockError(
    "stream-conflict",
    `The stream ${stream} ${what}${reason}.`,
    `Look at it with \`nats stream info ${stream}\`. If it belongs to something else, choose another yard name; if it holds nothing that you need, delete it and start again.`,
    cause === undefined ? undefined : { cause },
  )
}

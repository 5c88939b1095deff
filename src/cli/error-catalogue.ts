// Every error code that the command line can end with: its exit code, what it means, and what to do. `drydock help
// CODE` prints the entry. Codes of the protocol (rejections) are here too, because people meet them here.

import { EXIT } from "./exit-codes.js"

export interface ErrorEntry {
  readonly exit: number
  readonly why: string
  readonly cures: readonly string[]
}

const SERVER_CURES = [
  "drydock up                         start a server and a yard here",
  "drydock --server URL …             name another server (or set DRYDOCK_NATS_URL)",
] as const

const SHOW_RESOURCE = ["drydock show resource/ID           see its address, port and transport"] as const
const HOST_KEY = ["compare the fingerprint, then log in once by hand: ssh HOST"] as const

const CATALOGUE: { readonly [code: string]: ErrorEntry } = {
  // What people type
  usage: {
    exit: EXIT.usage,
    why: "the command line was not understood",
    cures: ["drydock help"],
  },
  "invalid-json": {
    exit: EXIT.usage,
    why: 'attributes are a JSON object, such as \'{"arch":"arm64"}\'',
    cures: ["put the JSON into a file and write --attributes @file.json"],
  },
  "invalid-duration": {
    exit: EXIT.usage,
    why: "a duration is a number above 0 and a unit: ms, s, m, h or d, at most 366d",
    cures: ["write for example 90s, 30m, 2h or 1d"],
  },
  "invalid-time": {
    exit: EXIT.usage,
    why: "a time is ISO 8601 with its zone",
    cures: ["write for example 2026-01-01T12:00:00Z"],
  },
  "invalid-id": {
    exit: EXIT.usage,
    why: "an id has letters, digits, _ and -, begins with a letter or digit, and has at most 64 characters",
    cures: ["drydock ls leases"],
  },
  "invalid-file": {
    exit: EXIT.usage,
    why: "nothing was applied: a file is applied only when all of it is valid",
    cures: ["correct the lines above and run it again"],
  },
  "partly-applied": {
    exit: EXIT.negative,
    why: "the yard refused an object, or did not answer; what does not depend on it was applied",
    cures: ["correct what is named and run it again: what is applied already is left alone"],
  },
  "file-unreadable": { exit: EXIT.usage, why: "", cures: ["check the path and its permissions"] },
  "needs-confirmation": {
    exit: EXIT.usage,
    why: "there is no terminal to ask, and a pipeline never means yes",
    cures: ["add --yes"],
  },
  cancelled: { exit: EXIT.negative, why: "it was not confirmed; nothing was changed", cures: [] },

  // What the yard says to a command
  invalid: { exit: EXIT.usage, why: "a value is not of the form that is needed", cures: ["drydock help"] },
  "unknown-actor": {
    exit: EXIT.unknownObject,
    why: "no object of this kind and id was ever made in this yard, or it was forgotten",
    cures: ["drydock ls leases", "drydock ls resources"],
  },
  "already-exists": {
    exit: EXIT.negative,
    why: "the id is remembered with other content",
    cures: ["drydock show KIND/ID               see what it is"],
  },
  "not-allowed": {
    exit: EXIT.negative,
    why: "the object is in a state that does not take this command",
    cures: ["drydock show KIND/ID               see its state"],
  },
  forbidden: {
    exit: EXIT.denied,
    why: "this principal may not do this",
    cures: ["drydock … --as NAME                speak as another principal"],
  },
  "over-limit": {
    exit: EXIT.negative,
    why: "every size has a documented limit",
    cures: ["see docs/limits.md"],
  },
  stale: {
    exit: EXIT.negative,
    why: "a token, a revision or a time does not match any more",
    cures: ["drydock show KIND/ID               see the present one"],
  },
  internal: {
    exit: EXIT.bug,
    why: "this should not happen",
    cures: ["run it again with DRYDOCK_TRACE=1 and report what it prints"],
  },

  // Leases
  "lease-lost": {
    exit: EXIT.leaseLost,
    why: "the lease ended while the program ran, so the program was stopped before anybody else could have the host",
    cures: ["run it again"],
  },
  "lease-ended": { exit: EXIT.negative, why: "the lease is over", cures: ["drydock lease --type T"] },
  "not-active": {
    exit: EXIT.negative,
    why: "only an active lease has a resource to use",
    cures: ["drydock why LEASE"],
  },

  unsatisfiable: {
    exit: EXIT.never,
    why: "no blueprint can ever serve this request as things are",
    cures: ["drydock ls blueprints              see what there is"],
  },
  waited: {
    exit: EXIT.tryLater,
    why: "nothing became free in time; what was asked for has been released",
    cures: ["wait longer: --wait 1h"],
  },
  expired: {
    exit: EXIT.tryLater,
    why: "its end came before it could be served",
    cures: ["leave --until out, or name a later time"],
  },
  "not-free": {
    exit: EXIT.tryLater,
    why: "somebody has to let go first",
    cures: ["wait: --wait 10m"],
  },

  // Programs on hosts
  "timed-out": {
    exit: EXIT.negative,
    why: "the program ran longer than --timeout allows",
    cures: ["allow more time: --timeout 1h"],
  },
  "not-a-host": { exit: EXIT.never, why: "the resource has no interface for commands", cures: SHOW_RESOURCE },
  "bad-command": {
    exit: EXIT.usage,
    why: "the program, its folder or its environment is not usable",
    cures: [],
  },
  "working-directory": {
    exit: EXIT.usage,
    why: "the folder of --cwd cannot be entered on the host",
    cures: [],
  },
  "command-too-long": { exit: EXIT.usage, why: "the host takes no command line of this length", cures: [] },
  "host-unreachable": {
    exit: EXIT.unreachable,
    why: "no SSH answer from the leased host in time",
    cures: SHOW_RESOURCE,
  },
  "connection-lost": {
    exit: EXIT.unreachable,
    why: "the connection to the leased host ended",
    cures: ["run it again"],
  },
  "session-refused": {
    exit: EXIT.tryLater,
    why: "the SSH server opens no further session",
    cures: ["run it again"],
  },
  "host-key-unknown": {
    exit: EXIT.never,
    why: "no known_hosts file has a key of this host",
    cures: HOST_KEY,
  },
  "host-key-changed": {
    exit: EXIT.never,
    why: "the host has another key than known_hosts says",
    cures: HOST_KEY,
  },
  "host-key-revoked": {
    exit: EXIT.never,
    why: "known_hosts says that this key must not be trusted",
    cures: HOST_KEY,
  },
  "known-hosts-unusable": { exit: EXIT.never, why: "a known_hosts file cannot be used", cures: [] },
  "handshake-failed": {
    exit: EXIT.never,
    why: "no common SSH algorithm, or no SSH server there",
    cures: SHOW_RESOURCE,
  },
  "authentication-failed": {
    exit: EXIT.denied,
    why: "the SSH server took none of the keys",
    cures: SHOW_RESOURCE,
  },
  "identity-unusable": {
    exit: EXIT.never,
    why: "the blueprint's identityFile cannot be used here",
    cures: [],
  },
  "host-unsupported": {
    exit: EXIT.never,
    why: "the host has no POSIX shell or tool that is needed",
    cures: [],
  },
  "command-unkillable": { exit: EXIT.bug, why: "the program outlived SIGKILL", cures: SHOW_RESOURCE },

  // Servers
  "no-server": {
    exit: EXIT.unreachable,
    why: "nothing listens at this address, or it cannot be reached from here",
    cures: SERVER_CURES,
  },
  "no-address": {
    exit: EXIT.unreachable,
    why: "no `drydock up` runs in this folder or above it, and nothing names a server",
    cures: SERVER_CURES,
  },
  "no-host": {
    exit: EXIT.unreachable,
    why: "the server answers, but no host serves this yard at the moment",
    cures: [
      "drydock up                         server and host in one",
      "drydock host --server URL          a host for a server that runs already",
      "drydock --yard NAME …              another yard of this server",
    ],
  },
  timeout: {
    exit: EXIT.unreachable,
    why: "no answer in time; whether it was done is not known",
    cures: ["run it again: every command may be repeated", "drydock status"],
  },
  "queue-full": {
    exit: EXIT.tryLater,
    why: "the yard's command queue is full",
    cures: ["try again in a moment", "drydock status"],
  },
  "no-answer": {
    exit: EXIT.unreachable,
    why: "no answer in time",
    cures: ["run it again", "drydock status"],
  },
  "no-outcome": {
    exit: EXIT.unreachable,
    why: "no outcome in time; whether it was done is not known",
    cures: ["run it again: every command may be repeated", "drydock status"],
  },
  behind: { exit: EXIT.tryLater, why: "the host is not as far as was asked", cures: ["run it again"] },
  busy: { exit: EXIT.tryLater, why: "the yard's command queue is full", cures: ["try again in a moment"] },
  "no-access": {
    exit: EXIT.denied,
    why: "the server does not let this user do it",
    cures: ["name a user in the URL: --server nats://user:password@host:port"],
  },
  "no-yard": {
    exit: EXIT.unknownObject,
    why: "the server has no yard of this name",
    cures: ["drydock --yard NAME …"],
  },
  "bad-url": {
    exit: EXIT.usage,
    why: "a server is written nats://host:port",
    cures: ["--server nats://127.0.0.1:4222"],
  },
  "not-authorized": {
    exit: EXIT.denied,
    why: "the server refuses this user",
    cures: ["name a user in the URL, or set DRYDOCK_HOST_USER and DRYDOCK_HOST_PASSWORD"],
  },
  "stream-conflict": {
    exit: EXIT.never,
    why: "a stream of this name is something else",
    cures: ["--yard NAME"],
  },
  "server-unusable": { exit: EXIT.never, why: "DRYDOCK_NATS_SERVER names no usable nats-server", cures: [] },
  "server-missing": {
    exit: EXIT.unreachable,
    why: "no nats-server is here, and none could be fetched",
    cures: ["install nats-server 2.12.3 or newer, or set DRYDOCK_NATS_SERVER or DRYDOCK_NATS_URL"],
  },
  "server-failed": {
    exit: EXIT.negative,
    why: "the nats-server ended",
    cures: ["read nats-server.log in the store"],
  },
  "old-server-stuck": {
    exit: EXIT.tryLater,
    why: "the nats-server of the run before does not end",
    cures: [],
  },
  "bad-generation-file": {
    exit: EXIT.never,
    why: "the file of the generation in the store is damaged",
    cures: [],
  },
  "bad-blueprint": {
    exit: EXIT.usage,
    why: "a blueprint type is an ES module with a policy and, where there is something to do, work",
    cures: ["see docs/workers.md"],
  },
  "store-unusable": {
    exit: EXIT.never,
    why: "the store folder cannot be used",
    cures: ["drydock up --store DIR"],
  },
  "bad-password-file": { exit: EXIT.never, why: "host.password in the store is damaged", cures: [] },
  "unsupported-platform": { exit: EXIT.never, why: "the embedded server needs a POSIX system", cures: [] },
  "journal-shortened": {
    exit: EXIT.never,
    why: "the journal ends before what was known to be stored",
    cures: [
      "put the whole journal back          for example the newer copy of the store",
      "drydock accept-loss --dry-run       see what is missing",
      "drydock accept-loss                 go on without it",
    ],
  },
  "generations-used-up": {
    exit: EXIT.never,
    why: "each accepted loss takes a generation of fencing tokens, and there are 8,191",
    cures: ["drydock up --yard NAME              begin a new yard"],
  },
  "no-journal": {
    exit: EXIT.unknownObject,
    why: "no host has ever served a yard of this name on this server",
    cures: ["drydock accept-loss --yard NAME", "drydock up                          begins it"],
  },
  "port-in-use": {
    exit: EXIT.tryLater,
    why: "another program listens on this port",
    cures: ["drydock up --port 0                take any free port"],
  },
  "store-in-use": {
    exit: EXIT.tryLater,
    why: "a running yard owns this folder; two would destroy each other's work",
    cures: ["drydock status                     talk to the one that runs", "drydock up --store DIR"],
  },
  "server-too-old": {
    exit: EXIT.never,
    why: "Drydock needs atomic batches, so nats-server 2.12.3 or newer",
    cures: ["unset DRYDOCK_NATS_URL              let `drydock up` bring its own server"],
  },
  "no-jetstream": {
    exit: EXIT.never,
    why: "the server keeps nothing: JetStream is off, or off for this account",
    cures: ["start it with nats-server -js, or let `drydock up` bring its own server"],
  },
}

export function aboutError(code: string): ErrorEntry | undefined {
  return Object.hasOwn(CATALOGUE, code) ? CATALOGUE[code] : undefined
}

export const ERROR_CODES: readonly string[] = Object.keys(CATALOGUE)

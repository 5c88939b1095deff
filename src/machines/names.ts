// The alphabets of the public contract. Every token of a subject is one of these, so that a subject can always be
// taken apart again without ambiguity (no dots, no wildcards, no spaces in any of them).

export const KINDS = ["lease", "resource", "blueprint", "service", "device", "network", "yard"] as const
export type Kind = (typeof KINDS)[number]

/** `[a-z0-9][a-z0-9-]{0,31}` */
export const YARD_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/
/** `[A-Za-z0-9][A-Za-z0-9_-]{0,63}` */
export const OBJECT_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/
/** `[A-Za-z0-9][A-Za-z0-9-]{0,31}` */
export const PRINCIPAL = /^[A-Za-z0-9][A-Za-z0-9-]{0,31}$/
/** Who may use a blueprint: a person, or another blueprint whose resources stand on its leases. */
export const PRINCIPAL_OR_BLUEPRINT =
  /^(?:[A-Za-z0-9][A-Za-z0-9-]{0,31}|blueprint\/[A-Za-z0-9][A-Za-z0-9_-]{0,63})$/
/** The client's own id of a command: where its outcome goes. */
export const COMMAND_ID = /^[A-Za-z0-9_-]{1,64}$/

/** Who speaks on `internal`: the yard's host under three names, and workers as `worker-<blueprint type>`. */
export const HOST_SENDERS = ["allocator", "timer", "system"] as const
export type HostSender = (typeof HOST_SENDERS)[number]
const WORKER_PREFIX = "worker-"

/** Names that only the yard itself may carry: a person of such a name would forge the history. */
export function isReservedPrincipal(name: string): boolean {
  return HOST_SENDERS.some((sender) => sender === name) || name.startsWith(WORKER_PREFIX)
}

/** Whether a sender on `internal` is a worker. */
export function isWorker(sender: string): boolean {
  return sender.startsWith(WORKER_PREFIX)
}

export function isKind(text: string): text is Kind {
  return KINDS.some((kind) => kind === text)
}

/** What identifies an actor everywhere: `lease/L1`. */
export type ActorKey = `${Kind}/${string}`

export function actorKey(kind: Kind, id: string): ActorKey {
  return `${kind}/${id}`
}

// Subjects of the public contract, made and taken apart in one place.

import { COMMAND_ID, type HostSender, isKind, isWorker, type Kind, OBJECT_ID, PRINCIPAL } from "./names.js"

/** `drydock.<yard>.command.<kind>.<id>.<verb>.<principal>` */
export function commandSubject(
  yard: string,
  kind: Kind,
  id: string,
  verb: string,
  principal: string,
): string {
  return `drydock.${yard}.command.${kind}.${id}.${verb}.${principal}`
}

/** `drydock.<yard>.internal.<kind>.<id>.<verb>.<sender>` */
export function internalSubject(
  yard: string,
  kind: Kind,
  id: string,
  verb: string,
  sender: HostSender,
): string {
  return `drydock.${yard}.internal.${kind}.${id}.${verb}.${sender}`
}

/** `drydock.<yard>.journal.<kind>.<id>` */
export function journalSubject(yard: string, kind: Kind, id: string): string {
  return `drydock.${yard}.journal.${kind}.${id}`
}

/** `drydock.<yard>.event.<kind>.<id>`; `*` and `>` where nothing is named. */
export function eventSubject(yard: string, kind?: Kind, id?: string): string {
  if (kind === undefined) return `drydock.${yard}.event.>`
  return `drydock.${yard}.event.${kind}.${id ?? "*"}`
}

/** `drydock.<yard>.outcome.<principal>.<command id>` */
export function outcomeSubject(yard: string, principal: string, commandId: string): string {
  return `drydock.${yard}.outcome.${principal}.${commandId}`
}

/** `drydock.<yard>.rejected.<kind>.<id>`; a token outside its alphabet is shown as `_`. */
export function rejectedSubject(yard: string, kind: string, id: string): string {
  return `drydock.${yard}.rejected.${isKind(kind) ? kind : "_"}.${OBJECT_ID.test(id) ? id : "_"}`
}

/** `drydock.<yard>.query.<name>.<principal>` */
export function querySubject(yard: string, name: string, principal: string): string {
  return `drydock.${yard}.query.${name}.${principal}`
}

/** The streams of a yard: upper case, `-` as `_`. */
export function streamName(yard: string, stream: "COMMANDS" | "JOURNAL" | "WORK" | "CLAIM"): string {
  return `DRYDOCK_${yard.toUpperCase().replaceAll("-", "_")}_${stream}`
}

/** The tokens of a command's subject, unchecked but for their number and the yard. */
export interface CommandAddress {
  readonly channel: "command" | "internal"
  readonly kind: string
  readonly id: string
  readonly verb: string
  readonly speaker: string
}

export function parseCommandSubject(yard: string, subject: string): CommandAddress | undefined {
  const tokens = subject.split(".")
  const [root, name, channel, kind, id, verb, speaker] = tokens
  if (tokens.length !== 7 || root !== "drydock" || name !== yard) return undefined
  if (channel !== "command" && channel !== "internal") return undefined
  if (kind === undefined || id === undefined || verb === undefined || speaker === undefined) return undefined
  return { channel, kind, id, verb, speaker }
}

/** Where the outcome of a command goes; undefined when its sender did not say, or said it badly. */
export interface ReplyAddress {
  readonly principal: string
  readonly commandId: string
}

export function replyAddress(
  address: CommandAddress,
  commandId: string | undefined,
): ReplyAddress | undefined {
  // A worker waits for its outcomes as people do; the host's own follow-ups have none.
  const isAnswered = address.channel === "command" || isWorker(address.speaker)
  if (!isAnswered || commandId === undefined) return undefined
  if (!COMMAND_ID.test(commandId) || !PRINCIPAL.test(address.speaker)) return undefined
  return { principal: address.speaker, commandId }
}

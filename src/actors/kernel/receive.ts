// From a message to something that can be decided: subject, speaker, verb and body, each checked. Total: whatever
// comes in, this answers with a value.

import type { z } from "zod"
import { isOverLimit, jsonFault } from "../../machines/json.js"
import { LIMITS } from "../../machines/limits.js"
import {
  isKind,
  isReservedPrincipal,
  isWorker,
  type Kind,
  OBJECT_ID,
  PRINCIPAL,
} from "../../machines/names.js"
import { registry } from "../../machines/registry.js"
import type { Issue, Rejection } from "../../machines/rejection.js"
import {
  type CommandAddress,
  parseCommandSubject,
  type ReplyAddress,
  replyAddress,
} from "../../machines/subjects.js"
import { COMMAND_ID_HEADER, type Command } from "./command.js"

export interface Received {
  readonly kind: Kind
  readonly id: string
  readonly verb: string
  readonly by: string
  readonly internal: boolean
  readonly body: object
  readonly commandId: string | null
  readonly reply: ReplyAddress | undefined
}

export type Reception =
  | { readonly ok: true; readonly received: Received }
  | {
      readonly ok: false
      readonly actor: string
      readonly rejection: Rejection
      readonly reply: ReplyAddress | undefined
    }

const ISSUES_LISTED = 16
const MESSAGE_CHARS = 300

export function receive(yard: string, command: Command): Reception {
  const address = parseCommandSubject(yard, command.subject)
  if (address === undefined)
    return {
      ok: false,
      actor: "_/_",
      rejection: invalid("subject", "not drydock.<yard>.command.<kind>.<id>.<verb>.<principal>"),
      reply: undefined,
    }
  const said = command.headers?.[COMMAND_ID_HEADER]
  const reply = replyAddress(address, said)
  const actor = `${address.kind}/${address.id}`
  const refusal = (rejection: Rejection): Reception => ({ ok: false, actor, rejection, reply })

  const wrong = addressFault(address)
  if (wrong !== undefined) return refusal(wrong)
  const { kind, verb } = address
  if (!isKind(kind)) return refusal(invalid("subject.kind", `there is no kind ${short(kind)}`))
  const internal = address.channel === "internal"
  const spoken = internal ? (isWorker(address.speaker) ? "worker" : "internal") : "bodies"
  const schema = schemaOf(kind, verb, spoken)
  if (schema === undefined) return refusal(unknownVerb(kind, verb, spoken))

  // The stream measures body and headers together, so a body without headers may be larger than the page allows.
  if (command.data.length > LIMITS.commandBodyBytes) return refusal(tooLarge(command.data.length))
  const parsed = parseBody(command.data)
  if ("rejection" in parsed) return refusal(parsed.rejection)
  const body = schema.safeParse(parsed.json)
  if (!body.success) return refusal(invalidBody(body.error))
  return {
    ok: true,
    received: {
      kind,
      id: address.id,
      verb,
      by: address.speaker,
      internal,
      // The parser's edge: every body schema in the registry is an object.
      body: body.data as object,
      commandId: reply?.commandId ?? null,
      reply,
    },
  }
}

function addressFault(address: CommandAddress): Rejection | undefined {
  if (!OBJECT_ID.test(address.id))
    return invalid(
      "subject.id",
      "an id is 1 to 64 letters, digits, _ and -, and begins with a letter or digit",
    )
  if (!PRINCIPAL.test(address.speaker))
    return invalid(
      "subject.principal",
      "a principal is 1 to 32 letters, digits and -, and begins with a letter or digit",
    )
  if (address.channel === "command" && isReservedPrincipal(address.speaker))
    return {
      code: "forbidden",
      message: `${address.speaker} is a name of the yard's own: speak under another`,
    }
  if (address.channel === "internal" && !isReservedPrincipal(address.speaker))
    return { code: "forbidden", message: "only the yard's host and its workers speak on `internal`" }
  return undefined
}

/** People, the host and workers each have verbs of their own: a worker cannot speak for the allocator. */
type Vocabulary = "bodies" | "internal" | "worker"

function schemaOf(kind: Kind, verb: string, spoken: Vocabulary): z.ZodType | undefined {
  const verbs = registry[kind][spoken]
  return Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
}

function unknownVerb(kind: Kind, verb: string, spoken: Vocabulary): Rejection {
  const verbs = Object.keys(registry[kind][spoken])
  const known = verbs.length === 0 ? "it takes no commands" : `it takes ${verbs.join(", ")}`
  return invalid("subject.verb", `a ${kind} does not know ${short(verb)}: ${known}`)
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

function parseBody(data: Uint8Array): { readonly json: unknown } | { readonly rejection: Rejection } {
  if (data.length === 0) return { json: {} }
  let json: unknown
  try {
    json = JSON.parse(decoder.decode(data))
  } catch {
    return { rejection: invalid("", "the body is not JSON in UTF-8") }
  }
  const fault = jsonFault(json)
  return fault === undefined ? { json } : { rejection: invalid("", `the body ${fault}`) }
}

function tooLarge(bytes: number): Rejection {
  const message = `the body has ${bytes} bytes, more than ${LIMITS.commandBodyBytes}: say it in less`
  return { code: "over-limit", message }
}

function invalidBody(error: z.ZodError): Rejection {
  const issues: Issue[] = error.issues.slice(0, ISSUES_LISTED).map((issue) => ({
    path: short(issue.path.map(String).join(".")),
    message: short(issue.message, MESSAGE_CHARS),
  }))
  const [first] = issues
  const where = first === undefined || first.path === "" ? "" : `${short(first.path)}: `
  const code = isOverLimit(error) ? "over-limit" : "invalid"
  return { code, message: `${where}${first?.message ?? "the body does not fit"}`, issues }
}

function invalid(path: string, message: string): Rejection {
  return { code: "invalid", message, issues: [{ path, message }] }
}

/** Text of strangers in a message of ours: bounded. */
function short(text: string, chars = 80): string {
  return text.length > chars ? `${text.slice(0, chars)}…` : text
}

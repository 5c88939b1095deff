// Questions to the host, asked again while there is none (a fail-over takes up to 3 s) until the time limit.

import { errors } from "nats"
import { isObject } from "../machines/json.js"
import { querySubject } from "../machines/subjects.js"
import { type Answers, answerSchemas, failureSchema, type QueryName, type Questions } from "./answers.js"
import type { Channel } from "./channel.js"
import type { CallOptions } from "./drydock.js"
import { ClientError, type ErrorKind } from "./errors.js"
import { orAborted } from "./link.js"
import { backOff, pause } from "./pause.js"

/** A host that may have been replaced says nothing: then it is soon time to ask the next one. */
const ANSWER_MS = 2_000
/** Longer than the host waits for `atLeast`. */
const AT_LEAST_MS = 6_000
const FIRST_PAUSE_MS = 50
const MOST_PAUSE_MS = 500

/** Codes of a host that will know better in a moment. */
const PASSING = new Set(["behind", "not-ready", "standby", "unavailable", "timeout"])

const KIND_OF: { readonly [code: string]: ErrorKind } = {
  forbidden: "denied",
  "unknown-actor": "impossible",
  invalid: "impossible",
  "over-limit": "impossible",
}

type Failed = { readonly passing: boolean; readonly error: ClientError }

/** Throws ClientError `no-server`, `no-host`, `no-answer`, the host's own code, or the signal's reason. */
export async function ask<Name extends QueryName>(
  channel: Channel,
  name: Name,
  question: Questions[Name],
  options: CallOptions = {},
): Promise<Answers[Name]> {
  const deadlineMs = performance.now() + (options.timeoutMs ?? channel.timeoutMs)
  const leftMs = () => deadlineMs - performance.now()
  let last: ClientError = noServer(channel)
  for (let attempt = 0; attempt === 0 || leftMs() > 0; attempt++) {
    options.signal?.throwIfAborted()
    if (channel.link.closed)
      throw new ClientError("bug", "closed", "the connection was closed", "connect again")
    await channel.link.untilStanding(leftMs(), options.signal)
    if (!channel.link.standing) {
      last = noServer(channel)
      continue
    }
    const patienceMs = question.atLeast === undefined ? ANSWER_MS * Math.min(attempt + 1, 5) : AT_LEAST_MS
    const timeoutMs = Math.max(1, Math.min(patienceMs, leftMs()))
    const answer = await orAborted(askOnce(channel, name, question, timeoutMs), options.signal)
    if ("answer" in answer) return answer.answer
    if (!answer.passing) throw answer.error
    // An attempt that the time limit cut short tells less than the one before.
    const isCutShort = timeoutMs < patienceMs && answer.error.code === "no-answer"
    if (attempt === 0 || !isCutShort) last = answer.error
    await pause(Math.min(leftMs(), backOff(attempt, FIRST_PAUSE_MS, MOST_PAUSE_MS)), options.signal)
  }
  options.signal?.throwIfAborted()
  throw last
}

async function askOnce<Name extends QueryName>(
  channel: Channel,
  name: Name,
  question: Questions[Name],
  timeoutMs: number,
): Promise<{ readonly answer: Answers[Name] } | Failed> {
  const subject = querySubject(channel.yard, name, channel.principal)
  let body: unknown
  try {
    const reply = await channel.link.nats.request(subject, JSON.stringify(question), { timeout: timeoutMs })
    body = reply.json()
  } catch (error) {
    return failureOf(error, channel, name)
  }
  if (isObject(body) && Object.hasOwn(body, "error")) return refusalOf(body, name)
  const parsed = answerSchemas[name].safeParse(body)
  if (!parsed.success)
    return {
      passing: false,
      error: new ClientError(
        "bug",
        "bad-answer",
        `the host's answer to ${name} does not parse`,
        "bring client and host to the same version of drydock",
        { cause: parsed.error },
      ),
    }
  // The schema of this very name has parsed it; TypeScript cannot follow an index by a type parameter.
  return { answer: parsed.data as Answers[Name] }
}

function refusalOf(body: unknown, name: string): Failed {
  const parsed = failureSchema.safeParse(body)
  const { code, message } = parsed.success
    ? parsed.data.error
    : { code: "internal", message: "no reason given" }
  return {
    passing: PASSING.has(code),
    error: new ClientError(
      PASSING.has(code) ? "unavailable" : (KIND_OF[code] ?? "bug"),
      code,
      `${name}: ${message}`,
      PASSING.has(code) ? "try again in a moment" : "correct the question",
    ),
  }
}

function failureOf(error: unknown, channel: Channel, name: string): Failed {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (cause instanceof errors.NoRespondersError)
    return {
      passing: true,
      error: new ClientError(
        "unavailable",
        "no-host",
        `no host is serving the yard ${channel.yard}`,
        "start one with `drydock up` or `drydock host`",
        { cause },
      ),
    }
  if (cause instanceof errors.PermissionViolationError)
    return {
      passing: false,
      error: new ClientError(
        "denied",
        "no-access",
        `the NATS server does not let ${channel.principal} ask ${name}`,
        "connect as the principal that the credentials belong to, or ask the operator",
        { cause },
      ),
    }
  return {
    passing: true,
    error: new ClientError(
      "unavailable",
      "no-answer",
      `the host of the yard ${channel.yard} did not answer ${name}`,
      "try again; `drydock status` tells how far it is",
      { cause },
    ),
  }
}

function noServer(channel: Channel): ClientError {
  return new ClientError(
    "unavailable",
    "no-server",
    `the connection to ${channel.link.shown} is down`,
    "start the yard with `drydock up`, or try again: the client reconnects by itself",
  )
}

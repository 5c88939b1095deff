// Transitions that statecharts share: how they say no, and which words of a worker about its attempt they take.

import type { RejectionCode } from "./rejection.js"

export const refuse = (code: RejectionCode, message: string) =>
  ({ type: "refuse", params: { code, message } }) as const
export const ignore = (why: string) => ({ type: "ignore", params: { why } }) as const

export const stale = refuse("stale", "this is not the attempt that is under way: drop it")
/** What must hold of a word about the attempt that is under way. */
const fromItsWorker = [
  { guard: "isFromAnotherTrade", actions: refuse("forbidden", "the job is another blueprint type's") },
  { guard: "isAboutAnotherAttempt", actions: stale },
] as const
export const fromItsRunningWorker = [...fromItsWorker, { guard: "isNotRunning", actions: stale }] as const
export const started = [
  ...fromItsWorker,
  { guard: "isBegunAlready", actions: "repeat" },
  { guard: "isNotOrdered", actions: stale },
  { actions: "begin" },
] as const
export const heartbeat = [
  ...fromItsRunningWorker,
  { guard: "isOverdue", actions: refuse("stale", "the attempt has taken too long: stop it") },
  { actions: "beat" },
] as const

// What happens to a program whose lease is lost.

import type { Lease } from "../client/index.js"
import type { Running } from "../interfaces/index.js"
import { CliError } from "./failure.js"

/**
 * A lease that merely was not renewed is ours until its time ends: the program gets TERM first, by the signal that it
 * was started with. One that the yard has ended may be somebody else's this moment: KILL. Returns what ends this.
 */
export function killWhenGone(lease: Lease, running: () => Running | undefined): () => void {
  const lost = () => {
    if (lostFor(lease) !== "not-renewed") void running()?.kill("SIGKILL")
  }
  lease.lost.addEventListener("abort", lost, { once: true })
  return () => lease.lost.removeEventListener("abort", lost)
}

/** `not-renewed`, or what the yard says. */
function lostFor(lease: Lease): string {
  const reason: unknown = lease.lost.reason
  const inner =
    typeof reason === "object" && reason !== null && "reason" in reason ? reason.reason : undefined
  return typeof inner === "object" && inner !== null && "code" in inner ? String(inner.code) : ""
}

/** For people: what was stopped, and why. */
export function lostError(lease: Lease, argv: readonly string[]): CliError {
  const reason: unknown = lease.lost.reason
  return new CliError("lease-lost", `${argv[0] ?? "the program"} was stopped: lease ${lease.id} was lost`, {
    why: [
      reason instanceof Error ? reason.message : String(reason),
      `token ${lease.token} is no longer good`,
    ],
    cures: ["run it again: whatever checks the token refuses the old one"],
    cause: reason,
  })
}

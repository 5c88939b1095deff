// The claim as seen from outside: who holds it, and ending it by force. A host that was killed keeps its claim until
// the claim runs out, two seconds later; ending it at once lets a run have many more crashes. It is safe at any time:
// the claim protects nothing (rule 13).

import type { ClaimState, Log } from "../../src/actors/log/log.js"

export interface Claims {
  /** Resolves when that host holds it. */
  held(holder: string): Promise<void>
  /** Ends the claim of a host that is dead. */
  end(holder: string): Promise<void>
  close(): Promise<void>
}

export async function watchClaims(log: Log): Promise<Claims> {
  let state: ClaimState | undefined
  const changed: (() => void)[] = []
  const watch = await log.watchClaim((now) => {
    state = now
    for (const wake of changed.splice(0)) wake()
  })
  return {
    async held(holder) {
      while (state?.holder !== holder) await new Promise<void>((resolve) => changed.push(resolve))
    },
    async end(holder) {
      while (state === undefined || state.holder === holder) {
        const next = new Promise<void>((resolve) => changed.push(resolve))
        // Refused when it is a renewal old: the watch tells the next state then.
        if (state !== undefined) await log.dropClaim(state.seq)
        await next
      }
    },
    close: () => watch.stop(),
  }
}

// A program of its own, beside `drydock run`: it kills that process when the lease may end soon and nobody has said
// that it was renewed. A process that is stopped (SIGSTOP, Ctrl-Z, a laptop that slept) cannot stop its own work in
// time; when it is killed, its connection to the host closes, and the guard there ends the program.
//
// It reads lines from stdin: so many milliseconds from now the process may live. The end of stdin ends it. It is in a
// session of its own, so that what stops the other does not stop it. Both clocks count, since one of them stands still
// while the machine sleeps.

import { createInterface } from "node:readline"

const LOOK_MS = 100

const watched = process.ppid
let end: { readonly monotonicMs: number; readonly wallMs: number } | undefined

const look = setInterval(() => {
  const isOver = end !== undefined && (performance.now() >= end.monotonicMs || Date.now() >= end.wallMs)
  if (!isOver) return
  clearInterval(look)
  // It is still the parent, so its id has not become somebody else's.
  if (process.ppid === watched) process.kill(watched, "SIGKILL")
  process.exit()
}, LOOK_MS)

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const ms = Number(line)
    if (Number.isFinite(ms)) end = { monotonicMs: performance.now() + ms, wallMs: Date.now() + ms }
  })
  .on("close", () => process.exit())

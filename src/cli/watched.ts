// This side of the watchdog, and how the last part of a lease is divided among those who must end a program in time.

import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const PROGRAM = fileURLToPath(new URL("./watchdog.js", import.meta.url))
/** The guard on the host: from TERM to KILL when the connection is gone, and its way there. */
const GUARD_MS = 11_000

export interface LastPart {
  /** So long before the end the watchdog kills this process. */
  readonly watchdogMs: number
  /** So long before the end an unrenewed lease counts as lost here. */
  readonly graceMs: number
  /** From TERM to KILL of the program then. */
  readonly killAfterMs: number
}

/**
 * First this process gives up and stops the program; were it stopped itself, the watchdog kills it; then the guard on
 * the host has its time. With a ttl of a minute there is room for all of it, also for a program that ignores TERM;
 * of a short one everybody gets a part.
 */
export function lastPart(ttlMs: number): LastPart {
  const watchdogMs = Math.min(GUARD_MS, ttlMs * 0.2)
  const ownMs = Math.min(5_000, ttlMs * 0.1)
  return { watchdogMs, graceMs: watchdogMs + ownMs, killAfterMs: ownMs * 0.6 }
}

export interface Watchdog {
  /** This process may live so long from now, milliseconds. */
  allow(ms: number): void
  /** Nothing is held any more. */
  end(): void
}

/** Starts it. `trouble` is told when it cannot do its work; the program runs all the same. */
export function startWatchdog(trouble: (error: Error) => void): Watchdog {
  const child = spawn(process.execPath, [PROGRAM], { detached: true, stdio: ["pipe", "ignore", "ignore"] })
  let isOver = false
  const told = (error: Error) => {
    if (!isOver) trouble(error)
    isOver = true
  }
  child.on("error", told)
  child.on("exit", (code) => told(new Error(`the watchdog ended with ${code}`)))
  child.stdin.on("error", told)
  child.unref()
  return {
    allow: (ms) => {
      if (!isOver) child.stdin.write(`${Math.round(ms)}\n`)
    },
    end: () => {
      isOver = true
      child.stdin.end()
    },
  }
}

// The worker's side of the guard (guard-program.ts): which attempts have children, how long they may live, and their
// end. The guard is started with the first child, so a worker whose blueprints start none has none.

import { type ChildProcess, spawn } from "node:child_process"
import { readdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** The children of one attempt. */
export interface Group {
  /** They may live so long from now, milliseconds; then the guard ends them, whatever this process does. */
  live(ms: number): void
  /** The folder in which a child registers; starts the guard if there is none. Rejects when that fails. */
  folder(): Promise<string>
  /** Resolves when no child lives and none can start any more; to false when one outlived KILL. May be called again. */
  end(): Promise<boolean>
  /** Aborted when the guard has ended them without being asked, or is gone itself. */
  readonly ended: AbortSignal
}

export class Groups {
  /** The last one is in use; one that is gone is replaced. */
  readonly #guards: Guard[] = []
  #count = 0

  /** `graceMs`: from TERM to KILL. */
  open(graceMs: number): Group {
    return new AttemptGroup(`${++this.#count}`, graceMs, () => this.#running())
  }

  /** Ends the guard; what is left of any attempt ends with it. */
  async close(): Promise<void> {
    for (const guard of this.#guards) await guard.close()
  }

  #running(): Guard {
    const last = this.#guards.at(-1)
    if (last !== undefined && !last.gone.aborted) return last
    const guard = new Guard()
    this.#guards.push(guard)
    return guard
  }
}

class AttemptGroup implements Group {
  readonly #ended = new AbortController()
  readonly ended = this.#ended.signal
  /** Nobody has to hear of the guard's end any more. */
  readonly #forgotten = new AbortController()
  #guard: Guard | undefined
  #opened: Promise<string> | undefined
  #untilMs = Number.POSITIVE_INFINITY
  #over: Promise<boolean> | undefined

  constructor(
    private readonly name: string,
    private readonly graceMs: number,
    private readonly running: () => Guard,
  ) {}

  live(ms: number): void {
    this.#untilMs = performance.now() + ms
    if (this.#guard !== undefined) this.#guard.say(`live ${this.name} ${Math.max(0, Math.round(ms))}`)
  }

  folder(): Promise<string> {
    this.#opened ??= this.#open()
    return this.#opened
  }

  end(): Promise<boolean> {
    this.#over ??= this.#end()
    return this.#over
  }

  async #open(): Promise<string> {
    if (this.#over !== undefined) throw new Error("the attempt is over")
    const guard = this.running()
    this.#guard = guard
    guard.gone.addEventListener("abort", () => this.#ended.abort(guard.gone.reason), {
      once: true,
      signal: this.#forgotten.signal,
    })
    void guard.told(`ended ${this.name}`, `stuck ${this.name}`).then(() => {
      if (this.#over === undefined) this.#ended.abort()
    })
    const opened = guard.told(`opened ${this.name}`)
    guard.say(`open ${this.name} ${Math.round(this.graceMs)}`)
    if (Number.isFinite(this.#untilMs)) this.live(this.#untilMs - performance.now())
    const folder = await guard.ready
    await opened
    if (folder === undefined || guard.gone.aborted)
      throw new Error("the guard of this worker's programs could not be started", {
        cause: guard.gone.reason,
      })
    return `${folder}/${this.name}`
  }

  async #end(): Promise<boolean> {
    const guard = this.#guard
    if (guard === undefined) return true
    if (!this.ended.aborted) {
      const told = guard.told(`ended ${this.name}`, `stuck ${this.name}`)
      guard.say(`end ${this.name}`)
      if ((await told) === `stuck ${this.name}`) return false
    }
    this.#forgotten.abort()
    const folder = await guard.ready
    if (guard.gone.aborted && folder !== undefined) await killLeft(join(folder, this.name))
    return true
  }
}

/** Without a guard: nothing more can register, and whoever has is killed from here. */
async function killLeft(folder: string): Promise<void> {
  const moved = `${folder}.over`
  try {
    await rename(folder, moved)
  } catch {
    return // The guard did it, or there never was one.
  }
  for (const name of await readdir(moved)) {
    const group = Number(name)
    if (!Number.isSafeInteger(group) || group <= 1) continue
    try {
      process.kill(-group, "SIGKILL")
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error
    }
  }
  await rm(moved, { recursive: true, force: true })
}

/** The process, and what it says. */
class Guard {
  readonly #gone = new AbortController()
  readonly gone = this.#gone.signal
  /** Its folder; undefined when it could not be started. */
  readonly ready: Promise<string | undefined>
  readonly #child: ChildProcess
  #waiting: { readonly lines: readonly string[]; tell(line: string | undefined): void }[] = []

  constructor() {
    let tellReady: (folder: string | undefined) => void = () => {}
    this.ready = new Promise((resolve) => {
      tellReady = resolve
    })
    const [program = "", ...args] = command()
    this.#child = spawn(program, args, { detached: true, stdio: ["pipe", "pipe", "ignore"] })
    const lose = (why: Error) => {
      if (this.gone.aborted) return
      this.#gone.abort(why)
      tellReady(undefined)
      for (const { tell } of this.#waiting.splice(0)) tell(undefined)
    }
    this.#child.on("error", lose)
    this.#child.on("exit", (code, signal) =>
      lose(new Error(`the guard of its programs ended (${code ?? signal})`)),
    )
    const { stdin, stdout } = this.#child
    stdin?.on("error", lose)
    if (stdout !== null)
      createInterface({ input: stdout }).on("line", (line) => {
        if (line.startsWith("ready ")) tellReady(line.slice("ready ".length))
        const told = this.#waiting.filter(({ lines }) => lines.includes(line))
        this.#waiting = this.#waiting.filter((one) => !told.includes(one))
        for (const { tell } of told) tell(line)
      })
    // It must not keep a worker alive that is done.
    this.#child.unref()
    for (const stream of [stdin, stdout]) unref(stream)
  }

  say(line: string): void {
    if (!this.gone.aborted) this.#child.stdin?.write(`${line}\n`)
  }

  /** Resolves to the first of these lines, or to undefined when the guard is gone. */
  told(...lines: readonly string[]): Promise<string | undefined> {
    if (this.gone.aborted) return Promise.resolve(undefined)
    return new Promise((resolve) => this.#waiting.push({ lines, tell: resolve }))
  }

  async close(): Promise<void> {
    // One that was killed has left its folder behind.
    if (this.gone.aborted) {
      const folder = await this.ready
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
      return
    }
    const gone = new Promise<void>((resolve) =>
      this.gone.addEventListener("abort", () => resolve(), { once: true }),
    )
    this.#child.ref()
    this.#child.stdin?.end()
    await gone
  }
}

/** Sockets have it, and the pipes of a child are sockets. */
function unref(stream: object | null): void {
  if (stream !== null && "unref" in stream && typeof stream.unref === "function") stream.unref()
}

/** From the sources, as the tests run it, the program needs what compiles it on the way. */
function command(): readonly string[] {
  const isSource = import.meta.url.endsWith(".ts")
  const program = fileURLToPath(new URL(`./guard-program.${isSource ? "ts" : "js"}`, import.meta.url))
  return [process.execPath, ...(isSource ? ["--import", "tsx"] : []), program]
}

// The guard's side here: numbers the commands, asks the guard on the host about them, and keeps it from falling asleep.
// Requests go out in order and answers come back in order, so a queue of resolvers is all the bookkeeping there is.

import { HostError, reasonOf } from "./errors.js"
import { GUARD_PREFIX, guardScript } from "./guard-script.js"
import type { guardTimes } from "./guard-times.js"
import type { HostProcess, Transport } from "./transport.js"
import { within } from "./within.js"

/** Longest answer of a guard, characters: a path. */
const ANSWER_CHARS = 8_192

/** With no command left the guard ends at once; one that does not is left to its connection's end. */
const CLOSE_MS = 5_000

interface Waiting {
  readonly resolve: (answer: string) => void
  readonly reject: (error: HostError) => void
}

export class Guard {
  /** The guard's folder on the host. */
  readonly folder: string
  private readonly waiting: Waiting[] = []
  private readonly beat: NodeJS.Timeout
  private count = 0
  private failure: HostError | null = null
  private readonly watchers = new Set<(error: HostError) => void>()

  private constructor(
    private readonly process: HostProcess,
    private readonly transport: Transport,
    ready: string,
    lines: GuardLines,
    silenceMs: number,
  ) {
    this.folder = ready
    lines.attach(
      (line) => this.waiting.shift()?.resolve(line),
      () => this.lose(),
    )
    process.stdin.on("error", () => this.lose())
    let beats = 0
    this.beat = setInterval(() => {
      beats += 1
      // A beat that fails has already been reported by `lose` to whoever waits for an answer.
      this.ask(`beat ${beats}`).catch(() => undefined)
    }, silenceMs / 4)
    this.beat.unref()
  }

  /** Starts the guard and waits until it answers; then a beat is sent four times within its silence. Throws HostError `host-unsupported`, or what the transport throws. */
  static async open(
    transport: Transport,
    timeoutMs: number,
    { graceMs, silenceMs }: ReturnType<typeof guardTimes>,
  ): Promise<Guard> {
    const script = guardScript({
      silenceSeconds: Math.ceil(silenceMs / 1000),
      graceSeconds: Math.ceil(graceMs / 1000),
    })
    const process = await transport.start({ script, argv: [] })
    const errors: Buffer[] = []
    process.stderr.on("data", (chunk: Buffer) => {
      if (errors.length < 16) errors.push(chunk)
    })
    const lines = new GuardLines(process)
    const ready = await lines.first(timeoutMs)
    if (ready?.startsWith("ready /")) {
      return new Guard(process, transport, ready.slice("ready ".length), lines, silenceMs)
    }
    process.abandon()
    if (transport.ended.aborted) throw transport.ended.reason
    const said = Buffer.concat(errors).toString("utf8").trim().slice(0, 300)
    throw new HostError(
      "host-unsupported",
      `${transport.label} could not run the guard of its commands${said === "" ? "" : `: ${said}`}`,
      "the host needs a POSIX /bin/sh with mktemp, and a login that may run any command",
    )
  }

  /** Calls when the guard has ended, for whatever reason. Returns what takes the call back. */
  onLost(call: (error: HostError) => void): () => void {
    if (this.failure !== null) call(this.failure)
    this.watchers.add(call)
    return () => void this.watchers.delete(call)
  }

  /** A new command's number, and its path in the guard's folder. */
  entry(): { readonly id: number; readonly path: string } {
    this.count += 1
    return { id: this.count, path: `${this.folder}/${this.count}` }
  }

  /** Sends a signal (`TERM`) to the command's process group, if it has started. */
  async signal(id: number, name: string): Promise<void> {
    await this.ask(`signal ${id} ${name}`)
  }

  /** A command that has not started yet never will. */
  async cancel(id: number): Promise<void> {
    await this.ask(`cancel ${id}`)
  }

  /** Whether any process of the command's group is left. */
  async alive(id: number): Promise<boolean> {
    return (await this.ask(`alive ${id}`)) === "yes"
  }

  /** Forgets the command; says why it was not launched, or nothing. */
  done(id: number): Promise<string> {
    return this.ask(`done ${id}`)
  }

  /** Lets the guard end: it stops what still runs and removes its folder. */
  async close(): Promise<void> {
    clearInterval(this.beat)
    this.process.stdin.end()
    try {
      await within(CLOSE_MS, this.process.exited)
    } catch (error) {
      // Without a connection the guard ends by itself; there is nothing left to wait for.
      this.lose(reasonOf(error))
    }
  }

  private ask(request: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.failure !== null) return reject(this.failure)
      this.waiting.push({ resolve, reject })
      this.process.stdin.write(`${request}\n`)
    })
  }

  private lose(why = "its guard ended"): void {
    clearInterval(this.beat)
    if (this.failure !== null) return
    const failure: HostError = this.transport.ended.aborted
      ? this.transport.ended.reason
      : new HostError(
          "connection-lost",
          `the connection to ${this.transport.label} was lost: ${why}`,
          "connect again; look whether the command had finished before you repeat it",
        )
    this.failure = failure
    for (const { reject } of this.waiting.splice(0)) reject(failure)
    for (const call of this.watchers) call(failure)
  }
}

/** The guard's lines; whatever a login script prints among them is left out. */
class GuardLines {
  private rest = ""
  private readonly early: string[] = []
  private onLine: (line: string) => void = (line) => this.early.push(line)
  private onEnd: () => void = () => undefined
  private ended = false

  constructor(process: HostProcess) {
    const end = (): void => {
      if (this.ended) return
      this.ended = true
      this.onEnd()
    }
    process.stdout.setEncoding("utf8")
    process.stdout.on("data", (text: string) => this.take(text))
    process.stdout.on("end", end)
    process.stdout.on("error", end)
    process.exited.then(end, end)
  }

  first(timeoutMs: number): Promise<string | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), timeoutMs)
      this.attach(
        (line) => {
          clearTimeout(timer)
          this.onLine = (next) => this.early.push(next)
          resolve(line)
        },
        () => {
          clearTimeout(timer)
          resolve(undefined)
        },
      )
    })
  }

  attach(onLine: (line: string) => void, onEnd: () => void): void {
    this.onLine = onLine
    this.onEnd = onEnd
    for (const line of this.early.splice(0)) this.onLine(line)
    if (this.ended) onEnd()
  }

  private take(text: string): void {
    const lines = (this.rest + text).split("\n")
    this.rest = (lines.pop() ?? "").slice(0, ANSWER_CHARS)
    for (const line of lines) {
      if (line === GUARD_PREFIX || line.startsWith(`${GUARD_PREFIX} `)) {
        this.onLine(line.slice(GUARD_PREFIX.length + 1))
      }
    }
  }
}

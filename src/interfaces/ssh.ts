// The `ssh` transport: one connection, many commands and one SFTP session on it. ssh2 works without its native parts.

import type { Client, ClientChannel, PseudoTtyOptions, SFTPWrapper } from "ssh2"
import { HostError, reasonOf } from "./errors.js"
import type { FileDriver } from "./file-driver.js"
import { SftpFiles } from "./sftp-files.js"
import { commandLine, type ShellProgram } from "./shell-program.js"
import type { ExitStatus, HostProcess, Terminal, Transport } from "./transport.js"

/** The server has so long to say good-bye. */
const CLOSE_MS = 2_000

export class SshTransport implements Transport {
  private readonly ending = new AbortController()
  readonly ended: AbortSignal = this.ending.signal
  private sftp: Promise<FileDriver> | null = null
  private gone = false

  /** `client`: connected and logged in. */
  constructor(
    private readonly client: Client,
    readonly label: string,
  ) {
    let cause: unknown
    client.on("error", (error) => {
      cause ??= error
    })
    client.on("close", () => {
      this.gone = true
      this.end(connectionLost(label, cause))
    })
  }

  start(program: ShellProgram, terminal?: Terminal): Promise<HostProcess> {
    // ssh2 tells several messages in one turn: whoever listens to a channel must do so before this turn ends.
    const listen = (channel: ClientChannel): HostProcess => processOf(channel, this.ended, this.label)
    return this.open("a command", listen, (done) => {
      const line = commandLine(program)
      if (terminal === undefined) this.client.exec(line, done)
      else this.client.exec(line, { pty: pseudoTerminal(terminal) }, done)
    })
  }

  files(): Promise<FileDriver> {
    this.sftp ??= this.openFiles()
    return this.sftp
  }

  async close(): Promise<void> {
    this.end(new HostError("host-closed", `the connection to ${this.label} was closed`, "connect again"))
    if (this.gone) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.client.destroy(), CLOSE_MS)
      this.client.once("close", () => {
        clearTimeout(timer)
        resolve()
      })
      this.client.end()
    })
  }

  private end(reason: HostError): void {
    this.ending.abort(reason)
  }

  private openFiles(): Promise<FileDriver> {
    const forget = (): void => {
      this.sftp = null
    }
    const listen = (sftp: SFTPWrapper): FileDriver => {
      sftp.on("close", forget)
      sftp.on("error", forget) // whoever waits for an answer gets the error itself
      return new SftpFiles(sftp, this.ended)
    }
    const opening = this.open("an SFTP session", listen, (done) => this.client.sftp(done))
    opening.catch(forget)
    return opening
  }

  private open<Opened, Used>(
    what: string,
    listen: (opened: Opened) => Used,
    request: (done: (error: Error | undefined, opened: Opened) => void) => void,
  ): Promise<Used> {
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(this.ended.reason)
      if (this.ended.aborted) return stop()
      this.ended.addEventListener("abort", stop, { once: true })
      const settle = (): void => this.ended.removeEventListener("abort", stop)
      try {
        request((error, opened) => {
          settle()
          if (error) reject(this.ended.aborted ? this.ended.reason : refused(this.label, what, error))
          else resolve(listen(opened))
        })
      } catch (error) {
        settle()
        // ssh2 throws when the socket is gone already.
        reject(error instanceof HostError ? error : connectionLost(this.label, error))
      }
    })
  }
}

function processOf(channel: ClientChannel, ended: AbortSignal, label: string): HostProcess {
  const exited = new Promise<ExitStatus>((resolve, reject) => {
    channel.once("exit", (exitCode: number | null, signal?: string) => {
      resolve({ exitCode, signal: exitCode === null ? (signal ?? null) : null })
    })
    const lost = (): void => reject(ended.aborted ? ended.reason : connectionLost(label))
    channel.once("close", lost)
    if (ended.aborted) lost()
    ended.addEventListener("abort", lost, { once: true })
    channel.once("close", () => ended.removeEventListener("abort", lost))
  })
  exited.catch(() => undefined) // whoever waits for it gets it
  // A channel's failure shows as its end without an exit status.
  channel.on("error", () => channel.close())
  return {
    stdin: channel.stdin,
    stdout: channel.stdout,
    stderr: channel.stderr,
    exited,
    abandon: () => {
      channel.stderr.resume()
      channel.resume()
      channel.close()
    },
    forceEnd: () => channel.signal("KILL"),
  }
}

function pseudoTerminal({ term, rows, columns }: Terminal): PseudoTtyOptions {
  return {
    term: term ?? "xterm-256color",
    rows: rows ?? 24,
    cols: columns ?? 80,
    height: 0,
    width: 0,
  }
}

function connectionLost(label: string, cause?: unknown): HostError {
  const why = cause === undefined ? "the other side closed it" : reasonOf(cause)
  return new HostError(
    "connection-lost",
    `the connection to ${label} was lost: ${why}`,
    "connect again; look whether the command had finished before you repeat it",
    cause === undefined ? {} : { cause },
  )
}

function refused(label: string, what: string, cause: Error): HostError {
  return new HostError(
    "session-refused",
    `${label} did not open ${what}: ${cause.message}`,
    "run fewer commands at once on one connection (OpenSSH: MaxSessions, 10 by default), or allow what is refused in sshd_config",
    { cause },
  )
}

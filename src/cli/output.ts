// Where everything that a command says goes through. stdout is data, stderr is conversation. Colours, drawn tables
// and rewritten lines only on a terminal; under `--json` stdout holds JSON and nothing else.

import Table from "cli-table3"
import picocolors from "picocolors"
import type { Failure } from "./failure.js"
import { foreground } from "./foreground.js"
import { displayWidth, harmless } from "./text.js"

export type ColorChoice = "auto" | "always" | "never"
export type Colors = ReturnType<typeof picocolors.createColors>

export interface Screen {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface OutputOptions {
  readonly json: boolean
  readonly color: ColorChoice
  readonly stdout?: Screen
  readonly stderr?: Screen
  readonly env?: NodeJS.ProcessEnv
  /** Whether this process has the terminal; asked again at every rewriting, because a shell may move it. */
  readonly foreground?: () => boolean
}

export interface Column {
  readonly head: string
  readonly align?: "left" | "right"
}

/** A line about work under way: rewritten on a terminal, one line per change elsewhere. */
export interface Progress {
  /** A function is asked again at every rewriting: for texts that name a time from now. */
  update(text: string | (() => string)): void
  /** Removes it; `text` stays in its place. */
  done(text?: string): void
}

const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const

export class Output {
  readonly json: boolean
  readonly c: Colors
  /** Colours for stderr, which may be a terminal when stdout is not. */
  readonly ce: Colors
  private readonly stdout: Screen
  private readonly stderr: Screen
  private readonly foreground: () => boolean
  private active: ActiveProgress | undefined

  constructor(options: OutputOptions) {
    this.json = options.json
    this.stdout = options.stdout ?? process.stdout
    this.stderr = options.stderr ?? process.stderr
    this.foreground = options.foreground ?? foreground
    const env = options.env ?? process.env
    this.c = picocolors.createColors(!this.json && wantsColor(options.color, this.stdout, env))
    this.ce = picocolors.createColors(wantsColor(options.color, this.stderr, env))
  }

  get isTerminal(): boolean {
    return !this.json && this.stdout.isTTY === true
  }

  get isConversation(): boolean {
    return this.stderr.isTTY === true
  }

  /** The result of a command: one JSON document, or text for people. */
  document(value: unknown, human: () => string): void {
    this.data(this.json ? JSON.stringify(value, null, this.stdout.isTTY === true ? 2 : undefined) : human())
  }

  /** One event of a stream: a JSON line, or a line for people; `undefined` = nothing to show. */
  event(value: unknown, human: () => string | undefined): void {
    const line = this.json ? JSON.stringify(value) : human()
    if (line !== undefined) this.data(line)
  }

  /** A line of data on stdout. */
  data(text: string): void {
    if (text === "") return
    this.withoutProgress(() => this.stdout.write(text.endsWith("\n") ? text : `${text}\n`))
  }

  /** Conversation: stderr, and nothing under `--json`. */
  say(text: string): void {
    if (!this.json) this.note(text)
  }

  /** A warning or a hint that must be seen even under `--json`: stderr. */
  note(text: string): void {
    this.withoutProgress(() => this.stderr.write(text.endsWith("\n") ? text : `${text}\n`))
  }

  /** What waits for an answer on the terminal, without a line's end. */
  prompt(text: string): void {
    this.stderr.write(text)
  }

  failure(failure: Failure): void {
    if (this.json) this.data(JSON.stringify({ error: failureJson(failure) }))
    this.failureNote(failure)
  }

  /** The text alone: stdout says it in another way. */
  failureNote(failure: Failure): void {
    this.note(failureText(failure, this.ce))
  }

  /** A drawn table on a terminal; elsewhere tab-separated lines with one head line, unless it is part of a text. */
  table(
    columns: readonly Column[],
    rows: readonly (readonly string[])[],
    where: "alone" | "in-text" = "alone",
  ): string {
    if (!this.isTerminal && where === "alone") {
      const lines = [columns.map((column) => column.head), ...rows]
      return lines.map((cells) => cells.map(oneLine).join("\t")).join("\n")
    }
    const table = new Table({
      head: columns.map((column) => this.c.dim(column.head)),
      colAligns: columns.map((column) => column.align ?? "left"),
      style: { head: [], border: [], "padding-left": 0, "padding-right": 2, compact: true },
      chars: PLAIN_RULES,
    })
    for (const cells of rows) table.push(cells.map(harmless))
    return table
      .toString()
      .split("\n")
      .map((line) => line.trimEnd())
      .join("\n")
  }

  /** Shown only when the work takes longer than a second. */
  progress(text: string): Progress {
    if (this.json) return { update: () => {}, done: () => {} }
    const progress = new ActiveProgress(this.stderr, this.ce, this.foreground, text, (ended) => {
      if (this.active === ended) this.active = undefined
    })
    this.active = progress
    return progress
  }

  private withoutProgress(write: () => unknown): void {
    this.active?.hide()
    write()
    this.active?.show()
  }
}

class ActiveProgress implements Progress {
  private readonly timers: NodeJS.Timeout[] = []
  private visible = false
  private shown = false
  private frame = 0
  private said = ""

  constructor(
    private readonly screen: Screen,
    private readonly colors: Colors,
    /** A line that is rewritten from the background would be painted over the shell's prompt. */
    private readonly foreground: () => boolean,
    private text: string | (() => string),
    private readonly ended: (progress: ActiveProgress) => void,
  ) {
    const start = setTimeout(() => {
      this.visible = true
      this.show()
    }, 1_000)
    start.unref()
    this.timers.push(start)
    if (screen.isTTY === true) {
      const spin = setInterval(() => this.turn(), 100)
      spin.unref()
      this.timers.push(spin)
    }
  }

  update(text: string | (() => string)): void {
    if (text === this.text) return
    this.hide()
    this.text = text
    this.show()
  }

  done(text?: string): void {
    for (const timer of this.timers) clearTimeout(timer)
    this.hide()
    this.visible = false
    this.ended(this)
    if (text !== undefined) this.screen.write(`${text}\n`)
  }

  show(): void {
    if (!this.visible) return
    const whole = typeof this.text === "string" ? this.text : this.text()
    if (this.screen.isTTY === true) {
      if (!this.foreground()) {
        this.shown = false
        return
      }
      const width = (this.screen.columns ?? 80) - 4
      const text = displayWidth(whole) > width ? `${whole.slice(0, Math.max(0, width - 1))}…` : whole
      this.screen.write(`\r\u001b[2K${this.colors.cyan(SPINNER[this.frame] ?? "")} ${text}`)
      this.shown = true
    } else if (this.said !== whole) {
      this.said = whole
      this.screen.write(`… ${whole}\n`)
    }
  }

  hide(): void {
    if (!this.shown) return
    this.shown = false
    if (!this.foreground()) return
    this.screen.write("\r\u001b[2K")
  }

  private turn(): void {
    this.frame = (this.frame + 1) % SPINNER.length
    if (this.visible) this.show()
  }
}

/** The four parts as JSON. */
export function failureJson({ code, message, why, do: cures }: Failure): object {
  return { code, message, why, do: cures }
}

/** The four parts as text: error, why, do, docs. */
export function failureText(failure: Failure, c: Colors): string {
  const block = (label: string, lines: readonly string[]) =>
    lines.map(
      (line, index) =>
        `  ${index === 0 ? c.dim(label) : " ".repeat(label.length)}${gap(label)}${harmless(line)}`,
    )
  return [
    `${c.red(c.bold("error"))} ${c.bold(failure.code)}: ${harmless(failure.message)}`,
    ...block("why", failure.why),
    ...block("do", failure.do),
    ...block("docs", [`drydock help ${failure.code}`]),
  ].join("\n")
}

function gap(label: string): string {
  return " ".repeat(6 - label.length)
}

function wantsColor(choice: ColorChoice, screen: Screen, env: NodeJS.ProcessEnv): boolean {
  if (choice !== "auto") return choice === "always"
  if ((env.NO_COLOR ?? "") !== "") return false
  return screen.isTTY === true && env.TERM !== "dumb"
}

function oneLine(text: string): string {
  return text.replaceAll(/[\t\r\n]+/g, " ")
}

const PLAIN_RULES = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "",
} as const

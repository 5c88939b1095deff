// Output of a job on its way into its object's log: bounded in lines and characters, the last ones are kept, and a line
// says how many were left out. What was sent and not heard of is sent again, so a line may stand there twice.

import { LIMITS } from "../../machines/limits.js"

/** Colours and other controls mean nothing in a record. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed.
const CONTROLS = /\u001b\[[0-9;?]*[A-Za-z]|[\u0000-\u001f\u007f]/g

export class JobLog {
  #lines: string[] = []
  #chars = 0
  #dropped = 0
  /** What the message under way carries. */
  #carried = 0

  /** Adds a text, line by line. Empty lines are left out. */
  add(text: string): void {
    for (const raw of text.split(/\r?\n/)) {
      const line = raw.replaceAll(CONTROLS, " ").trimEnd().slice(0, LIMITS.logLineChars)
      if (line === "") continue
      this.#lines.push(line)
      this.#chars += line.length
      // One line is for the number of those left out.
      while (this.#lines.length > LIMITS.logLinesPerMessage - 1 || this.#chars > LIMITS.logChars) this.#drop()
    }
  }

  /** For one message; the same and more until `sent`. */
  take(): readonly string[] {
    this.#carried = this.#lines.length
    return this.#dropped === 0 ? [...this.#lines] : [`… ${this.#dropped} lines left out`, ...this.#lines]
  }

  /** What was taken is stored, or can never be. */
  sent(): void {
    for (const line of this.#lines.splice(0, this.#carried)) this.#chars -= line.length
    this.#carried = 0
    this.#dropped = 0
  }

  #drop(): void {
    const line = this.#lines.shift() ?? ""
    this.#chars -= line.length
    this.#carried = Math.max(0, this.#carried - 1)
    this.#dropped++
  }
}

// Saying that somebody waits, and why: a line at every change of the reason; a terminal shows the time besides,
// elsewhere the line comes again every 30 s. What takes no longer than a blink is not mentioned.

import type { WhyAnswer } from "../client/index.js"
import type { Output, Progress } from "./output.js"
import { spell } from "./text.js"
import { waitingLine } from "./why-text.js"

const BLINK_MS = 300
const HEARTBEAT_MS = 30_000

export class Waiting {
  private readonly startedMs = performance.now()
  private readonly progress: Progress
  private readonly timers: readonly NodeJS.Timeout[]
  private why: WhyAnswer | undefined
  private said = ""

  constructor(
    private readonly out: Output,
    type: string,
  ) {
    this.progress = out.isConversation
      ? out.progress(`asking for ${type}`)
      : { update: () => {}, done: () => {} }
    const again = () => {
      if (!out.isConversation) this.line()
    }
    this.timers = [
      setTimeout(() => this.changed(), BLINK_MS).unref(),
      setInterval(again, HEARTBEAT_MS).unref(),
    ]
  }

  tell(why: WhyAnswer): void {
    this.why = why
    if (performance.now() - this.startedMs >= BLINK_MS) this.changed()
    this.progress.update(
      () => `${why.id} waits, ${spell(this.wholeSeconds())} by now (Ctrl-C gives up; drydock why ${why.id})`,
    )
  }

  end(): void {
    for (const timer of this.timers) clearTimeout(timer)
    this.progress.done()
  }

  private changed(): void {
    if (this.why === undefined) return
    const key = JSON.stringify([this.why.position, this.why.summary, this.why.waiting?.code])
    if (key !== this.said) this.line()
    this.said = key
  }

  private line(): void {
    if (this.why !== undefined)
      this.out.say(this.out.ce.dim(`  ${this.why.id} waits: ${waitingLine(this.why)}`))
  }

  private wholeSeconds(): number {
    return Math.floor((performance.now() - this.startedMs) / 1_000) * 1_000
  }
}

// What happens in the yard, as it happens. A person can read some twenty lines a second: what comes faster is counted.

import type { Drydock, YardRecord } from "../client/index.js"
import type { Output } from "./output.js"
import { count } from "./text.js"
import { isQuiet, transitionLine } from "./transition.js"

const LINES_PER_SECOND = 20

export class Live {
  private readonly over = new AbortController()
  private readonly showing: Promise<void>
  private shown = 0
  private folded = 0
  private waiting: { readonly seq: number; readonly resolve: () => void }[] = []

  private constructor(
    private readonly out: Output,
    private readonly yard: Drydock,
    /** Everything up to here has been shown, or was there before. */
    private seq: number,
  ) {
    this.showing = this.show()
  }

  /** Begins to show every record that is stored from now on. */
  static async start(out: Output, yard: Drydock): Promise<Live> {
    return new Live(out, yard, (await yard.status()).journal)
  }

  /** Resolves when everything that is stored by now has been shown. */
  async caughtUp(): Promise<void> {
    const { journal } = await this.yard.status()
    if (this.seq >= journal) return
    const reached = new Promise<void>((resolve) => this.waiting.push({ seq: journal, resolve }))
    await Promise.race([reached, this.showing])
  }

  /** Ends it. Rejects with what the watch threw. */
  async stop(): Promise<void> {
    this.over.abort()
    await this.showing
  }

  private async show(): Promise<void> {
    const tick = setInterval(() => this.nextSecond(), 1_000)
    try {
      for await (const { seq, record } of this.yard.watch({ after: this.seq, signal: this.over.signal })) {
        this.line(seq, record)
        this.seq = seq
        for (const { resolve } of this.waiting.filter((one) => one.seq <= seq)) resolve()
        this.waiting = this.waiting.filter((one) => one.seq > seq)
      }
    } finally {
      clearInterval(tick)
    }
  }

  private line(seq: number, record: YardRecord): void {
    if (this.out.json || this.shown < LINES_PER_SECOND) {
      if (!this.out.json && isQuiet(record)) return
      this.shown++
      this.out.event({ event: "record", seq, record }, () => transitionLine(record, this.out.c))
    } else this.folded++
  }

  private nextSecond(): void {
    const { folded, out } = this
    this.shown = 0
    this.folded = 0
    if (folded > 0)
      out.event({ event: "folded", records: folded }, () =>
        out.c.dim(`… and ${count(folded, "more record")} in this second`),
      )
  }
}

// Which commands without a record of their own were accepted: those whose effect held already. The next record's header
// says it, `<first>:<command>,<command>-<command>,…`, complete from the command `first` on. So a host that takes over
// tells the same outcome as the host that decided: a command at or below the cursor has a record, or stands in a list,
// or is refused for ever. Nothing is decided a second time.

/** On a record: what was accepted without one since the record before. */
export const REPEATED_HEADER = "Drydock-Repeated"
/** So that the header stays far below what the server takes, some 5 KB. */
const RANGES = 250

export class RepeatedList {
  #ranges: [first: number, last: number][] = []
  /** Below this, ranges had to be left out. */
  #from = 0

  /** Commands come in ascending order, those that nobody waits for are not told. */
  add(command: number): void {
    const last = this.#ranges.at(-1)
    if (last?.[1] === command - 1) last[1] = command
    else this.#ranges.push([command, command])
    if (this.#ranges.length <= RANGES) return
    const left = this.#ranges.shift()
    this.#from = (left?.[1] ?? 0) + 1
  }

  /** The list since the record of a command, for the header of the next one; begins anew. Undefined when there is none. */
  take(after: number): string | undefined {
    const first = Math.max(after + 1, this.#from)
    const ranges = this.#ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
    this.#ranges = []
    this.#from = 0
    return ranges.length === 0 ? undefined : `${first}:${ranges.join(",")}`
  }
}

/** Whether a header says that a command was accepted; undefined when it does not reach back to it. */
export function wasRepeated(header: string | undefined, command: number): boolean | undefined {
  if (header === undefined) return false
  const [first, ranges = ""] = header.split(":")
  if (command < Number(first)) return undefined
  return ranges.split(",").some((range) => {
    const [from, to = from] = range.split("-").map(Number)
    return from !== undefined && to !== undefined && from <= command && command <= to
  })
}

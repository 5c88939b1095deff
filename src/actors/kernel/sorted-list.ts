// A list that is always in order: chunks of at most 512, so that inserting, removing and looking at the first costs
// the logarithm of the length plus the length of one chunk. Equal elements by the order are the same element.

const CHUNK = 512

export class SortedList<T> implements Iterable<T> {
  readonly #chunks: T[][] = []
  #size = 0

  constructor(readonly compare: (a: T, b: T) => number) {}

  get size(): number {
    return this.#size
  }

  /** False when it was there already. */
  add(item: T): boolean {
    const at = this.#chunkFor(item)
    const chunk = this.#chunks[at]
    if (chunk === undefined) {
      this.#chunks.push([item])
      this.#size = 1
      return true
    }
    const index = this.#indexIn(chunk, item)
    const there = chunk[index]
    if (there !== undefined && this.compare(there, item) === 0) return false
    chunk.splice(index, 0, item)
    if (chunk.length > CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK / 2))
    this.#size++
    return true
  }

  /** False when it was not there. */
  delete(item: T): boolean {
    const at = this.#chunkFor(item)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return false
    const index = this.#indexIn(chunk, item)
    const there = chunk[index]
    if (there === undefined || this.compare(there, item) !== 0) return false
    chunk.splice(index, 1)
    if (chunk.length === 0) this.#chunks.splice(at, 1)
    this.#size--
    return true
  }

  first(): T | undefined {
    return this.#chunks[0]?.[0]
  }

  /** How many come before it; it need not be there. */
  rank(item: T): number {
    const at = this.#chunkFor(item)
    let before = 0
    for (let index = 0; index < at; index++) before += this.#chunks[index]?.length ?? 0
    const chunk = this.#chunks[at]
    return chunk === undefined ? before : before + this.#indexIn(chunk, item)
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const chunk of this.#chunks) yield* chunk
  }

  /** The element at a place, counted from the first; undefined past the end. */
  at(place: number): T | undefined {
    let left = place
    for (const chunk of this.#chunks) {
      if (left < chunk.length) return chunk[left]
      left -= chunk.length
    }
    return undefined
  }

  /** The first chunk whose last element is not before the item; the last chunk otherwise. */
  #chunkFor(item: T): number {
    let low = 0
    let high = Math.max(0, this.#chunks.length - 1)
    while (low < high) {
      const middle = (low + high) >> 1
      const chunk = this.#chunks[middle]
      const last = chunk?.[chunk.length - 1]
      if (last !== undefined && this.compare(last, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #indexIn(chunk: readonly T[], item: T): number {
    let low = 0
    let high = chunk.length
    while (low < high) {
      const middle = (low + high) >> 1
      const there = chunk[middle]
      if (there !== undefined && this.compare(there, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

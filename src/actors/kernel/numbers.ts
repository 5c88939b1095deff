// Numbered places of one blueprint: 0, 1, 2 … without end. Which are free is a function of which are taken, however it
// came about, so that a recovered yard hands out the same numbers as one that never stopped.

import { SortedList } from "./sorted-list.js"

const ascending = (a: number, b: number) => a - b

export class Numbers {
  readonly #taken = new SortedList<number>(ascending)
  /** Free numbers below `#end`. */
  readonly #gaps = new SortedList<number>(ascending)
  /** One more than the greatest number that is taken. */
  #end = 0

  take(n: number): void {
    if (!this.#taken.add(n)) return
    if (n < this.#end) this.#gaps.delete(n)
    else {
      for (let gap = this.#end; gap < n; gap++) this.#gaps.add(gap)
      this.#end = n + 1
    }
  }

  free(n: number): void {
    if (!this.#taken.delete(n)) return
    if (n < this.#end - 1) this.#gaps.add(n)
    else {
      this.#end = n
      while (this.#gaps.delete(this.#end - 1)) this.#end--
    }
  }

  /** Free numbers in ascending order, without end. */
  *[Symbol.iterator](): Iterator<number> {
    yield* this.#gaps
    for (let n = this.#end; ; n++) yield n
  }
}

/** `allocator(<blueprint>).limit(<n>)`: the slot lock of a numbered place (section 2.6 of the ancestor's reference). */
export function numberedSite(blueprint: string, n: number): string {
  return `allocator(${blueprint}).limit(${n})`
}

const NUMBERED = /^allocator\(([A-Za-z0-9_-]{1,64})\)\.limit\((\d{1,9})\)$/

export function parseNumberedSite(
  key: string,
): { readonly blueprint: string; readonly n: number } | undefined {
  const [, blueprint, n] = NUMBERED.exec(key) ?? []
  return blueprint === undefined || n === undefined ? undefined : { blueprint, n: Number(n) }
}

// Random choices that can be made again: a run is known by its seed.

export interface Random {
  /** 0 ≤ x < 1 */
  next(): number
  /** An integer from 0 to `below` - 1. */
  below(below: number): number
  pick<T>(from: readonly [T, ...T[]]): T
}

/** mulberry32 */
export function random(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return { next, below, pick: (from) => from[below(from.length)] ?? from[0] }
}

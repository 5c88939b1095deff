import fc from "fast-check"
import { expect, test } from "vitest"
import { SortedList } from "../../../src/actors/kernel/sorted-list.js"

const numbers = fc.array(fc.record({ add: fc.boolean(), n: fc.integer({ min: 0, max: 3_000 }) }), {
  maxLength: 3_000,
  size: "max",
})

test("a sorted list is a sorted set, whatever is added and removed in whatever order", () => {
  fc.assert(
    fc.property(numbers, (changes) => {
      const list = new SortedList<number>((a, b) => a - b)
      const set = new Set<number>()
      for (const { add, n } of changes) {
        expect(add ? list.add(n) : list.delete(n)).toBe(add ? !set.has(n) : set.has(n))
        if (add) set.add(n)
        else set.delete(n)
      }
      const sorted = [...set].sort((a, b) => a - b)
      expect([...list]).toEqual(sorted)
      expect(list.size).toBe(sorted.length)
      expect(list.first()).toBe(sorted[0])
      for (const n of [0, 7, 1_500, 3_001])
        expect(list.rank(n)).toBe(sorted.filter((other) => other < n).length)
      for (const place of [0, 1, 600, sorted.length]) expect(list.at(place)).toBe(sorted[place])
    }),
    { numRuns: 50 },
  )
})

test("10,000 in one list come out in order", () => {
  const list = new SortedList<number>((a, b) => a - b)
  for (let n = 0; n < 10_000; n++) list.add((n * 7_919) % 10_007)
  const all = [...list]
  expect(all).toEqual([...all].sort((a, b) => a - b))
})

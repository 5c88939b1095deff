// Asking: what the page says of every answer and of every failure is checked with each.

import { expect } from "vitest"
import type { Stage, TestRecord } from "./stage.js"

export type Answer = { [key: string]: unknown }

export const ids = (records: readonly TestRecord[]) => records.map(({ id }) => id)

/** JSON with sorted keys, `__proto__` among them, which matchers pass over. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`
}

export function inquire(on: Stage) {
  async function ask(name: string, body: object = {}): Promise<Answer> {
    const answer = await on.alice.ask(name, body)
    expect(answer).not.toHaveProperty("error")
    expect(answer.journal).toEqual(expect.any(Number))
    return answer
  }
  return {
    ask,

    async items<Item>(name: string, body: object = {}): Promise<Item[]> {
      const answer = await ask(name, body)
      expect(answer.items).toEqual(expect.any(Array))
      return answer.items as Item[]
    },

    /** Asks something that must fail; bodies that are texts or bytes go as they are. */
    async failure(name: string, body: unknown = {}): Promise<{ code: string; message: string }> {
      const data = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body)
      const answer = await on.alice.nc.request(`drydock.default.query.${name}.alice`, data, {
        timeout: 20_000,
      })
      const said = answer.json<Answer>()
      expect(said.error).toEqual({
        code: expect.stringMatching(/^[a-z-]+$/),
        message: expect.stringMatching(/\S/),
      })
      return said.error as { code: string; message: string }
    },
  }
}

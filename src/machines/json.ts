// JSON as data: attributes, properties, config, names of bindings. Nothing here may ever copy a key by plain
// assignment, because a key may be `__proto__`: own properties are made by Object.fromEntries only.

import { z } from "zod"
import { LIMITS } from "./limits.js"

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** Why a parsed JSON value cannot be kept, or undefined. Iterative: depth is hostile. */
export function jsonFault(value: unknown): string | undefined {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > LIMITS.jsonDepth) return `nests deeper than ${LIMITS.jsonDepth}`
    const next: unknown[] = []
    for (const item of level) {
      if (item === null || typeof item === "string" || typeof item === "boolean") continue
      if (typeof item === "number") {
        if (!Number.isFinite(item)) return "holds a number that JSON cannot keep"
        continue
      }
      if (typeof item !== "object") return "is not JSON"
      for (const inner of Object.values(item)) next.push(inner)
    }
    level = next
  }
  return undefined
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** Any JSON object, kept as it came. */
export const jsonObject = z.custom<JsonObject>((value) => isObject(value) && jsonFault(value) === undefined, {
  error: (issue) =>
    isObject(issue.input)
      ? `attributes ${jsonFault(issue.input) ?? "are not JSON"}`
      : "expected a JSON object",
})

/** On an issue: the value is well formed but too much, so the refusal is `over-limit`, not `invalid`. */
const OVER_LIMIT = { code: "over-limit" }

/** Whether a schema refused a value only because there is too much of it. */
export function isOverLimit(error: z.ZodError): boolean {
  return error.issues.every((issue) => issue.code === "custom" && issue.params === OVER_LIMIT)
}

/** A JSON object used as a dictionary: names are data, values have a schema. */
export function dictionary<Value extends z.ZodType>(value: Value, limit: number, what: string) {
  return z.unknown().transform((input, context): { readonly [name: string]: z.output<Value> } => {
    if (!isObject(input)) {
      context.addIssue({ code: "custom", message: "expected an object", input })
      return z.NEVER
    }
    const names = Object.keys(input)
    if (names.length > limit) {
      context.addIssue({ code: "custom", message: `at most ${limit} ${what}`, input, params: OVER_LIMIT })
      return z.NEVER
    }
    const entries: [string, z.output<Value>][] = []
    for (const name of names.sort()) {
      if (name.length === 0 || name.length > 100) {
        context.addIssue({ code: "custom", message: `a name of 1 to 100 characters is needed`, path: [name] })
        continue
      }
      const parsed = value.safeParse(Object.getOwnPropertyDescriptor(input, name)?.value)
      if (parsed.success) entries.push([name, parsed.data])
      else
        for (const issue of parsed.error.issues)
          context.addIssue({ code: "custom", message: issue.message, path: [name, ...issue.path] })
    }
    return Object.fromEntries(entries)
  })
}

/** One text per value: keys sorted at every level, so equal data has equal text. Input has passed `jsonFault`. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (isObject(value)) {
    const parts: string[] = []
    for (const key of Object.keys(value).sort()) {
      const inner = Object.getOwnPropertyDescriptor(value, key)?.value
      if (inner !== undefined) parts.push(`${JSON.stringify(key)}:${canonical(inner)}`)
    }
    return `{${parts.join(",")}}`
  }
  return JSON.stringify(value) ?? "null"
}

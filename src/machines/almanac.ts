// What the Almanac kinds share: names, properties, and the refusals of objects that were removed.

import { z } from "zod"
import { canonical } from "./json.js"
import { OBJECT_ID } from "./names.js"
import type { RejectionCode } from "./rejection.js"

/**
 * An Almanac name: 3 to 100 characters of lower-case letters, digits, dots and hyphens; starts and ends with a letter
 * or digit; no part of digits only; no `..`, `--`, `.-` or `-.` (the ancestor's rules).
 */
export const almanacName = z
  .string()
  .min(3, { error: "an Almanac name has 3 to 100 characters" })
  .max(100, { error: "an Almanac name has 3 to 100 characters" })
  .refine((name) => /^[a-z0-9.-]*$/.test(name), {
    error: "an Almanac name is lower-case letters, digits, dots and hyphens",
  })
  .refine((name) => /^[a-z0-9]/.test(name) && /[a-z0-9]$/.test(name), {
    error: "an Almanac name starts and ends with a letter or a digit",
  })
  .refine((name) => !/\.\.|--|\.-|-\./.test(name), {
    error: "an Almanac name has no two of dot and hyphen side by side",
  })
  .refine((name) => !name.split(".").some((part) => /^\d+$/.test(part)), {
    error: "no part of an Almanac name is digits only",
  })

export const almanacId = z
  .string()
  .regex(OBJECT_ID, { error: "not an id: letters, digits, _ and -, at most 64" })

export const nothing = z.strictObject({})

export const refuse = (code: RejectionCode, message: string) =>
  ({ type: "refuse", params: { code, message } }) as const

export const wasRemoved = { actions: refuse("not-allowed", "it was removed: `put` it again first") } as const

export function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b)
}

// What policies return, looked at before it is believed. A policy is somebody's code, perhaps without types: what it
// gets wrong is its blueprint's problem, never the yard's (rule 2, K-09).

import type { AnyPolicy, BoundPolicy, Survey } from "../../blueprints/blueprint.js"
import { isObject, type JsonObject, jsonFault } from "../../machines/json.js"
import { LIMITS } from "../../machines/limits.js"

/** The survey, if it is one. Throws what is wrong with it. */
export function soundSurvey(survey: Survey): Survey {
  const { sites, closed, problems } = survey
  if (!Array.isArray(sites) || !(closed instanceof Map) || !Array.isArray(problems))
    throw new Error("its survey has no sites, closed places and problems")
  const keys = new Set<string>()
  for (const { key, attributes } of sites) {
    if (!isSlot(key)) throw new Error("a place has no key of at most 400 characters")
    if (keys.has(key)) throw new Error(`it names the place ${key} twice`)
    keys.add(key)
    soundAttributes(attributes)
  }
  return survey
}

/** Attributes as they will be read back from the journal. Throws what is wrong with them. */
export function soundAttributes(attributes: unknown): JsonObject {
  const text = JSON.stringify(attributes)
  if (text === undefined || text.length > LIMITS.planBytes)
    throw new Error(`attributes are a JSON object of at most ${LIMITS.planBytes / 1024} KiB`)
  const json: unknown = JSON.parse(text)
  const fault = isObject(json) ? jsonFault(json) : "is none"
  if (fault !== undefined) throw new Error(`attributes are a JSON object, but this ${fault}`)
  // Sound: that is what was just looked at.
  return json as JsonObject
}

/** Whether a policy counts leases and names their slots as it should. */
export function isSound(policy: AnyPolicy, { leasesPerResource }: BoundPolicy): boolean {
  if (leasesPerResource === null) return true
  if (!Number.isInteger(leasesPerResource) || leasesPerResource < 1) return false
  const slots = [0, 1].slice(0, leasesPerResource).map((n) => policy.leaseSlot("r0", n))
  return slots.every(isSlot) && new Set(slots).size === slots.length
}

export function isSlot(key: unknown): key is string {
  return typeof key === "string" && key.length > 0 && key.length <= LIMITS.slotChars
}

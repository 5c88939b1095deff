// Rule 3 once more, as simply as it can be said: from the records alone, with loops and no index. Slow, and by another
// way than src/actors/kernel/entitlement.ts.

import type { Yard } from "../../../src/actors/kernel/index.js"
import type {
  BlueprintRecord,
  LeaseRecord,
  ResourceRecord,
  YardRecord,
} from "../../../src/machines/record.js"

const WINDOW = 32

interface Site {
  readonly key: string
  readonly attributes: string
}

/** Leases of a type that are entitled, each with what it would get. */
export function entitledBy(yard: Yard, type: string): Map<string, string> {
  const records = [...yard.actors.values()].map(({ record }) => record)
  const leases = records.filter((record): record is LeaseRecord => record.kind === "lease")
  const resources = records.filter((record): record is ResourceRecord => record.kind === "resource")
  const blueprints = records
    .filter((record): record is BlueprintRecord => record.kind === "blueprint" && type === "host")
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const waiting = leases
    .filter((lease) => lease.to === "pending" && lease.context.type === type)
    .sort((a, b) => a.context.order - b.context.order)
  const held = new Set([...leases, ...resources].flatMap((record) => record.context.slots))
  const born = new Set(resources.map(({ id }) => id))
  const builds = leases.flatMap((lease) =>
    lease.to === "pending" && lease.context.build ? [lease.context.build] : [],
  )
  const unborn = builds.filter((build) => !born.has(build.resource))
  for (const build of unborn) held.add(build.site)
  const load = (resource: string) =>
    leases.filter((lease) => lease.context.resource === resource && lease.to !== "destroyed").length
  const extra = new Map<string, number>()
  const built = new Map<string, number>()
  const entitled = new Map<string, string>()

  const usable = (blueprint: BlueprintRecord) =>
    blueprint.to === "enabled" ? sitesOf(records, blueprint) : []
  const open = (blueprint: BlueprintRecord) => {
    const sites = usable(blueprint)
    return resources
      .filter((resource) => resource.to === "active" && resource.context.blueprint === blueprint.id)
      .filter(({ context }) =>
        sites.some((site) => site.key === context.site && site.attributes === text(context.attributes)),
      )
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }
  const total = (resource: ResourceRecord) => load(resource.id) + (extra.get(resource.id) ?? 0)

  for (const lease of waiting) {
    if (entitled.size >= WINDOW) break
    const own = lease.context.build
    const building =
      own !== null &&
      (!born.has(own.resource) || resources.some(({ id, to }) => id === own.resource && to === "pending"))
    const candidates =
      lease.context.blueprints === null
        ? blueprints
        : lease.context.blueprints.flatMap((id) => blueprints.filter((blueprint) => blueprint.id === id))
    const idle = candidates
      .flatMap((blueprint) => open(blueprint).filter((resource) => total(resource) === 0))
      .at(0)
    const grant = (resource: ResourceRecord) => {
      extra.set(resource.id, (extra.get(resource.id) ?? 0) + 1)
      entitled.set(lease.id, resource.id)
    }
    if (idle !== undefined) {
      grant(idle)
      continue
    }
    if (building) continue
    let done = false
    for (const blueprint of candidates) {
      const live = resources.filter(
        (resource) => resource.context.blueprint === blueprint.id && resource.to !== "destroyed",
      ).length
      const ordered = unborn.filter((build) => build.blueprint === blueprint.id).length
      const limit = blueprint.context.limit ?? Number.POSITIVE_INFINITY
      if (live + ordered + (built.get(blueprint.id) ?? 0) >= limit) continue
      const site = usable(blueprint).find(({ key }) => !held.has(key))
      if (site === undefined) continue
      held.add(site.key)
      built.set(blueprint.id, (built.get(blueprint.id) ?? 0) + 1)
      entitled.set(lease.id, site.key)
      done = true
      break
    }
    if (done) continue
    for (const blueprint of candidates) {
      const most = Number(blueprint.context.config.leasesPerHost ?? Number.POSITIVE_INFINITY)
      const [least] = open(blueprint)
        .filter((resource) => load(resource.id) > 0 && total(resource) < most)
        .sort((a, b) => total(a) - total(b) || (a.id < b.id ? -1 : 1))
      if (least === undefined) continue
      grant(least)
      break
    }
  }
  return entitled
}

function sitesOf(records: readonly YardRecord[], blueprint: BlueprintRecord): Site[] {
  const sites: Site[] = []
  for (const id of blueprint.context.config.services as string[]) {
    const service = records.find((record) => record.kind === "service" && record.id === id)
    if (service?.kind !== "service" || service.to !== "present") continue
    for (const [name, binding] of Object.entries(service.context.bindings)) {
      const device = records.find((record) => record.kind === "device" && record.id === binding.device)
      if (binding.disabled || device?.kind !== "device" || device.to !== "enabled") continue
      const at = Object.entries(device.context.interfaces).find(([name]) => name === binding.interface)?.[1]
      if (at === undefined) continue
      const { network, address, port, transport } = at
      const attributes = { device: binding.device, service: id, binding: name, interface: binding.interface }
      sites.push({
        key: `almanac.host.binding(${id}/${name})`,
        attributes: text({ ...attributes, network, address, port, transport }),
      })
    }
  }
  return sites
}

function text(attributes: object): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)))
}
